/* SPDX-License-Identifier: Apache-2.0
 *
 * tree_cases - keys as a tree: stat, list, remove.
 */
#include "lib/base/clock.h"
#include "lib/base/memory.h"
#include "test/driver/suite.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/banned.h"

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

const struct suite_case tree_cases[] = {
    SUITE_CASE(stat_tells_size_and_kind),
    SUITE_CASE(stat_finds_only_the_kind_that_is_looked_for),
    SUITE_CASE(list_of_a_fresh_storage_is_empty),
    SUITE_CASE(list_gives_direct_children_in_order),
    SUITE_CASE(list_of_many_children_is_complete),
    SUITE_CASE(list_of_nothing_or_content_is_not_found),
    SUITE_CASE(remove_takes_content_away),
    SUITE_CASE(remove_takes_all_below_and_no_neighbour),
    SUITE_CASE(remove_of_nothing_is_not_found),
    SUITE_CASE(removed_keys_can_be_put_again_as_the_other_kind),
    SUITE_CASE(remove_of_a_deep_tree_works),
    {NULL, NULL},
};
