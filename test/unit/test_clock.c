/* SPDX-License-Identifier: Apache-2.0
 *
 * Instants as upstream prints them, and as anybody may write them.
 */
#include "lib/base/clock.h"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/banned.h"

static const struct {
    const char *text;
    int64_t s;
    long ns;
} printed[] = {
    {"1970-01-01T00:00:00Z", 0, 0},
    {"2026-11-21T06:45:51.046786684Z", 1795243551, 46786684},
    {"2026-11-21T06:45:51Z", 1795243551, 0},
    {"2026-11-21T06:45:51.5Z", 1795243551, 500000000},
    {"2026-11-21T06:45:51.000000001Z", 1795243551, 1},
    {"2000-02-29T23:59:59.9Z", 951868799, 900000000},
    {"1969-12-31T23:59:59Z", -1, 0},
    {"0001-01-01T00:00:00Z", -62135596800, 0},
    {"9999-12-31T23:59:59Z", 253402300799, 0},
};

static void clock_prints_and_reads_the_same(void **state)
{
    (void)state;
    for (size_t i = 0; i < array_count(printed); i++) {
        struct timespec at = {.tv_sec = printed[i].s, .tv_nsec = printed[i].ns};
        struct timespec read = {0};
        char text[CLOCK_RFC3339_SIZE];

        clock_format_rfc3339(at, text);
        assert_string_equal(text, printed[i].text);
        assert_true(clock_parse_rfc3339(span_of(text), &read));
        assert_int_equal(read.tv_sec, printed[i].s);
        assert_int_equal(read.tv_nsec, printed[i].ns);
    }
}

static void clock_parse_minds_offsets(void **state)
{
    struct timespec at;

    (void)state;
    assert_true(clock_parse_rfc3339(SPAN("2026-11-21T08:45:51+02:00"), &at));
    assert_int_equal(at.tv_sec, 1795243551);
    assert_true(clock_parse_rfc3339(SPAN("2026-11-20T23:15:51-07:30"), &at));
    assert_int_equal(at.tv_sec, 1795243551);
    assert_true(clock_parse_rfc3339(SPAN("2026-11-21T06:45:51.0000000019999Z"), &at));
    assert_int_equal(at.tv_nsec, 1);
}

static const struct span broken[] = {
    {"", sizeof("") - 1},
    {"2026-11-21", sizeof("2026-11-21") - 1},
    {"2026-11-21T06:45:51", sizeof("2026-11-21T06:45:51") - 1},
    {"2026-11-21T06:45:51z", sizeof("2026-11-21T06:45:51z") - 1},
    {"2026-11-21 06:45:51Z", sizeof("2026-11-21 06:45:51Z") - 1},
    {"2026-11-21T06:45Z", sizeof("2026-11-21T06:45Z") - 1},
    {"2026-11-21T06:45:51.Z", sizeof("2026-11-21T06:45:51.Z") - 1},
    {"2026-11-21T06:45:51ZZ", sizeof("2026-11-21T06:45:51ZZ") - 1},
    {"2026-11-21T06:45:51Z ", sizeof("2026-11-21T06:45:51Z ") - 1},
    {"2026-11-21T06:45:51+0200", sizeof("2026-11-21T06:45:51+0200") - 1},
    {"2026-11-21T06:45:51+24:00", sizeof("2026-11-21T06:45:51+24:00") - 1},
    {"2026-13-01T00:00:00Z", sizeof("2026-13-01T00:00:00Z") - 1},
    {"2026-00-01T00:00:00Z", sizeof("2026-00-01T00:00:00Z") - 1},
    {"2026-02-29T00:00:00Z", sizeof("2026-02-29T00:00:00Z") - 1},
    {"1900-02-29T00:00:00Z", sizeof("1900-02-29T00:00:00Z") - 1},
    {"2026-04-31T00:00:00Z", sizeof("2026-04-31T00:00:00Z") - 1},
    {"2026-11-00T00:00:00Z", sizeof("2026-11-00T00:00:00Z") - 1},
    {"2026-11-21T24:00:00Z", sizeof("2026-11-21T24:00:00Z") - 1},
    {"2026-11-21T06:60:00Z", sizeof("2026-11-21T06:60:00Z") - 1},
    {"2026-11-21T06:45:61Z", sizeof("2026-11-21T06:45:61Z") - 1},
    {"-026-11-21T06:45:51Z", sizeof("-026-11-21T06:45:51Z") - 1},
    {"2026\00011-21T06:45:51Z", sizeof("2026\00011-21T06:45:51Z") - 1},
    {"2026-11-21T06:45:51\000", sizeof("2026-11-21T06:45:51\000") - 1},
    {"2026-11-21T06:45:51\0005Z", sizeof("2026-11-21T06:45:51\0005Z") - 1},
};

