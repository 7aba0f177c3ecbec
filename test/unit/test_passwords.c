/* SPDX-License-Identifier: Apache-2.0
 *
 * The text of an htpasswd file as a table.
 */
#include "auth/htpasswd/passwords.h"
#include "lib/base/memory.h"
#include "lib/base/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/banned.h"

#define HASH(cost) "$2y$" cost "$vqvzPghr5d7ycqp9518Vs.Hcq4beHCC7iQxpk2agYuC4XgHH5sPcG"

static struct passwords *parse(struct span text)
{
    struct passwords *passwords = NULL;
    struct error err = ERROR_INIT;

    assert_int_equal(passwords_parse(text, &passwords, &err), 0);
    return passwords;
}

static void assert_entry(const char *text, const char *user, const char *entry)
{
    struct passwords *passwords = parse(span_of(text));
    struct span found;

    if (entry == NULL) {
        assert_false(passwords_find(passwords, span_of(user), &found));
    } else {
        assert_true(passwords_find(passwords, span_of(user), &found));
        assert_true(span_is(found, entry));
    }
    passwords_free(passwords);
}

static void entries_are_found(void **state)
{
    static const struct {
        const char *text;
        const char *user;
        const char *entry;
    } cases[] = {
        {"", "a", NULL},
        {"a:x", "a", "x"},
        {"a:x\n", "a", "x"},
        {"a:x\r\n", "a", "x"},
        {"\n\n  \n a:x \t\n", "a", "x"},
        {"\v\fa:x\v\f\n", "a", "x"},
        {"#a:x\n", "a", NULL},
        {"  # a\n", "a", NULL},
        {"  #a:x\n", "#a", NULL},
        {"b:1\na:2\nc:3\n", "a", "2"},
        {"b:1\na:2\nc:3", "c", "3"},
        {"a:x\na:y\n", "a", "y"},
        {"a:1\nb:2\na:3\nb:4\na:5\n", "a", "5"},
        {"a:x:y:z\n", "a", "x:y:z"},
        {"a:\n", "a", ""},
        {":x\n", "", "x"},
        {":\n", "", ""},
        {"a :x\n", "a ", "x"},
        {"a b:x\n", "a b", "x"},
        {"A:x\n", "a", NULL},
        {"ab:x\n", "a", NULL},
        {"a:x\n", "ab", NULL},
        {"\xc3\xbc:x\n", "\xc3\xbc", "x"},
        {"a:x # no comment\n", "a", "x # no comment"},
    };

    (void)state;
    for (size_t i = 0; i < array_count(cases); i++)
        assert_entry(cases[i].text, cases[i].user, cases[i].entry);
}

static void a_line_without_colon_refuses_the_text(void **state)
{
    static const struct {
        const char *text;
        const char *message;
    } cases[] = {
        {"x", "htpasswd: invalid entry at line 1"},
        {"a:b\n# c\n\nsecret\n", "htpasswd: invalid entry at line 4"},
        {"a:b\n$2y$05$abc", "htpasswd: invalid entry at line 2"},
    };

    (void)state;
    for (size_t i = 0; i < array_count(cases); i++) {
        struct passwords *passwords = NULL;
        struct error err = ERROR_INIT;

        assert_int_equal(passwords_parse(span_of(cases[i].text), &passwords, &err), -1);
        assert_null(passwords);
        assert_int_equal(err.code, ERROR_INVALID);
        assert_string_equal(err.message, cases[i].message);
    }
}

static void a_line_is_shorter_than_64_kib(void **state)
{
    auto_str text = STR_INIT(1 << 20);
    struct passwords *passwords = NULL;
    struct error err = ERROR_INIT;

    (void)state;
    str_append_text(&text, "a:");
    while (text.len < PASSWORDS_LINE_MAX - 1)
        str_append_char(&text, 'x');
    str_append_text(&text, "\nb:y\n");
    passwords_free(parse(str_span(&text)));
    str_reset(&text);
    while (text.len < PASSWORDS_LINE_MAX)
        str_append_char(&text, '#');
    assert_int_equal(passwords_parse(str_span(&text), &passwords, &err), -1);
    assert_string_equal(err.message, "htpasswd: line 1 is too long");
}

