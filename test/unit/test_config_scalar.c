/* SPDX-License-Identifier: Apache-2.0
 *
 * What plain YAML scalars mean, and durations.
 */
#include "lib/base/cleanup.h"
#include "lib/config/scalar.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/base/banned.h"

static void scalar_normalize_prints_untyped_values_as_upstream(void **state)
{
    static const struct {
        const char *text;
        const char *normal;
    } cases[] = {
        {"abc", "abc"},
        {"yes", "true"},
        {"Off", "false"},
        {"0x1F", "31"},
        {"0o17", "15"},
        {"017", "15"},
        {"0b101", "5"},
        {"-0b11", "-3"},
        {"-0x10", "-16"},
        {"+5", "5"},
        {"1_000", "1000"},
        {"09", "9"},
        {"1.", "1"},
        {".5", "0.5"},
        {"1.50", "1.5"},
        {"1_0.5", "10.5"},
        {"1e5", "100000"},
        {"1234567.5", "1.2345675e+06"},
        {"123456789012.5", "1.234567890125e+11"},
        {"1e+20", "1e+20"},
        {"99999999999999999999", "1e+20"},
        {"0.0001", "0.0001"},
        {"0.00001", "1e-05"},
        {".inf", "+Inf"},
        {"-.INF", "-Inf"},
        {".nan", "NaN"},
        {"0x", "0x"},
        {"0x0x1", "0x0x1"},
        {"0b2", "0b2"},
        {"- 5", "- 5"},
        {"--5", "--5"},
        {"1e", "1e"},
        {"1e+", "1e+"},
        {"1.2.3", "1.2.3"},
        {"_1", "_1"},
        {"+", "+"},
        {".", "."},
        {"2001-01-01", "2001-01-01"},
    };

    (void)state;
    for (size_t i = 0; i < array_count(cases); i++) {
        auto_str out = STR_INIT(256);

        scalar_normalize(cases[i].text, &out);
        assert_string_equal(str_text(&out), cases[i].normal);
    }
}

static void scalar_resolve_knows_nothing_in_all_its_spellings(void **state)
{
    static const char *const nothing[] = {"", "~", "null", "Null", "NULL"};

    (void)state;
    for (size_t i = 0; i < array_count(nothing); i++)
        assert_int_equal(scalar_resolve(nothing[i]).kind, SCALAR_NULL);
    assert_int_equal(scalar_resolve("nULL").kind, SCALAR_TEXT);
}

static void scalar_resolve_takes_the_limits_of_64_bits(void **state)
{
    (void)state;
    assert_int_equal(scalar_resolve("9223372036854775807").integer, INT64_MAX);
    assert_int_equal(scalar_resolve("-9223372036854775807").integer, -INT64_MAX);
    assert_int_equal(scalar_resolve("9223372036854775808").kind, SCALAR_REAL);
}

static void scalar_parse_duration_reads_sums_of_units(void **state)
{
    static const struct {
        const char *text;
        int64_t ns;
    } cases[] = {
        {"0", 0},
        {"-0", 0},
        {"0s", 0},
        {"30s", INT64_C(30000000000)},
        {"1m30s", INT64_C(90000000000)},
        {"1.5h", INT64_C(5400000000000)},
        {"-2us", -2000},
        {"+3\xc2\xb5s", 3000},
        {"4\xce\xbcs", 4000},
        {"500ms", 500000000},
        {"7ns", 7},
        {".5s", 500000000},
        {"1.s", 1000000000},
        {"168h", INT64_C(604800000000000)},
        {"2540400h10m10.000000000s", INT64_C(9145440610000000000)},
    };
    static const char *const broken[] = {
        "",
        "s",
        "5",
        "-",
        "1x",
        "1 s",
        "1s ",
        ".s",
        "1d",
        "1s-1",
        "1ss",
        "--1s",
        "1h1m1s1q",
        "10000000h",
        "99999999999999999999s",
        "2540400h10m10.000000000s999999h",
    };
    int64_t ns;

    (void)state;
    for (size_t i = 0; i < array_count(cases); i++) {
        assert_true(scalar_parse_duration(cases[i].text, &ns));
        assert_int_equal(ns, cases[i].ns);
    }
    for (size_t i = 0; i < array_count(broken); i++)
        assert_false(scalar_parse_duration(broken[i], &ns));
}

static void scalar_format_duration_reads_back(void **state)
{
    static const struct {
        int64_t ns;
        const char *text;
    } cases[] = {
        {0, "0s"},
        {INT64_C(604800000000000), "168h"},
        {INT64_C(90000000000), "1m30s"},
        {1500000000, "1s500ms"},
        {-2001, "-2us1ns"},
        {INT64_MAX, "2562047h47m16s854ms775us807ns"},
    };

    (void)state;
    for (size_t i = 0; i < array_count(cases); i++) {
        auto_str out = STR_INIT(64);
        int64_t ns;

        scalar_format_duration(cases[i].ns, &out);
        assert_string_equal(str_text(&out), cases[i].text);
        assert_true(scalar_parse_duration(str_text(&out), &ns));
        assert_int_equal(ns, cases[i].ns);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scalar_normalize_prints_untyped_values_as_upstream),
        cmocka_unit_test(scalar_resolve_knows_nothing_in_all_its_spellings),
        cmocka_unit_test(scalar_resolve_takes_the_limits_of_64_bits),
        cmocka_unit_test(scalar_parse_duration_reads_sums_of_units),
        cmocka_unit_test(scalar_format_duration_reads_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
