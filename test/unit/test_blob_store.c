/* SPDX-License-Identifier: Apache-2.0
 *
 * Links and blobs of a repository: reading, mounting, removing, and what damage does to them.
 */
#include "lib/registry/blob_store.h"
#include "lib/registry/link.h"
#include "lib/storage/layout.h"
#include "lib/task/task.h"
#include "test/support/rig.h"
#include "test/support/trial.h"

#include <event2/buffer.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/banned.h"

#define KEY "/docker/registry/v2/repositories/r/_layers/sha256/x/link"

RIG_TEST(a_link_is_the_text_of_a_digest_and_nothing_else)
{
    struct digest digest = rig_put_blob(NULL, SPAN("content"));
    struct digest read;
    char *text;

    assert_ok(link_write(registry, KEY, &digest, &rig_error));
    text = rig_get(KEY, NULL);
    assert_string_equal(text, rig_text(&digest));
    free(text);
    assert_ok(link_read(registry, KEY, &read, &rig_error));
    assert_true(digest_equals(&read, &digest));
}

RIG_TEST(a_link_that_says_the_same_is_not_written_again)
{
    struct digest digest = rig_put_blob(NULL, SPAN("content"));

    assert_ok(link_write(registry, KEY, &digest, &rig_error));
    trial_arm(TRIAL_NONE, 0);
    assert_ok(link_write(registry, KEY, &digest, &rig_error));
    assert_int_equal(trial_count_of("put"), 0);
}

RIG_TEST(a_damaged_link_is_absent_and_can_be_written)
{
    struct digest digest = rig_put_blob(NULL, SPAN("content"));
    struct digest read;
    char with_newline[DIGEST_TEXT_SIZE + 1];
    char lengthy[400];
    const char *texts[] = {"", "sha256:", "sha256:44136f", with_newline, lengthy};

    snprintf(with_newline, sizeof(with_newline), "%s\n", rig_text(&digest));
    memset(lengthy, 'a', sizeof(lengthy));
    lengthy[sizeof(lengthy) - 1] = '\0';
    for (size_t i = 0; i < array_count(texts); i++) {
        rig_put(KEY, span_of(texts[i]));
        assert_fails(link_read(registry, KEY, &read, &rig_error), ERROR_NOT_FOUND);
        assert_ok(link_write(registry, KEY, &digest, &rig_error));
        assert_ok(link_read(registry, KEY, &read, &rig_error));
    }
}

static void mend_main(void *arg)
{
    assert_ok(task_sleep(5, &rig_error));
    rig_put(KEY, span_of(rig_text(arg)));
}

RIG_TEST(a_link_that_is_just_being_written_in_place_is_read)
{
    struct digest digest = rig_put_blob(NULL, SPAN("content"));
    struct digest read;

    rig_put(KEY, SPAN(""));
    task_spawn("mend", mend_main, &digest);
    assert_ok(link_read(registry, KEY, &read, &rig_error));
    assert_true(digest_equals(&read, &digest));
}

RIG_TEST(a_blob_needs_its_link_and_its_content)
{
    struct digest digest = rig_put_blob("r", SPAN("content"));
    struct blob blob;
    char detail[DIGEST_TEXT_SIZE + 2];

    assert_ok(blob_stat(registry, "r", &digest, &blob, &rig_error));
    assert_int_equal(blob.size, 7);
    assert_fails(blob_stat(registry, "other", &digest, &blob, &rig_error), ERROR_BLOB_UNKNOWN);
    snprintf(detail, sizeof(detail), "\"%s\"", rig_text(&digest));
    assert_string_equal(rig_error.detail, detail);
    rig_remove(layout_blob_data(&digest).text);
    assert_fails(blob_stat(registry, "r", &digest, &blob, &rig_error), ERROR_BLOB_UNKNOWN);
}

RIG_TEST(a_blob_is_read_from_an_offset)
{
    struct digest digest = rig_put_blob("r", SPAN("content"));
    struct evbuffer *data = evbuffer_new();
    struct storage_reader *reader;
    struct blob blob;

    assert_ok(blob_open(registry, "r", &digest, 3, &blob, &reader, &rig_error));
    assert_int_equal(blob.size, 7);
    assert_int_equal(store_reader_read(reader, data, 100, &rig_error), 1);
    assert_int_equal(evbuffer_get_length(data), 4);
    assert_memory_equal(evbuffer_pullup(data, -1), "tent", 4);
    store_reader_close(reader);
    evbuffer_free(data);
    rig_remove(layout_blob_data(&digest).text);
    assert_fails(blob_open(registry, "r", &digest, 0, &blob, &reader, &rig_error),
                 ERROR_BLOB_UNKNOWN);
    assert_fails(blob_open(registry, "s", &digest, 0, &blob, &reader, &rig_error),
                 ERROR_BLOB_UNKNOWN);
}

