/* SPDX-License-Identifier: Apache-2.0
 *
 * Patterns of repository names.
 */
#include "auth/htpasswd/glob.h"
#include "lib/base/cleanup.h"
#include "lib/base/str.h"
#include "test/support/cost.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/banned.h"

static const struct {
    const char *pattern;
    const char *name;
    bool is_match;
} cases[] = {
    {"a", "a", true},
    {"a", "b", false},
    {"a", "a/b", false},
    {"a/b", "a", false},
    {"a/b", "a/b", true},
    {"a", "ab", false},
    {"ab", "a", false},
    {"*", "a", true},
    {"*", "a/b", false},
    {"*/*", "a/b", true},
    {"*/*", "a", false},
    {"*/*", "a/b/c", false},
    {"web-*", "web-1", true},
    {"web-*", "web-", true},
    {"web-*", "web", false},
    {"web-*", "web-1/x", false},
    {"*-web", "a-web", true},
    {"*-web", "a-webs", false},
    {"a*c*e", "abcde", true},
    {"a*c*e", "ace", true},
    {"a*c*e", "abcdef", false},
    {"a*b*c", "abbbbc", true},
    {"a*bc", "abcbc", true},
    {"**", "a", true},
    {"**", "a/b/c", true},
    {"a/**", "a", true},
    {"a/**", "a/b", true},
    {"a/**", "a/b/c", true},
    {"a/**", "ab", false},
    {"a/**", "b/a", false},
    {"**/a", "a", true},
    {"**/a", "x/y/a", true},
    {"**/a", "x/a/y", false},
    {"a/**/z", "a/z", true},
    {"a/**/z", "a/b/c/z", true},
    {"a/**/z", "a/b/c/z/y", false},
    {"a/**/m/**/z", "a/m/x/m/z", true},
    {"a/**/m/**/z", "a/x/z", false},
    {"**/b/*", "a/b/b/c", true},
    {"**/**", "a", true},
    {"a", "", false},
    {"*", "", false},
    {"a", "a/", false},
    {"a/*", "a/", true}, /* not a repository; nothing depends on it */
};

static void glob_match_matches_whole_components(void **state)
{
    (void)state;
    for (size_t i = 0; i < array_count(cases); i++) {
        assert_null(glob_check(span_of(cases[i].pattern)));
        if (glob_match(span_of(cases[i].pattern), span_of(cases[i].name)) != cases[i].is_match)
            fail_msg("%s %s %s", cases[i].pattern, cases[i].is_match ? "does not match" : "matches",
                     cases[i].name);
    }
}

static void glob_check_refuses_what_matches_nothing(void **state)
{
    static const char *const wrong[] = {
        "",    "/",   "a/", "/a",  "a//b", "A",    "a/B",      "a**", "**a", "a/**b",
        "***", "a b", "a?", "[a]", "a:b",  "a\\*", "\xc3\xa9", "!a",  "@a",
    };
    auto_str long_one = STR_INIT(1000);

    (void)state;
    for (size_t i = 0; i < array_count(wrong); i++) {
        if (glob_check(span_of(wrong[i])) == NULL)
            fail_msg("accepted: %s", wrong[i]);
    }
    for (size_t i = 0; i <= GLOB_LEN_MAX; i++)
        str_append_char(&long_one, 'a');
    assert_non_null(glob_check(str_span(&long_one)));
    long_one.len = GLOB_LEN_MAX;
    assert_null(glob_check(str_span(&long_one)));
}

/* A pattern with many stars tries each place once for each star, not all combinations. */
static void many_stars_take_no_longer(void **state)
{
    auto_str pattern = STR_INIT(GLOB_LEN_MAX);
    auto_str name = STR_INIT(255);
    int64_t started = cost_ns();

    (void)state;
    while (pattern.len + 3 < GLOB_LEN_MAX)
        str_append_text(&pattern, "a*");
    str_append_char(&pattern, 'b');
    while (name.len < 255)
        str_append_char(&name, 'a');
    for (int i = 0; i < 100; i++)
        assert_false(glob_match(str_span(&pattern), str_span(&name)));
    assert_true(cost_ns() - started < COST_MAX_NS);
}

static void many_double_stars_take_no_longer(void **state)
{
    auto_str pattern = STR_INIT(GLOB_LEN_MAX);
    auto_str name = STR_INIT(255);
    int64_t started = cost_ns();

    (void)state;
    while (pattern.len + 6 < GLOB_LEN_MAX)
        str_append_text(&pattern, "**/a/");
    str_append_char(&pattern, 'b');
    while (name.len + 3 < 255)
        str_append_text(&name, "a/");
    str_append_char(&name, 'a');
    for (int i = 0; i < 100; i++)
        assert_false(glob_match(str_span(&pattern), str_span(&name)));
    assert_true(cost_ns() - started < COST_MAX_NS);
}

static void a_name_too_long_for_a_repository_is_matched_by_everything_only(void **state)
{
    auto_str name = STR_INIT(1000);

    (void)state;
    while (name.len < 256)
        str_append_char(&name, 'a');
    assert_true(glob_match(SPAN("**"), str_span(&name)));
    assert_false(glob_match(SPAN("*"), str_span(&name)));
    assert_false(glob_match(SPAN("**/*"), str_span(&name)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(glob_match_matches_whole_components),
        cmocka_unit_test(glob_check_refuses_what_matches_nothing),
        cmocka_unit_test(many_stars_take_no_longer),
        cmocka_unit_test(many_double_stars_take_no_longer),
        cmocka_unit_test(a_name_too_long_for_a_repository_is_matched_by_everything_only),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
