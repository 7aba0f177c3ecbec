/* SPDX-License-Identifier: Apache-2.0
 *
 * s3_cases - what only an object store has: copies in parts, pages, neighbours that share a prefix,
 * a service that refuses. Upload sessions are in s3_upload_cases.c.
 */
#include "drivers/drivers.h"
#include "lib/base/memory.h"
#include "test/driver/s3_bucket.h"
#include "test/driver/suite.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/banned.h"

#define MIB (1 << 20)

static void long_content_is_copied_in_parts(struct store *store)
{
    static const size_t lens[] = {10 * MIB, 10 * MIB + 1, 17 * MIB};
    auto_free char *bytes = make_bytes(17 * MIB, 4);
    struct error err = ERROR_INIT;

    for (size_t i = 0; i < array_count(lens); i++) {
        assert_int_equal(store_put(store, "/up/data", span_make(bytes, lens[i]), &err), 0);
        expect_commit(expect_writer(store, "/up/data", STORAGE_WRITER_APPEND), "/to");
        expect_stream(store, "/to", 0, bytes, lens[i]);
    }
}

/* More than a page of names, and more than one request may remove. */
static void more_than_a_page_is_listed_and_removed(struct store *store)
{
    auto_storage_list list = {0};
    struct error err = ERROR_INIT;
    struct storage_stat stat;

    for (int i = 0; i < 1005; i++) {
        char key[64];

        snprintf(key, sizeof(key), "/many/%04d/link", i);
        expect_put(store, key, "x");
    }
    expect_put(store, "/many.x/link", "stays");
    assert_int_equal(store_list(store, "/many", &list, &err), 0);
    assert_int_equal(list.count, 1005);
    assert_string_equal(list.names[1004], "1004");
    assert_int_equal(store_remove(store, "/many", &err), 0);
    assert_int_equal(store_stat(store, "/many", &stat, &err), -1);
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    expect_content(store, "/many.x/link", "stays");
}

static void tags_that_share_a_prefix_are_kept_apart(struct store *store)
{
    static const char *const tags[] = {"/t/1/link", "/t/1-alpine/link", "/t/1.2/link",
                                       "/t/10/link"};
    struct error err = ERROR_INIT;
    struct storage_stat stat;

    for (size_t i = 0; i < array_count(tags); i++)
        expect_put(store, tags[i], tags[i]);
    assert_int_equal(store_remove(store, "/t/1", &err), 0);
    expect_missing(store, tags[0]);
    for (size_t i = 1; i < array_count(tags); i++)
        expect_content(store, tags[i], tags[i]);
    assert_int_equal(store_stat(store, "/t/1", &stat, &err), -1);
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    assert_int_equal(store_remove(store, "/t/1", &err), -1);
    expect_list(store, "/t", "1-alpine 1.2 10 ");
}

static void a_missing_bucket_is_no_missing_content(struct store *store)
{
    struct config config = {.storage.s3 = s3_config(suite_root())};
    auto_str content = STR_INIT(100);
    char nowhere[] = "there-is-no-such-bucket";
    struct error err = ERROR_INIT;
    struct storage_stat stat;
    struct store *other;

    (void)store;
    config.storage.s3.bucket = nowhere;
    assert_int_equal(store_open(&s3_driver, &config, &other, &err), 0);
    assert_int_equal(store_get(other, "/a/link", &content, &err), -1);
    assert_int_equal(err.code, ERROR_IO);
    assert_non_null(strstr(err.message, "NoSuchBucket"));
    assert_int_equal(store_stat(other, "/a/link", &stat, &err), -1);
    assert_int_equal(err.code, ERROR_IO);
    store_close(other);
}

static void wrong_keys_are_said_without_being_shown(struct store *store)
{
    struct config config = {.storage.s3 = s3_config(suite_root())};
    auto_str content = STR_INIT(100);
    char wrong[] = "wrong-secret";
    struct error err = ERROR_INIT;
    struct store *other;

    (void)store;
    config.storage.s3.secret_key = wrong;
    assert_int_equal(store_open(&s3_driver, &config, &other, &err), 0);
    assert_int_equal(store_get(other, "/a/link", &content, &err), -1);
    assert_int_equal(err.code, ERROR_IO);
    assert_non_null(strstr(err.message, "SignatureDoesNotMatch"));
    assert_null(strstr(err.message, wrong));
    store_close(other);
}

static void the_old_signature_works_for_all_calls(struct store *store)
{
    struct config config = {.storage.s3 = s3_config(suite_root())};
    auto_free char *bytes = make_bytes(12 * MIB, 6);
    struct storage_writer *writer;
    struct error err = ERROR_INIT;
    struct store *other;

    (void)store;
    config.storage.s3.is_v4_auth = false;
    assert_int_equal(store_open(&s3_driver, &config, &other, &err), 0);
    writer = expect_writer(other, "/up/data", STORAGE_WRITER_CREATE);
    expect_write_in_pieces(writer, bytes, 3);
    store_writer_close(writer);
    writer = expect_writer(other, "/up/data", STORAGE_WRITER_APPEND);
    expect_write_in_pieces(writer, bytes + 3, 12 * MIB - 3);
    expect_commit(writer, "/v2/blob");
    expect_stream(other, "/v2/blob", 9, bytes + 9, 12 * MIB - 9);
    expect_list(other, "/v2", "blob ");
    assert_int_equal(store_remove(other, "/v2", &err), 0);
    store_close(other);
}

const struct suite_case s3_cases[] = {
    SUITE_CASE(long_content_is_copied_in_parts),
    SUITE_CASE(more_than_a_page_is_listed_and_removed),
    SUITE_CASE(tags_that_share_a_prefix_are_kept_apart),
    SUITE_CASE(a_missing_bucket_is_no_missing_content),
    SUITE_CASE(wrong_keys_are_said_without_being_shown),
    SUITE_CASE(the_old_signature_works_for_all_calls),
    {NULL, NULL},
};
