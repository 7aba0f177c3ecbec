/* SPDX-License-Identifier: Apache-2.0
 *
 * Range headers against a content of 1000 bytes, and against none.
 */
#include "lib/base/cleanup.h"
#include "lib/http/range.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "lib/base/banned.h"

static const struct {
    const char *header;
    int64_t first;
    int64_t len;
} parts[] = {
    {"bytes=0-9", 0, 10},           {"bytes=10-", 10, 990},
    {"bytes=-10", 990, 10},         {"bytes=990-2000", 990, 10},
    {"bytes=-5000", 0, 1000},       {"bytes=0-999", 0, 1000},
    {"bytes=999-999", 999, 1},      {"bytes=-0", 1000, 0},
    {"bytes=0-9,2000-3000", 0, 10}, {"bytes=2000-3000,0-9", 0, 10},
    {"bytes= 0-9", 0, 10},          {"bytes=0 - 9", 0, 10},
    {"bytes=,0-9,", 0, 10},         {"bytes=0-9223372036854775807", 0, 1000},
};

static const struct {
    const char *header;
    enum range_verdict verdict;
} verdicts[] = {
    {"", RANGE_WHOLE},
    {"bytes=", RANGE_WHOLE},
    {"bytes=,,", RANGE_WHOLE},
    {"bytes=0-999,0-5", RANGE_WHOLE},
    {"bytes=0-600,100-900", RANGE_WHOLE},
    {"bytes=1000-", RANGE_OUTSIDE},
    {"bytes=2000-3000", RANGE_OUTSIDE},
    {"bytes=1000-,2000-", RANGE_OUTSIDE},
    {"bytes=5-2", RANGE_INVALID},
    {"bytes=abc", RANGE_INVALID},
    {"items=0-1", RANGE_INVALID},
    {"Bytes=0-9", RANGE_INVALID},
    {"bytes 0-9", RANGE_INVALID},
    {"bytes=--5", RANGE_INVALID},
    {"bytes=1", RANGE_INVALID},
    {"bytes=-", RANGE_INVALID},
    {"bytes=0-9,x", RANGE_INVALID},
    {"bytes=2000-,x", RANGE_INVALID},
    {"bytes=0-9-", RANGE_INVALID},
    {"bytes=+1-5", RANGE_INVALID},
    {"bytes=0x1-5", RANGE_INVALID},
    {"bytes=9223372036854775808-", RANGE_INVALID},
    {"bytes=99999999999999999999-", RANGE_INVALID},
};

static void range_parse_gives_the_part_asked_for(void **state)
{
    (void)state;
    for (size_t i = 0; i < array_count(parts); i++) {
        struct range_set set;

        print_message("%s\n", parts[i].header);
        assert_int_equal(range_parse(span_of(parts[i].header), 1000, &set), RANGE_PARTS);
        assert_int_equal(set.count, 1);
        assert_int_equal(set.items[0].first, parts[i].first);
        assert_int_equal(set.items[0].len, parts[i].len);
    }
}

static void range_parse_judges_what_is_no_part(void **state)
{
    (void)state;
    for (size_t i = 0; i < array_count(verdicts); i++) {
        struct range_set set = {.count = 77};

        print_message("%s\n", verdicts[i].header);
        assert_int_equal(range_parse(span_of(verdicts[i].header), 1000, &set), verdicts[i].verdict);
        assert_int_equal(set.count, 77);
    }
}

static void range_parse_keeps_the_order_of_several(void **state)
{
    struct range_set set;

    (void)state;
    assert_int_equal(range_parse(SPAN("bytes=10-14, 0-4,-3"), 1000, &set), RANGE_PARTS);
    assert_int_equal(set.count, 3);
    assert_int_equal(set.items[0].first, 10);
    assert_int_equal(set.items[1].first, 0);
    assert_int_equal(set.items[2].first, 997);
    assert_int_equal(set.items[2].len, 3);
}

static void range_parse_takes_more_than_it_can_hold_for_the_whole(void **state)
{
    char header[32 + 4 * (RANGE_COUNT_MAX + 1)] = "bytes=";
    size_t at = 6;
    struct range_set set;

    (void)state;
    for (size_t i = 0; i < RANGE_COUNT_MAX; i++)
        at += (size_t)snprintf(header + at, sizeof(header) - at, "0-0,");
    assert_int_equal(range_parse(span_of(header), 1000, &set), RANGE_PARTS);
    assert_int_equal(set.count, RANGE_COUNT_MAX);
    snprintf(header + at, sizeof(header) - at, "0-0");
    assert_int_equal(range_parse(span_of(header), 1000, &set), RANGE_WHOLE);
}

static void range_parse_finds_no_parts_in_nothing(void **state)
{
    static const char *const headers[] = {"bytes=0-", "bytes=0-9", "bytes=-5", "bytes=-0"};
    struct range_set set;

    (void)state;
    for (size_t i = 0; i < array_count(headers); i++)
        assert_int_equal(range_parse(span_of(headers[i]), 0, &set), RANGE_WHOLE);
    assert_int_equal(range_parse(SPAN("bytes=x"), 0, &set), RANGE_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(range_parse_gives_the_part_asked_for),
        cmocka_unit_test(range_parse_judges_what_is_no_part),
        cmocka_unit_test(range_parse_keeps_the_order_of_several),
        cmocka_unit_test(range_parse_takes_more_than_it_can_hold_for_the_whole),
        cmocka_unit_test(range_parse_finds_no_parts_in_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
