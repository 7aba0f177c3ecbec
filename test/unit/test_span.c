/* SPDX-License-Identifier: Apache-2.0
 *
 * Pieces of lent text: compared, trimmed, cut.
 */
#include "lib/base/span.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/banned.h"

static void span_equals_compares_bytes(void **state)
{
    (void)state;
    assert_true(span_equals(SPAN(""), (struct span){NULL, 0}));
    assert_true(span_equals(SPAN("a\0b"), SPAN("a\0b")));
    assert_false(span_equals(SPAN("a\0b"), SPAN("a\0c")));
    assert_false(span_equals(SPAN("a"), SPAN("ab")));
    assert_true(span_is(SPAN("tag"), "tag"));
    assert_true(span_is((struct span){NULL, 0}, ""));
}

static void span_equals_nocase_knows_ascii_only(void **state)
{
    (void)state;
    assert_true(span_equals_nocase(SPAN("MediaType"), SPAN("mediatYPE")));
    assert_false(span_equals_nocase(SPAN("@["), SPAN("`{")));
    assert_false(span_equals_nocase(SPAN("\xc3\x84"), SPAN("\xc3\xa4")));
    assert_false(span_equals_nocase(SPAN("ab"), SPAN("a")));
}

static void span_from_stops_at_the_end(void **state)
{
    (void)state;
    assert_true(span_is(span_from(SPAN("abc"), 1), "bc"));
    assert_int_equal(span_from(SPAN("abc"), 3).len, 0);
    assert_int_equal(span_from(SPAN("abc"), 99).len, 0);
    assert_int_equal(span_from((struct span){NULL, 0}, 1).len, 0);
}

static void span_starts_and_ends(void **state)
{
    (void)state;
    assert_true(span_starts_with(SPAN("sha256:x"), SPAN("sha256:")));
    assert_true(span_starts_with(SPAN("x"), SPAN("")));
    assert_false(span_starts_with(SPAN("sha"), SPAN("sha256")));
    assert_true(span_ends_with(SPAN("a/link"), SPAN("/link")));
    assert_false(span_ends_with(SPAN("link"), SPAN("/link")));
}

static void span_trim_removes_blanks_and_tabs(void **state)
{
    (void)state;
    assert_true(span_is(span_trim(SPAN(" \t a b \t")), "a b"));
    assert_int_equal(span_trim(SPAN(" \t ")).len, 0);
    assert_true(span_is(span_trim(SPAN("\na")), "\na"));
    assert_int_equal(span_trim((struct span){NULL, 0}).len, 0);
}

static void span_cut_tells_nothing_left_from_empty_rest(void **state)
{
    struct span rest = SPAN("a//b/");

    (void)state;
    assert_true(span_is(span_cut(&rest, '/'), "a"));
    assert_true(span_is(span_cut(&rest, '/'), ""));
    assert_true(span_is(span_cut(&rest, '/'), "b"));
    assert_non_null(rest.data);
    assert_int_equal(rest.len, 0);
    assert_true(span_is(span_cut(&rest, '/'), ""));
    assert_null(rest.data);
}

static void span_compare_orders_bytes_and_prefixes_first(void **state)
{
    (void)state;
    assert_true(span_compare(SPAN("a"), SPAN("ab")) < 0);
    assert_true(span_compare(SPAN("b"), SPAN("ab")) > 0);
    assert_true(span_compare(SPAN("a\x80"), SPAN("az")) > 0);
    assert_int_equal(span_compare(SPAN("a"), SPAN("a")), 0);
    assert_int_equal(span_compare((struct span){NULL, 0}, SPAN("")), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(span_equals_compares_bytes),
        cmocka_unit_test(span_equals_nocase_knows_ascii_only),
        cmocka_unit_test(span_from_stops_at_the_end),
        cmocka_unit_test(span_starts_and_ends),
        cmocka_unit_test(span_trim_removes_blanks_and_tabs),
        cmocka_unit_test(span_cut_tells_nothing_left_from_empty_rest),
        cmocka_unit_test(span_compare_orders_bytes_and_prefixes_first),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