static void clock_parse_refuses_everything_else(void **state)
{
    struct timespec at = {.tv_sec = 7, .tv_nsec = 7};

    (void)state;
    for (size_t i = 0; i < array_count(broken); i++) {
        if (clock_parse_rfc3339(broken[i], &at))
            fail_msg("accepted: %.*s", SPAN_ARGS(broken[i]));
    }
    assert_int_equal(at.tv_sec, 7);
    assert_int_equal(at.tv_nsec, 7);
}

static void clock_does_not_go_back(void **state)
{
    int64_t before = clock_monotonic_ns();

    (void)state;
    assert_true(clock_monotonic_ns() >= before);
    assert_true(clock_now().tv_sec > 0);
}

static const struct {
    int64_t ns;
    const char *text;
} durations[] = {
    {0, "0s"},
    {1, "1ns"},
    {17000, "17µs"},
    {957629, "957.629µs"},
    {1500000, "1.5ms"},
    {1000000000, "1s"},
    {1100000000, "1.1s"},
    {60000000000, "1m0s"},
    {62003000000, "1m2.003s"},
    {60000000001, "1m0.000000001s"},
    {2220000000000, "37m0s"},
    {86400000000000, "24h0m0s"},
    {5400500000000, "1h30m0.5s"},
    {-1500000, "-1.5ms"},
    {INT64_MAX, "2562047h47m16.854775807s"},
};

static void clock_format_duration_prints_upstreams_form(void **state)
{
    (void)state;
    for (size_t i = 0; i < array_count(durations); i++) {
        char text[CLOCK_DURATION_SIZE];

        clock_format_duration(durations[i].ns, text);
        assert_string_equal(text, durations[i].text);
    }
}

static void clock_wait_ms_is_never_shorter_than_asked_for(void **state)
{
    static const struct {
        int64_t ns;
        int ms;
    } waits[] = {
        {0, 0},
        {1, 1},
        {CLOCK_MS_NS - 1, 1},
        {CLOCK_MS_NS, 1},
        {CLOCK_MS_NS + 1, 2},
        {60 * CLOCK_SECOND_NS, 60000},
        {INT_MAX * CLOCK_MS_NS - 1, INT_MAX},
        {INT_MAX * CLOCK_MS_NS, INT_MAX},
        {INT_MAX * CLOCK_MS_NS + 1, INT_MAX},
        {INT64_MAX, INT_MAX},
        {-1, 0},
        {-CLOCK_SECOND_NS, 0},
        {INT64_MIN, 0},
    };

    (void)state;
    for (size_t i = 0; i < array_count(waits); i++)
        assert_int_equal(clock_wait_ms(waits[i].ns), waits[i].ms);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clock_format_duration_prints_upstreams_form),
        cmocka_unit_test(clock_prints_and_reads_the_same),
        cmocka_unit_test(clock_parse_minds_offsets),
        cmocka_unit_test(clock_parse_refuses_everything_else),
        cmocka_unit_test(clock_does_not_go_back),
        cmocka_unit_test(clock_wait_ms_is_never_shorter_than_asked_for),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
