/* SPDX-License-Identifier: Apache-2.0
 *
 * content_cases - small content, whole: put and get, and which keys there may be. What the tree of
 * keys looks like then is in tree_cases.c.
 */
#include "lib/base/memory.h"
#include "lib/task/task.h"
#include "test/driver/suite.h"

#include <string.h>

#include "lib/base/banned.h"

static void put_then_get_gives_the_content_back(struct store *store)
{
    static const char *const keys[] = {
        "/a",    "/1",     "/aa/bb/cc/dd", "/abc./abc",  "/.abc",  "/a--b",
        "/a-.b", "/_a/_b", "/A/B.c/D_e",   "/b/a.b-c_d", "/b/a.b", "/docker/v2",
    };

    for (size_t i = 0; i < array_count(keys); i++)
        expect_put(store, keys[i], keys[i]);
    for (size_t i = 0; i < array_count(keys); i++)
        expect_content(store, keys[i], keys[i]);
}

static void put_keeps_any_bytes(struct store *store)
{
    static const size_t sizes[] = {0, 1, 31, 4096, 65536, 65537, 1 << 20};
    struct error err = ERROR_INIT;

    for (size_t i = 0; i < array_count(sizes); i++) {
        auto_free char *bytes = make_bytes(sizes[i], (unsigned)i);
        auto_str content = STR_INIT(1 << 20);

        assert_int_equal(store_put(store, "/x/bytes", span_make(bytes, sizes[i]), &err), 0);
        assert_int_equal(store_get(store, "/x/bytes", &content, &err), 0);
        assert_int_equal(content.len, sizes[i]);
        assert_true(span_equals(str_span(&content), span_make(bytes, sizes[i])));
    }
}

static void put_replaces_longer_content(struct store *store)
{
    expect_put(store, "/a/link", "a rather long content");
    expect_put(store, "/a/link", "short");
    expect_content(store, "/a/link", "short");
    expect_put(store, "/a/link", "");
    expect_content(store, "/a/link", "");
}

static void get_appends_to_what_is_there(struct store *store)
{
    auto_str content = STR_INIT(16);
    struct error err = ERROR_INIT;

    expect_put(store, "/a", "content");
    str_append_text(&content, "before ");
    assert_int_equal(store_get(store, "/a", &content, &err), 0);
    assert_string_equal(str_text(&content), "before content");
}

static void get_refuses_content_beyond_the_room(struct store *store)
{
    auto_str content = STR_INIT(6);
    struct error err = ERROR_INIT;

    expect_put(store, "/a", "content");
    assert_int_equal(store_get(store, "/a", &content, &err), -1);
    assert_int_equal(err.code, ERROR_TOO_LARGE);
    assert_string_equal(str_text(&content), "");
    expect_put(store, "/a", "conten");
    assert_int_equal(store_get(store, "/a", &content, &err), 0);
    assert_string_equal(str_text(&content), "conten");
}

static void get_of_nothing_is_not_found(struct store *store)
{
    expect_missing(store, "/nothing");
    expect_missing(store, "/nothing/below");
    expect_put(store, "/dir/file", "x");
    expect_missing(store, "/dir");
    expect_missing(store, "/dir/file/below");
    expect_missing(store, "/dir/fil");
}

static void expect_put_exists(struct store *store, const char *key)
{
    struct error err = ERROR_INIT;

    assert_int_equal(store_put(store, key, SPAN("x"), &err), -1);
    assert_int_equal(err.code, ERROR_EXISTS);
}

static void put_refuses_a_directory_and_a_way_through_a_file(struct store *store)
{
    if (is_suite_remote())
        return;
    expect_put(store, "/dir/file", "x");
    expect_put_exists(store, "/dir");
    expect_put_exists(store, "/dir/file/below");
    expect_put_exists(store, "/dir/file/far/below");
    expect_content(store, "/dir/file", "x");
    expect_list(store, "/dir", "file ");
}

static void expect_key_refused(struct store *store, const char *key)
{
    auto_str content = STR_INIT(100);
    auto_storage_list list = {0};
    struct storage_stat stat;
    struct storage_writer *writer;
    struct storage_reader *reader;
    struct error err = ERROR_INIT;

    assert_int_equal(store_put(store, key, SPAN("x"), &err), -1);
    assert_int_equal(err.code, ERROR_KEY);
    assert_int_equal(store_get(store, key, &content, &err), -1);
    assert_int_equal(err.code, ERROR_KEY);
    assert_int_equal(store_remove(store, key, &err), -1);
    assert_int_equal(err.code, ERROR_KEY);
    assert_int_equal(store_writer_open(store, key, STORAGE_WRITER_CREATE, &writer, &err), -1);
    assert_int_equal(err.code, ERROR_KEY);
    assert_int_equal(store_reader_open(store, key, 0, &reader, &err), -1);
    assert_int_equal(err.code, ERROR_KEY);
    if (strcmp(key, "/") == 0)
        return;
    assert_int_equal(store_stat(store, key, &stat, &err), -1);
    assert_int_equal(err.code, ERROR_KEY);
    assert_int_equal(store_list(store, key, &list, &err), -1);
    assert_int_equal(err.code, ERROR_KEY);
}

