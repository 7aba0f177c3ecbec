/* SPDX-License-Identifier: Apache-2.0
 *
 * The access file: what its lines allow, and what is wrong with a line.
 */
#include "auth/htpasswd/rules.h"
#include "lib/base/cleanup.h"
#include "lib/base/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/banned.h"

static const char file[] = "# who may do what\n"
                           "group @devs = alice, bob,carl   # the team\n"
                           "\n"
                           "allow anonymous   pull            library/** public-*\n"
                           "allow users\tpull\tinner/**\r\n"
                           "allow @devs       pull, push      team/*\n"
                           "  allow @ops,dora pull,push,delete  team/**, tools\n"
                           "allow erin        *               **\n"
                           "allow carl        catalog\n"
                           "allow fred        push            drop\n"
                           "group @ops = gina";

static struct rules *parse(const char *text)
{
    struct rules *rules = NULL;
    struct error err = ERROR_INIT;

    if (rules_parse(span_of(text), &rules, &err) < 0)
        fail_msg("%s", err.message);
    return rules;
}

static const struct {
    const char *user;
    const char *action;
    const char *name;
    bool is_allowed;
} asked[] = {
    {NULL, "pull", "library/busybox", true},
    {NULL, "pull", "library", true},
    {NULL, "pull", "public-1", true},
    {NULL, "pull", "public-1/x", false},
    {NULL, "push", "library/busybox", false},
    {NULL, "pull", "inner/x", false},
    {NULL, "pull", "team/x", false},
    {"", "pull", "inner/x", false},
    {"nobody", "pull", "library/busybox", true}, /* what anonymous may everybody may */
    {"nobody", "pull", "inner/x", true},
    {"nobody", "pull", "team/x", false},
    {"alice", "pull", "team/x", true},
    {"alice", "push", "team/x", true},
    {"alice", "delete", "team/x", false},
    {"alice", "push", "team/x/y", false},
    {"alicia", "push", "team/x", false},
    {"ali", "push", "team/x", false},
    {"@devs", "push", "team/x", false},
    {"gina", "push", "team/x/y", true},
    {"gina", "delete", "tools", true},
    {"dora", "delete", "tools", true},
    {"dora", "delete", "tools/x", false},
    {"erin", "delete", "any/thing", true},
    {"fred", "push", "drop", true},
    {"fred", "pull", "drop", false},   /* push is push */
    {"erin", "*", "any/thing", false}, /* no such thing is asked of a repository */
    {"erin", "unknown", "any/thing", false},
    {"users", "push", "team/x", false},
};

static void rules_allow_what_a_line_says_and_nothing_else(void **state)
{
    struct rules *rules = parse(file);

    (void)state;
    for (size_t i = 0; i < array_count(asked); i++) {
        struct access_record record = {"repository", asked[i].name, asked[i].action};

        if (rules_allow(rules, asked[i].user, &record) != asked[i].is_allowed)
            fail_msg("%s %s %s", asked[i].user != NULL ? asked[i].user : "anonymous",
                     asked[i].action, asked[i].name);
    }
    rules_free(rules);
}

static void the_catalog_needs_a_right_of_its_own(void **state)
{
    static const struct access_record catalog = {"registry", "catalog", "*"};
    struct rules *rules = parse(file);
    struct rules *open = parse("allow anonymous catalog");

    (void)state;
    assert_false(rules_allow(rules, NULL, &catalog));
    assert_false(rules_allow(rules, "alice", &catalog));
    assert_true(rules_allow(rules, "carl", &catalog));
    assert_true(rules_allow(rules, "erin", &catalog)); /* `*` is everything */
    assert_true(rules_allow(open, NULL, &catalog));
    rules_free(rules);
    rules_free(open);
}

static void a_pattern_with_the_catalog_is_of_the_repositories(void **state)
{
    static const struct access_record catalog = {"registry", "catalog", "*"};
    static const struct access_record inside = {"repository", "a/b", "pull"};
    static const struct access_record outside = {"repository", "b", "pull"};
    struct rules *rules = parse("allow x catalog,pull a/**");

    (void)state;
    assert_true(rules_allow(rules, "x", &catalog));
    assert_true(rules_allow(rules, "x", &inside));
    assert_false(rules_allow(rules, "x", &outside));
    rules_free(rules);
}

static void an_empty_file_allows_nothing(void **state)
{
    static const char *const empty[] = {"", "\n\n", "# only a comment", "\xef\xbb\xbf",
                                        "   \n\t\n"};
    static const struct access_record record = {"repository", "a", "pull"};

    (void)state;
    for (size_t i = 0; i < array_count(empty); i++) {
        struct rules *rules = parse(empty[i]);

        assert_false(rules_allow(rules, NULL, &record));
        assert_false(rules_allow(rules, "alice", &record));
        assert_null(rules_user(rules, 0));
        rules_free(rules);
    }
}

static void users_are_named_sorted_and_once(void **state)
{
    static const char *const names[] = {"alice", "bob", "carl", "dora", "erin", "fred", "gina"};
    struct rules *rules = parse(file);

    (void)state;
    for (size_t i = 0; i < array_count(names); i++)
        assert_string_equal(rules_user(rules, i), names[i]);
    assert_null(rules_user(rules, array_count(names)));
    assert_null(rules_user(rules, SIZE_MAX));
    rules_free(rules);
}

