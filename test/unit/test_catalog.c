/* SPDX-License-Identifier: Apache-2.0
 *
 * The catalog: its order, its pages, and what it walks past.
 */
#include "lib/base/str.h"
#include "lib/registry/catalog.h"
#include "lib/registry/repository.h"
#include "lib/storage/layout.h"
#include "test/support/rig.h"
#include "test/support/trial.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/banned.h"

static void make(const char *repository)
{
    assert_ok(repository_keep(rig_registry(), repository, &rig_error));
}

static void make_all(void)
{
    static const char *const names[] = {"zz/a",
                                        "zz",
                                        "a-b",
                                        "a",
                                        "a/b",
                                        "a/b/c",
                                        "zz/1",
                                        "a.b",
                                        "a0",
                                        "img",
                                        "zz-a",
                                        "b",
                                        "deep/er/and/deeper"};

    for (size_t i = 0; i < array_count(names); i++)
        make(names[i]);
}

#define ALL "a a/b a/b/c a-b a.b a0 b deep/er/and/deeper img zz zz/1 zz/a zz-a "

/* The names of a page, each followed by a blank, and "+" when more follow. */
static const char *page(const char *last, size_t limit)
{
    static char text[4096];
    auto_storage_list list = {0};
    auto_str out = STR_INIT(sizeof(text) - 1);
    bool more = false;

    assert_ok(catalog_list(rig_registry(), last, limit, &list, &more, &rig_error));
    for (size_t i = 0; i < list.count; i++)
        str_append_format(&out, "%s ", list.names[i]);
    if (more)
        str_append_char(&out, '+');
    memcpy(text, str_text(&out), out.len + 1);
    return text;
}

RIG_TEST(an_empty_storage_is_an_empty_list)
{
    assert_string_equal(page("", 10), "");
    assert_string_equal(page("anything/at-all", 10), "");
}

RIG_TEST(names_come_in_order_with_the_slash_lowest)
{
    make_all();
    assert_string_equal(page("", 100), ALL);
}

RIG_TEST(a_page_says_whether_more_follows)
{
    make_all();
    assert_string_equal(page("", 12), "a a/b a/b/c a-b a.b a0 b deep/er/and/deeper img zz zz/1 "
                                      "zz/a +");
    assert_string_equal(page("", 13), ALL);
    assert_string_equal(page("", 1), "a +");
    assert_string_equal(page("zz/a", 1), "zz-a ");
    assert_string_equal(page("zz-a", 1), "");
    assert_string_equal(page("", 0), "+");
}

RIG_TEST(pages_of_any_size_add_up_to_the_whole)
{
    make_all();
    for (size_t limit = 1; limit < 14; limit++) {
        auto_str all = STR_INIT(4096);
        char last[256] = "";
        bool more = true;

        while (more) {
            auto_storage_list list = {0};

            assert_ok(catalog_list(registry, last, limit, &list, &more, &rig_error));
            for (size_t i = 0; i < list.count; i++)
                str_append_format(&all, "%s ", list.names[i]);
            if (list.count > 0)
                snprintf(last, sizeof(last), "%s", list.names[list.count - 1]);
        }
        assert_string_equal(str_text(&all), ALL);
    }
}

RIG_TEST(last_need_not_exist)
{
    make_all();
    assert_string_equal(page("a/a", 2), "a/b a/b/c +");
    assert_string_equal(page("a/b/d", 2), "a-b a.b +");
    assert_string_equal(page("a/b/c/d/e", 1), "a-b +");
    assert_string_equal(page("a/", 1), "a/b +");
    assert_string_equal(page("/", 1), "a +");
    assert_string_equal(page("a//", 1), "a/b +");
    assert_string_equal(page("deep", 1), "deep/er/and/deeper +");
    assert_string_equal(page("deep/er/and/deeper", 1), "img +");
    assert_string_equal(page("zzz", 1), "");
    assert_string_equal(page("A", 1), "a +");
    assert_string_equal(page("\xff", 1), "");
}

RIG_TEST(what_comes_before_last_is_not_visited)
{
    char name[32];

    for (int i = 0; i < 100; i++) {
        snprintf(name, sizeof(name), "r%02d/x", i);
        make(name);
    }
    trial_arm(TRIAL_NONE, 0);
    assert_string_equal(page("r97/x", 1), "r98/x +");
    /* the root; r97 and its x, r98 and its x, r99 and its x with what is in each of these */
    assert_true(trial_count_of("list") <= 7);
}

RIG_TEST(other_things_in_the_tree_are_walked_past)
{
    char name[300];
    char key[400];

    make("a");
    rig_put("/docker/registry/v2/repositories/file", SPAN("x"));
    rig_put("/docker/registry/v2/repositories/.a.tmp", SPAN("x"));
    rig_put("/docker/registry/v2/repositories/_private/x/_layers/sha256/y", SPAN("x"));
    rig_put("/docker/registry/v2/repositories/a/_other/b/_layers/z", SPAN("x"));
    rig_put("/docker/registry/v2/repositories/Bad__/_layers/z", SPAN("x"));
    rig_put("/docker/registry/v2/repositories/uploads/_uploads/x/startedat", SPAN("x"));
    memset(name, 'n', sizeof(name));
    snprintf(key, sizeof(key), "/docker/registry/v2/repositories/%.240s/%.30s/_layers/x", name,
             name);
    rig_put(key, SPAN("x"));
    assert_string_equal(page("", 10), "a ");
}

RIG_TEST(a_failure_of_the_storage_is_one)
{
    struct storage_list list = {0};
    bool more = false;

    make_all();
    for (unsigned nth = 1; nth < 10; nth++) {
        trial_arm(TRIAL_FAIL_BEFORE, nth);
        assert_fails(catalog_list(registry, "", 100, &list, &more, &rig_error), ERROR_IO);
        assert_int_equal(list.count, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_RUN(an_empty_storage_is_an_empty_list),
        RIG_RUN(names_come_in_order_with_the_slash_lowest),
        RIG_RUN(a_page_says_whether_more_follows),
        RIG_RUN(pages_of_any_size_add_up_to_the_whole),
        RIG_RUN(last_need_not_exist),
        RIG_RUN(what_comes_before_last_is_not_visited),
        RIG_RUN(other_things_in_the_tree_are_walked_past),
        RIG_RUN(a_failure_of_the_storage_is_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
