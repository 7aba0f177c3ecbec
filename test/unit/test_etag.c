/* SPDX-License-Identifier: Apache-2.0
 *
 * Entity tags in conditions.
 */
#include "lib/api/etag.h"
#include "lib/base/cleanup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/base/banned.h"

static const struct {
    const char *list;
    bool strong;
    bool weak;
    bool loose;
} lists[] = {
    {"\"x\"", true, true, true},       {"\"y\", \"x\"", true, true, true},
    {"\"y\",\"x\"", true, true, true}, {" \"x\" , \"y\"", true, true, true},
    {",,\"x\"", true, true, true},     {"*", true, true, true},
    {"W/\"x\"", false, true, true},    {"W/\"y\", \"x\"", true, true, true},
    {"x", false, false, true},         {"y, x", false, false, true},
    {"y , \"x\"", false, false, true}, {"\"y\", x", false, false, true},
    {"'x'", false, false, false},      {"\"xx\"", false, false, false},
    {"\"x", false, false, false},      {"w/\"x\"", false, false, false},
    {"", false, false, false},         {",", false, false, false},
};

static void etag_list_has_compares_as_asked(void **state)
{
    (void)state;
    for (size_t i = 0; i < array_count(lists); i++) {
        struct span list = span_of(lists[i].list);

        print_message("%s\n", lists[i].list);
        assert_int_equal(etag_list_has(list, SPAN("x"), ETAG_STRONG), lists[i].strong);
        assert_int_equal(etag_list_has(list, SPAN("x"), ETAG_WEAK), lists[i].weak);
        assert_int_equal(etag_list_has(list, SPAN("x"), ETAG_LOOSE), lists[i].loose);
    }
}

static void etag_is_takes_one_strong_tag(void **state)
{
    (void)state;
    assert_true(etag_is(SPAN("\"x\""), SPAN("x")));
    assert_true(etag_is(SPAN(" \"x\" "), SPAN("x")));
    assert_false(etag_is(SPAN("W/\"x\""), SPAN("x")));
    assert_false(etag_is(SPAN("\"x\", \"x\""), SPAN("x")));
    assert_false(etag_is(SPAN("x"), SPAN("x")));
    assert_false(etag_is(SPAN("Sat, 21 Nov 2026 06:00:00 GMT"), SPAN("x")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(etag_list_has_compares_as_asked),
        cmocka_unit_test(etag_is_takes_one_strong_tag),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
