/* SPDX-License-Identifier: Apache-2.0
 *
 * Repository names, tags, and references.
 */
#include "lib/oci/reference.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/banned.h"

#define HEX64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static const char *const repositories[] = {
    "a",
    "0",
    "library/ubuntu",
    "a/b/c/d/e",
    "a.b",
    "a_b",
    "a__b",
    "a-b",
    "a----b",
    "a.b_c__d-e--f",
    "localhost/foo",
    /* a host in front, as only upstream's pattern has it */
    "Foo/bar",
    "A.b.C/x",
    "my.host-name/x",
    "a--b/x",
    HEX64,
};

static const struct span no_repositories[] = {
    {NULL, 0},       {"", 0},         {"/", 1},      {"/a", 2},           {"a/", 2},
    {"a//b", 4},     {"Foo", 3},      {"a/Foo", 5},  {"Foo/bar/Baz", 11}, {"A..b/x", 6},
    {"-a/b", 4},     {"A-/b", 4},     {"a..b", 4},   {"a.-b", 4},         {"a._b", 4},
    {"a___b", 5},    {"a_-b", 4},     {".a", 2},     {"a.", 2},           {"_a", 2},
    {"a_", 2},       {"-a", 2},       {"a-", 2},     {"a b", 3},          {"a\0b", 3},
    {"a\n", 2},      {"\xc3\xa4", 2}, {"..", 2},     {"../a", 4},         {"a/../b", 6},
    {"a/./b", 5},    {"a:5", 3},      {"a:/b", 4},   {"a:x/b", 5},        {"a:5:5/b", 7},
    {":5/b", 4},     {"[]/b", 4},     {"[::1/b", 6}, {"::1]/b", 6},       {"[g]/b", 5},
    {"[::1]x/b", 8}, {"[::1]:/b", 8}, {"[::1]", 5},  {"a/[::1]/b", 9},    {"a@b", 3},
    {"a%2fb", 5},
};

static void names_are_taken_as_upstream_takes_them(void **state)
{
    (void)state;
    for (size_t i = 0; i < array_count(repositories); i++) {
        struct span name = span_of(repositories[i]);

        if (!is_repository_shaped(name) || !is_repository(name))
            fail_msg("%s", repositories[i]);
    }
}

static void other_names_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < array_count(no_repositories); i++) {
        if (is_repository_shaped(no_repositories[i]) || is_repository(no_repositories[i]))
            fail_msg("accepted: %.*s", SPAN_ARGS(no_repositories[i]));
    }
}

static void names_with_ports_are_shaped_but_cannot_be_stored(void **state)
{
    static const char *const names[] = {"host:5000/a", "[::1]/a", "[fe80::1]:80/a/b", "a:0/b"};

    (void)state;
    for (size_t i = 0; i < array_count(names); i++) {
        assert_true(is_repository_shaped(span_of(names[i])));
        assert_false(is_repository(span_of(names[i])));
    }
}

static void names_of_255_bytes_are_the_longest(void **state)
{
    char name[300];

    (void)state;
    memset(name, 'a', sizeof(name));
    assert_true(is_repository(span_make(name, 255)));
    assert_false(is_repository(span_make(name, 256)));
    assert_true(is_repository_shaped(span_make(name, 256)));
}

static void tags_are_words_of_up_to_128(void **state)
{
    static const char *const tags[] = {"latest", "v1.0-rc_1", "_", "A", "0", "a..b", "_.-"};
    static const struct span no_tags[] = {
        {NULL, 0},  {"", 0},         {".a", 2},  {"-a", 2}, {"a:b", 3}, {"a/b", 3}, {"a b", 3},
        {"a\0", 2}, {"\xc3\xa4", 2}, {"a+b", 3}, {"a@", 2}, {"a\n", 2}, {"..", 2},  {".", 1},
    };
    char tag[129];

    (void)state;
    for (size_t i = 0; i < array_count(tags); i++)
        assert_true(is_tag(span_of(tags[i])));
    for (size_t i = 0; i < array_count(no_tags); i++) {
        if (is_tag(no_tags[i]))
            fail_msg("accepted: %.*s", SPAN_ARGS(no_tags[i]));
    }
    memset(tag, 'x', sizeof(tag));
    assert_true(is_tag(span_make(tag, 128)));
    assert_false(is_tag(span_make(tag, 129)));
}

static void a_reference_is_a_tag_or_a_digest(void **state)
{
    struct reference reference;
    char text[DIGEST_TEXT_SIZE];

    (void)state;
    assert_true(reference_parse(SPAN("v1"), &reference));
    assert_false(reference.is_digest);
    assert_true(span_is(reference.tag, "v1"));
    assert_true(reference_parse(SPAN("sha256:" HEX64), &reference));
    assert_true(reference.is_digest);
    assert_string_equal(digest_format(&reference.digest, text), "sha256:" HEX64);
    assert_true(reference_parse(SPAN(HEX64), &reference));
    assert_false(reference.is_digest);
}

static void other_references_leave_the_output_alone(void **state)
{
    static const char *const broken[] = {"", "sha256:abc", "md5:abc", "a:b", "a/b", ".", ".."};
    struct reference reference = {.is_digest = true, .tag = SPAN("before")};

    (void)state;
    for (size_t i = 0; i < array_count(broken); i++)
        assert_false(reference_parse(span_of(broken[i]), &reference));
    assert_true(reference.is_digest);
    assert_true(span_is(reference.tag, "before"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_taken_as_upstream_takes_them),
        cmocka_unit_test(other_names_are_refused),
        cmocka_unit_test(names_with_ports_are_shaped_but_cannot_be_stored),
        cmocka_unit_test(names_of_255_bytes_are_the_longest),
        cmocka_unit_test(tags_are_words_of_up_to_128),
        cmocka_unit_test(a_reference_is_a_tag_or_a_digest),
        cmocka_unit_test(other_references_leave_the_output_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