static const struct {
    const char *text;
    const char *message;
} faults[] = {
    {"allow", "line 1: a name is missing"},
    {"allow alice", "line 1: what is allowed is missing"},
    {"allow alice pull", "line 1: the repositories are missing; ** is all of them"},
    {"allow alice,", "line 1: a name is missing"},
    {"allow alice,,bob pull x", "line 1: a name is missing"},
    {"allow alice, pull x", "line 1: an action is pull, push, delete, catalog or *, not \"x\""},
    {"allow a:b pull x", "line 1: not the name of a user: \"a:b\""},
    {"\n\nallow alice read x",
     "line 3: an action is pull, push, delete, catalog or *, not \"read\""},
    {"allow alice pull Team/*",
     "line 1: the pattern \"Team/*\" has capitals; names of repositories are in small letters"},
    {"allow alice pull a//b", "line 1: the pattern \"a//b\" has an empty component"},
    {"allow alice pull a**",
     "line 1: the pattern \"a**\" has ** beside other characters; it stands for whole components"},
    {"allow alice pull a,,b", "line 1: the pattern \"\" has an empty component"},
    {"allow alice catalog **",
     "line 1: the catalog is one for all repositories; this is of no use: \"**\""},
    {"allow @devs pull x", "line 1: there is no group \"@devs\""},
    {"allow @ pull x", "line 1: there is no group \"@\""},
    {"group devs = alice", "line 1: the name of a group begins with @: \"devs\""},
    {"group @ = alice", "line 1: the name of a group begins with @: \"@\""},
    {"group @devs alice", "line 1: there is no = behind group \"@devs\""},
    {"group @devs =", "line 1: a name is missing"},
    {"group @devs = a,", "line 1: a name is missing"},
    {"group @devs = @ops", "line 1: not the name of a user: \"@ops\""},
    {"group @devs = anonymous", "line 1: a group has users only, not \"anonymous\""},
    {"group @d = a\n\ngroup @d = b", "line 3: group @d is there already, on line 1"},
    {"deny alice pull x", "line 1: a line begins with allow or group, not \"deny\""},
    {"alice pull x", "line 1: a line begins with allow or group, not \"alice\""},
    {"allow al\x01ice pull x", "line 1: not text (byte 0x01)"},
    {"allow alice pull x\n\x7f", "line 2: not text (byte 0x7f)"},
    {"a\rb", "line 1: not text (byte 0x0d)"},
};

static void an_error_says_the_line_and_what_is_wrong(void **state)
{
    (void)state;
    for (size_t i = 0; i < array_count(faults); i++) {
        struct rules *rules = NULL;
        struct error err = ERROR_INIT;

        if (rules_parse(span_of(faults[i].text), &rules, &err) == 0)
            fail_msg("accepted: %s", faults[i].text);
        assert_int_equal(err.code, ERROR_INVALID);
        assert_string_equal(err.message, faults[i].message);
        assert_null(rules);
    }
}

static void a_nul_is_not_text(void **state)
{
    struct rules *rules = NULL;
    struct error err = ERROR_INIT;

    (void)state;
    assert_int_equal(rules_parse(SPAN("allow a\0b pull x"), &rules, &err), -1);
    assert_string_equal(err.message, "line 1: not text (byte 0x00)");
}

/* Parses @count times @line. */
static int parse_many(const char *line, size_t count, struct error *err)
{
    auto_str text = STR_INIT((size_t)4 << 20);
    struct rules *rules = NULL;

    for (size_t i = 0; i < count; i++)
        str_append_text(&text, line);
    assert_false(str_overflowed(&text));
    if (rules_parse(str_span(&text), &rules, err) < 0)
        return -1;
    rules_free(rules);
    return 0;
}

static void sizes_are_limited(void **state)
{
    struct error err = ERROR_INIT;

    (void)state;
    assert_int_equal(parse_many("allow a pull x\n", RULES_COUNT_MAX, &err), 0);
    assert_int_equal(parse_many("allow a pull x\n", RULES_COUNT_MAX + 1, &err), -1);
    assert_int_equal(err.code, ERROR_TOO_LARGE);
    assert_string_equal(err.message, "line 10001: more than 10000 names and patterns");
    assert_int_equal(parse_many("#", RULES_LINE_MAX, &err), 0);
    assert_int_equal(parse_many("#", RULES_LINE_MAX + 1, &err), -1);
    assert_string_equal(err.message, "line 1: longer than 4096 bytes");
    assert_int_equal(parse_many("#234567\n", RULES_FILE_MAX / 8, &err), 0);
    assert_int_equal(parse_many("#234567\n", RULES_FILE_MAX / 8 + 1, &err), -1);
    assert_int_equal(err.code, ERROR_TOO_LARGE);
}

static void a_line_with_too_many_names_asks_for_a_group(void **state)
{
    auto_str text = STR_INIT(RULES_LINE_MAX);
    struct rules *rules = NULL;
    struct error err = ERROR_INIT;

    (void)state;
    str_append_text(&text, "allow a");
    for (int i = 0; i < 256; i++)
        str_append_text(&text, ",b");
    str_append_text(&text, " pull x");
    assert_int_equal(rules_parse(str_span(&text), &rules, &err), -1);
    assert_string_equal(err.message, "line 1: more than 256 names; make a group");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rules_allow_what_a_line_says_and_nothing_else),
        cmocka_unit_test(the_catalog_needs_a_right_of_its_own),
        cmocka_unit_test(a_pattern_with_the_catalog_is_of_the_repositories),
        cmocka_unit_test(an_empty_file_allows_nothing),
        cmocka_unit_test(users_are_named_sorted_and_once),
        cmocka_unit_test(an_error_says_the_line_and_what_is_wrong),
        cmocka_unit_test(a_nul_is_not_text),
        cmocka_unit_test(sizes_are_limited),
        cmocka_unit_test(a_line_with_too_many_names_asks_for_a_group),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
