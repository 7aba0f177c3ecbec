/* SPDX-License-Identifier: Apache-2.0
 *
 * content_cases - small content, whole: put, get, stat, list, move, remove, and keys.
 */
#include "lib/base/clock.h"
#include "lib/base/memory.h"
#include "lib/task/task.h"
#include "test/driver/suite.h"

#include <stdio.h>
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
    assert_int_equal(store_move(store, key, "/ok", &err), -1);
    assert_int_equal(err.code, ERROR_KEY);
    assert_int_equal(store_move(store, "/ok", key, &err), -1);
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

static void stat_tells_size_and_kind(struct store *store)
{
    struct error err = ERROR_INIT;
    struct storage_stat stat;
    struct timespec before = clock_now();

    expect_put(store, "/dir/file", "12345");
    assert_int_equal(store_stat(store, "/dir/file", &stat, &err), 0);
    assert_int_equal(stat.size, 5);
    assert_false(stat.is_directory);
    assert_true(stat.modified_at.tv_sec >= before.tv_sec - 1);
    assert_true(stat.modified_at.tv_sec <= clock_now().tv_sec + 1);
    assert_int_equal(store_stat(store, "/dir", &stat, &err), 0);
    assert_int_equal(stat.size, 0);
    assert_true(stat.is_directory);
    assert_int_equal(store_stat(store, "/", &stat, &err), 0);
    assert_true(stat.is_directory);
    assert_int_equal(store_stat(store, "/dir/other", &stat, &err), -1);
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    assert_int_equal(store_stat(store, "/dir/file/below", &stat, &err), -1);
    assert_int_equal(err.code, ERROR_NOT_FOUND);
}

static void stat_finds_only_the_kind_that_is_looked_for(struct store *store)
{
    struct storage_stat stat;
    struct error err = ERROR_INIT;

    expect_put(store, "/dir/file", "12345");
    assert_int_equal(store_stat_content(store, "/dir/file", &stat, &err), 0);
    assert_int_equal(stat.size, 5);
    assert_false(stat.is_directory);
    assert_int_equal(store_stat_directory(store, "/dir", &stat, &err), 0);
    assert_true(stat.is_directory);
    assert_int_equal(store_stat_directory(store, "/", &stat, &err), 0);
    assert_int_equal(store_stat_content(store, "/dir", &stat, &err), -1);
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    assert_int_equal(store_stat_content(store, "/", &stat, &err), -1);
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    assert_int_equal(store_stat_directory(store, "/dir/file", &stat, &err), -1);
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    assert_int_equal(store_stat_content(store, "/dir/other", &stat, &err), -1);
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    assert_int_equal(store_stat_directory(store, "/other", &stat, &err), -1);
    assert_int_equal(err.code, ERROR_NOT_FOUND);
}

static void list_of_a_fresh_storage_is_empty(struct store *store)
{
    expect_list(store, "/", "");
}

static void list_gives_direct_children_in_order(struct store *store)
{
    expect_put(store, "/r/a/x", "");
    expect_put(store, "/r/a-b/x", "");
    expect_put(store, "/r/a.b", "");
    expect_put(store, "/r/B", "");
    expect_put(store, "/r/a/y/z", "");
    expect_put(store, "/r/_a", "");
    expect_put(store, "/ra/x", "");
    expect_list(store, "/r", "B _a a a-b a.b ");
    expect_list(store, "/r/a", "x y ");
    expect_list(store, "/", "r ra ");
}

static void list_of_many_children_is_complete(struct store *store)
{
    auto_str names = STR_INIT(1 << 16);

    for (int i = 0; i < 300; i++) {
        char key[32];

        snprintf(key, sizeof(key), "/many/%03d", (i * 7) % 300);
        expect_put(store, key, "");
        str_append_format(&names, "%03d ", i);
    }
    expect_list(store, "/many", str_text(&names));
}

static void list_of_nothing_or_content_is_not_found(struct store *store)
{
    auto_storage_list list = {0};
    struct error err = ERROR_INIT;

    expect_put(store, "/dir/file", "x");
    assert_int_equal(store_list(store, "/nothing", &list, &err), -1);
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    assert_int_equal(store_list(store, "/dir/file", &list, &err), -1);
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    assert_int_equal(list.count, 0);
}

static void move_takes_the_content_along(struct store *store)
{
    struct error err = ERROR_INIT;

    expect_put(store, "/from/data", "content");
    assert_int_equal(store_move(store, "/from/data", "/far/away/to", &err), 0);
    expect_missing(store, "/from/data");
    expect_content(store, "/far/away/to", "content");
}

static void move_replaces_what_is_there(struct store *store)
{
    struct error err = ERROR_INIT;

    expect_put(store, "/d/from", "new");
    expect_put(store, "/d/to", "something old");
    assert_int_equal(store_move(store, "/d/from", "/d/to", &err), 0);
    expect_content(store, "/d/to", "new");
    expect_list(store, "/d", "to ");
}

static void move_to_itself_changes_nothing(struct store *store)
{
    struct error err = ERROR_INIT;

    expect_put(store, "/d/x", "content");
    assert_int_equal(store_move(store, "/d/x", "/d/x", &err), 0);
    expect_content(store, "/d/x", "content");
}