RIG_TEST(a_link_that_names_other_content_is_damaged)
{
    struct digest digest = rig_put_blob("r", SPAN("content"));
    struct digest other = rig_put_blob("r", SPAN("other"));
    struct blob blob;

    rig_put(layout_layer_link("r", &digest).text, span_of(rig_text(&other)));
    assert_fails(blob_stat(registry, "r", &digest, &blob, &rig_error), ERROR_BLOB_UNKNOWN);
}

RIG_TEST(a_directory_in_place_of_content_is_absence)
{
    struct digest digest = rig_put_blob("r", SPAN("content"));
    struct layout_key key = layout_blob_data(&digest);
    struct blob blob;
    char below[LAYOUT_KEY_SIZE + 8];

    rig_remove(key.text);
    snprintf(below, sizeof(below), "%s/x", key.text);
    rig_put(below, SPAN("y"));
    assert_fails(blob_stat(registry, "r", &digest, &blob, &rig_error), ERROR_BLOB_UNKNOWN);
}

RIG_TEST(a_mount_is_one_link_and_no_copy)
{
    struct digest digest = rig_put_blob("from", SPAN("content"));
    struct blob blob;

    trial_arm(TRIAL_NONE, 0);
    assert_ok(blob_mount(registry, "a/b", "from", &digest, &blob, &rig_error));
    assert_int_equal(trial_count_of("put"), 1);
    assert_int_equal(blob.size, 7);
    assert_ok(blob_stat(registry, "a/b", &digest, &blob, &rig_error));
    assert_ok(blob_mount(registry, "a/b", "a/b", &digest, &blob, &rig_error));
    assert_fails(blob_mount(registry, "a/b", "nowhere", &digest, &blob, &rig_error),
                 ERROR_BLOB_UNKNOWN);
    assert_int_equal(rig_check(), 3);
}

RIG_TEST(a_mount_by_an_alias_links_the_canonical_digest_too)
{
    struct digest digest = rig_put_blob("from", SPAN("content"));
    struct digest alias;
    struct blob blob;

    digest_of(DIGEST_SHA512, SPAN("content"), &alias);
    assert_ok(blob_link(registry, "from", &digest, &alias, &rig_error));
    assert_ok(blob_mount(registry, "to", "from", &alias, &blob, &rig_error));
    assert_true(digest_equals(&blob.digest, &digest));
    assert_ok(blob_stat(registry, "to", &digest, &blob, &rig_error));
    assert_ok(blob_stat(registry, "to", &alias, &blob, &rig_error));
    rig_check();
}

RIG_TEST(the_alias_link_that_upstream_leaves_by_a_mount_is_absent)
{
    struct digest alias;
    struct blob blob;

    digest_of(DIGEST_SHA512, SPAN("content"), &alias);
    rig_put(layout_layer_link("r", &alias).text, span_of(rig_text(&alias)));
    assert_fails(blob_stat(registry, "r", &alias, &blob, &rig_error), ERROR_BLOB_UNKNOWN);
}

RIG_TEST(remove_takes_the_link_of_this_repository_only)
{
    struct digest digest = rig_put_blob("r", SPAN("content"));
    struct blob blob;

    rig_put_blob("s", SPAN("content"));
    assert_ok(blob_remove(registry, "r", &digest, &rig_error));
    assert_fails(blob_remove(registry, "r", &digest, &rig_error), ERROR_BLOB_UNKNOWN);
    assert_fails(blob_stat(registry, "r", &digest, &blob, &rig_error), ERROR_BLOB_UNKNOWN);
    assert_ok(blob_stat(registry, "s", &digest, &blob, &rig_error));
    assert_true(rig_has(layout_blob_data(&digest).text));
    assert_true(rig_has(layout_layers("r").text)); /* it stays in the catalog */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_RUN(a_link_is_the_text_of_a_digest_and_nothing_else),
        RIG_RUN(a_link_that_says_the_same_is_not_written_again),
        RIG_RUN(a_damaged_link_is_absent_and_can_be_written),
        RIG_RUN(a_link_that_is_just_being_written_in_place_is_read),
        RIG_RUN(a_blob_needs_its_link_and_its_content),
        RIG_RUN(a_blob_is_read_from_an_offset),
        RIG_RUN(a_link_that_names_other_content_is_damaged),
        RIG_RUN(a_directory_in_place_of_content_is_absence),
        RIG_RUN(a_mount_is_one_link_and_no_copy),
        RIG_RUN(a_mount_by_an_alias_links_the_canonical_digest_too),
        RIG_RUN(the_alias_link_that_upstream_leaves_by_a_mount_is_absent),
        RIG_RUN(remove_takes_the_link_of_this_repository_only),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