static void keys_outside_of_the_grammar_are_refused(struct store *store)
{
    static const char *const keys[] = {
        "",          "/",       "a",       "a/b",    "//a",  "/a//b",  "/a/",    "/a/.",
        "/./a",      "/a/../b", "/..",     "/a b",   "/a+b", "/a%2fb", "/a\nb",  "/a:b",
        "/\xc3\xa4", "/a\\b",   "/a/b/..", "/a\x7f", "/*",   "/~a",    "/a/...", // the last is fine
    };
    auto_free char *too_long = xmalloc(1100);

    expect_put(store, "/ok", "x");
    for (size_t i = 0; i + 1 < array_count(keys); i++)
        expect_key_refused(store, keys[i]);
    expect_put(store, "/a/...", "x");
    expect_content(store, "/a/...", "x");
    memset(too_long, 'a', 1100);
    too_long[0] = '/';
    too_long[1025] = '\0';
    expect_key_refused(store, too_long);
}

static void errors_name_driver_verb_and_key(struct store *store)
{
    auto_str content = STR_INIT(100);
    struct error err = ERROR_INIT;

    assert_int_equal(store_get(store, "/no/such", &content, &err), -1);
    assert_non_null(strstr(err.message, suite_driver_name()));
    assert_non_null(strstr(err.message, "get /no/such: "));
}

/* ---- many at once ---- */

struct putter {
    struct store *store;
    int *left;
    struct task_wait *done;
    char content[9];
};

static void putter_main(void *arg)
{
    struct putter *putter = arg;

    for (int i = 0; i < 10; i++)
        expect_put(putter->store, "/shared/deep/link", putter->content);
    if (--*putter->left == 0)
        task_wake(putter->done);
}

static void concurrent_puts_leave_one_whole_content(struct store *store)
{
    struct task_wait done = TASK_WAIT_INIT;
    struct putter putters[8];
    struct error err = ERROR_INIT;
    auto_str content = STR_INIT(100);
    int left = (int)array_count(putters);

    for (size_t i = 0; i < array_count(putters); i++) {
        putters[i] = (struct putter){.store = store, .left = &left, .done = &done};
        memset(putters[i].content, (int)('a' + i), 8);
        putters[i].content[8] = '\0';
        task_spawn("putter", putter_main, &putters[i]);
    }
    assert_int_equal(task_wait(&done, SUITE_PATIENCE_MS, &err), 0);
    assert_int_equal(store_get(store, "/shared/deep/link", &content, &err), 0);
    assert_int_equal(content.len, 8);
    for (size_t i = 1; i < 8; i++)
        assert_int_equal(content.data[i], content.data[0]);
    expect_list(store, "/shared/deep", "link ");
}

/* Fewer times than the driver tries: each failed attempt of a put takes a removal. */
static void remover_main(void *arg)
{
    struct putter *remover = arg;
    struct error err = ERROR_INIT;

    for (int i = 0; i < 12; i++) {
        if (store_remove(remover->store, "/shared", &err) < 0 && err.code != ERROR_NOT_FOUND)
            fail_msg("%s", err.message);
        assert_int_equal(task_sleep(2, &err), 0);
    }
    if (--*remover->left == 0)
        task_wake(remover->done);
}

static void puts_succeed_while_their_directory_is_removed(struct store *store)
{
    struct task_wait done = TASK_WAIT_INIT;
    struct putter putters[3];
    struct error err = ERROR_INIT;
    int left = (int)array_count(putters);

    for (size_t i = 0; i < array_count(putters); i++)
        putters[i] =
            (struct putter){.store = store, .left = &left, .done = &done, .content = "12345678"};
    task_spawn("putter", putter_main, &putters[0]);
    task_spawn("putter", putter_main, &putters[1]);
    task_spawn("remover", remover_main, &putters[2]);
    assert_int_equal(task_wait(&done, SUITE_PATIENCE_MS, &err), 0);
    expect_put(store, "/shared/deep/link", "end");
    expect_content(store, "/shared/deep/link", "end");
}

const struct suite_case content_cases[] = {
    SUITE_CASE(put_then_get_gives_the_content_back),
    SUITE_CASE(put_keeps_any_bytes),
    SUITE_CASE(put_replaces_longer_content),
    SUITE_CASE(get_appends_to_what_is_there),
    SUITE_CASE(get_refuses_content_beyond_the_room),
    SUITE_CASE(get_of_nothing_is_not_found),
    SUITE_CASE(put_refuses_a_directory_and_a_way_through_a_file),
    SUITE_CASE(keys_outside_of_the_grammar_are_refused),
    SUITE_CASE(errors_name_driver_verb_and_key),
    SUITE_CASE(concurrent_puts_leave_one_whole_content),
    SUITE_CASE(puts_succeed_while_their_directory_is_removed),
    {NULL, NULL},
};