static void a_huge_file_is_refused_unread(void **state)
{
    struct passwords *passwords = NULL;
    struct error err = ERROR_INIT;

    (void)state;
    assert_int_equal(
        passwords_parse(span_make("", PASSWORDS_FILE_MAX + (size_t)1), &passwords, &err), -1);
    assert_int_equal(err.code, ERROR_TOO_LARGE);
}

static void a_nul_is_a_byte_like_others(void **state)
{
    struct passwords *passwords = parse(SPAN("a\0b:x\0y\nc:z"));
    struct span found;

    (void)state;
    assert_false(passwords_find(passwords, SPAN("a"), &found));
    assert_true(passwords_find(passwords, SPAN("a\0b"), &found));
    assert_true(span_equals(found, SPAN("x\0y")));
    passwords_free(passwords);
}

static void many_users_are_all_found(void **state)
{
    auto_str text = STR_INIT(1 << 20);
    struct passwords *passwords;
    char name[32];

    (void)state;
    for (int i = 0; i < 10000; i++)
        str_append_format(&text, "user%d:%d\n", i * 7919 % 10000, i);
    passwords = parse(str_span(&text));
    assert_int_equal(passwords_count(passwords), 10000);
    for (int i = 0; i < 10000; i++) {
        struct span found;

        snprintf(name, sizeof(name), "user%d", i);
        assert_true(passwords_find(passwords, span_of(name), &found));
    }
    passwords_free(passwords);
}

static void only_gained_means_nobody_lost_or_changed(void **state)
{
    static const struct {
        const char *before;
        const char *after;
        bool only_gained;
    } cases[] = {
        {"", "", true},
        {"", "a:1", true},
        {"a:1", "a:1\nb:2", true},
        {"a:1\nb:2", "b:2\na:1", true},
        {"a:1\nb:2", "# c\nb:2\n\na:1", true},
        {"a:1", "", false},
        {"a:1", "a:2", false},
        {"a:1\nb:2", "a:1", false},
        {"a:1\nb:2", "a:1\nb:", false},
        {"a:1", "a:1\na:2", false},
    };

    (void)state;
    for (size_t i = 0; i < array_count(cases); i++) {
        struct passwords *before = parse(span_of(cases[i].before));
        struct passwords *after = parse(span_of(cases[i].after));

        assert_int_equal(passwords_only_gained(before, after), cases[i].only_gained);
        passwords_free(before);
        passwords_free(after);
    }
}

static void the_usual_cost_is_that_of_most(void **state)
{
    static const struct {
        const char *text;
        unsigned cost;
    } cases[] = {
        {"", 10},
        {"a:$apr1$x$y\nb:{SHA}x\n", 10},
        {"a:" HASH("05"), 5},
        {"a:" HASH("05") "\nb:" HASH("12"), 12},
        {"a:" HASH("05") "\nb:" HASH("12") "\nc:" HASH("05"), 5},
        {"a:" HASH("05") "\nb:" HASH("10"), 10},
        {"a:" HASH("99") "\nb:" HASH("04"), 4},
    };

    (void)state;
    for (size_t i = 0; i < array_count(cases); i++) {
        struct passwords *passwords = parse(span_of(cases[i].text));

        assert_int_equal(passwords_usual_cost(passwords), cases[i].cost);
        passwords_free(passwords);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(entries_are_found),
        cmocka_unit_test(a_line_without_colon_refuses_the_text),
        cmocka_unit_test(a_line_is_shorter_than_64_kib),
        cmocka_unit_test(a_huge_file_is_refused_unread),
        cmocka_unit_test(a_nul_is_a_byte_like_others),
        cmocka_unit_test(many_users_are_all_found),
        cmocka_unit_test(only_gained_means_nobody_lost_or_changed),
        cmocka_unit_test(the_usual_cost_is_that_of_most),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
