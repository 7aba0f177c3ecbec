/* SPDX-License-Identifier: Apache-2.0
 *
 * The Content-Range of uploaded pieces.
 */
#include "lib/api/content_range.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/base/banned.h"

static const struct {
    const char *text;
    bool is_one;
    int64_t first;
    int64_t last;
} cases[] = {
    {"0-21", true, 0, 21},
    {"22-121", true, 22, 121},
    {" 0-0 ", true, 0, 0},
    {"5-2", true, 5, 2},
    {"bytes 0-21/22", true, 0, 21},
    {"bytes 0-21/*", true, 0, 21},
    {"bytes 0-21", true, 0, 21},
    {"0-9223372036854775807", true, 0, INT64_MAX},
    {"0-9223372036854775808", false, 0, 0},
    {"", false, 0, 0},
    {"-", false, 0, 0},
    {"0-", false, 0, 0},
    {"-21", false, 0, 0},
    {"0-21-22", false, 0, 0},
    {"0-21/22", false, 0, 0},
    {"bytes=0-21", false, 0, 0},
    {"bytes */22", false, 0, 0},
    {"0 - 21", false, 0, 0},
    {"+0-21", false, 0, 0},
    {"0x0-21", false, 0, 0},
    {"abc", false, 0, 0},
};

static void content_range_parse_takes_both_forms(void **state)
{
    (void)state;
    for (size_t i = 0; i < array_count(cases); i++) {
        int64_t first = 77;
        int64_t last = 77;

        print_message("%s\n", cases[i].text);
        assert_int_equal(content_range_parse(span_of(cases[i].text), &first, &last),
                         cases[i].is_one);
        assert_int_equal(first, cases[i].is_one ? cases[i].first : 77);
        assert_int_equal(last, cases[i].is_one ? cases[i].last : 77);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(content_range_parse_takes_both_forms),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