static void move_of_nothing_keeps_the_destination(struct store *store)
{
    struct error err = ERROR_INIT;

    expect_put(store, "/to", "old");
    assert_int_equal(store_move(store, "/from", "/to", &err), -1);
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    expect_content(store, "/to", "old");
    assert_int_equal(store_move(store, "/no/where", "/new/place", &err), -1);
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    expect_list(store, "/", "to ");
}

static void move_refuses_directories_and_ways_through_files(struct store *store)
{
    struct error err = ERROR_INIT;

    if (is_suite_remote())
        return;
    expect_put(store, "/dir/file", "x");
    expect_put(store, "/other", "y");
    assert_int_equal(store_move(store, "/dir", "/moved", &err), -1);
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    assert_int_equal(store_move(store, "/other", "/dir", &err), -1);
    assert_int_equal(err.code, ERROR_EXISTS);
    assert_int_equal(store_move(store, "/other", "/dir/file/below", &err), -1);
    assert_int_equal(err.code, ERROR_EXISTS);
    expect_content(store, "/dir/file", "x");
    expect_content(store, "/other", "y");
    expect_list(store, "/", "dir other ");
}

static void remove_takes_content_away(struct store *store)
{
    struct error err = ERROR_INIT;

    expect_put(store, "/d/a", "x");
    expect_put(store, "/d/b", "y");
    assert_int_equal(store_remove(store, "/d/a", &err), 0);
    expect_missing(store, "/d/a");
    expect_list(store, "/d", "b ");
}

static void remove_takes_all_below_and_no_neighbour(struct store *store)
{
    struct error err = ERROR_INIT;

    expect_put(store, "/d/a/x", "");
    expect_put(store, "/d/a/y/z", "");
    expect_put(store, "/d/a-b/x", "stays");
    expect_put(store, "/d/ab", "stays");
    assert_int_equal(store_remove(store, "/d/a", &err), 0);
    expect_missing(store, "/d/a/x");
    expect_missing(store, "/d/a/y/z");
    expect_content(store, "/d/a-b/x", "stays");
    expect_content(store, "/d/ab", "stays");
    expect_list(store, "/d", "a-b ab ");
    assert_int_equal(store_remove(store, "/d", &err), 0);
    expect_list(store, "/", "");
}

static void remove_of_nothing_is_not_found(struct store *store)
{
    struct error err = ERROR_INIT;

    assert_int_equal(store_remove(store, "/nothing", &err), -1);
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    expect_put(store, "/file", "x");
    assert_int_equal(store_remove(store, "/file/below", &err), -1);
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    assert_int_equal(store_remove(store, "/file", &err), 0);
    assert_int_equal(store_remove(store, "/file", &err), -1);
    assert_int_equal(err.code, ERROR_NOT_FOUND);
}

static void removed_keys_can_be_put_again_as_the_other_kind(struct store *store)
{
    struct error err = ERROR_INIT;

    expect_put(store, "/x", "file");
    assert_int_equal(store_remove(store, "/x", &err), 0);
    expect_put(store, "/x/y", "now a directory");
    expect_content(store, "/x/y", "now a directory");
    assert_int_equal(store_remove(store, "/x", &err), 0);
    expect_put(store, "/x", "file");
    expect_content(store, "/x", "file");
}

static void remove_of_a_deep_tree_works(struct store *store)
{
    auto_str key = STR_INIT(1024);
    struct error err = ERROR_INIT;

    for (int i = 0; i < 140; i++)
        str_append_text(&key, "/d");
    expect_put(store, str_text(&key), "deep");
    expect_content(store, str_text(&key), "deep");
    assert_int_equal(store_remove(store, "/d", &err), 0);
    expect_list(store, "/", "");
}

static void errors_name_driver_verb_and_key(struct store *store)
{
    auto_str content = STR_INIT(100);
    struct error err = ERROR_INIT;

    assert_int_equal(store_get(store, "/no/such", &content, &err), -1);
    assert_non_null(strstr(err.message, suite_driver_name()));
    assert_non_null(strstr(err.message, "get /no/such: "));
    assert_int_equal(store_move(store, "/no/such", "/other", &err), -1);
    assert_non_null(strstr(err.message, "move /no/such to /other: "));
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
    SUITE_CASE(stat_tells_size_and_kind),
    SUITE_CASE(stat_finds_only_the_kind_that_is_looked_for),
    SUITE_CASE(list_of_a_fresh_storage_is_empty),
    SUITE_CASE(list_gives_direct_children_in_order),
    SUITE_CASE(list_of_many_children_is_complete),
    SUITE_CASE(list_of_nothing_or_content_is_not_found),
    SUITE_CASE(move_takes_the_content_along),
    SUITE_CASE(move_replaces_what_is_there),
    SUITE_CASE(move_to_itself_changes_nothing),
    SUITE_CASE(move_of_nothing_keeps_the_destination),
    SUITE_CASE(move_refuses_directories_and_ways_through_files),
    SUITE_CASE(remove_takes_content_away),
    SUITE_CASE(remove_takes_all_below_and_no_neighbour),
    SUITE_CASE(remove_of_nothing_is_not_found),
    SUITE_CASE(removed_keys_can_be_put_again_as_the_other_kind),
    SUITE_CASE(remove_of_a_deep_tree_works),
    SUITE_CASE(errors_name_driver_verb_and_key),
    SUITE_CASE(concurrent_puts_leave_one_whole_content),
    SUITE_CASE(puts_succeed_while_their_directory_is_removed),
    {NULL, NULL},
};
