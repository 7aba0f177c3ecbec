/* SPDX-License-Identifier: Apache-2.0
 *
 * test_s3_pace - how much is copied in one request, and what changes that.
 */
#include "drivers/s3/pace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "lib/base/banned.h"

#define MIB     (INT64_C(1) << 20)
#define GIB     (INT64_C(1) << 30)
#define SECOND  INT64_C(1000000000)
#define DAY     (24 * 3600 * SECOND)
#define STARTED (5 * SECOND) /* some moment of the monotonic clock */

static void a_threshold_that_is_set_stands(void **state)
{
    static const int64_t thresholds[] = {0, 10 * MIB, 5 * GIB};

    (void)state;
    for (size_t i = 0; i < sizeof(thresholds) / sizeof(thresholds[0]); i++) {
        struct pace pace;

        pace_init(&pace, thresholds[i], false);
        assert_true(is_pace_whole(&pace, thresholds[i], STARTED));
        assert_false(is_pace_whole(&pace, thresholds[i] + 1, STARTED));
        assert_false(pace_doubt(&pace, thresholds[i] + 1, STARTED));
        assert_false(pace_doubt(&pace, thresholds[i], STARTED));
        assert_true(is_pace_whole(&pace, thresholds[i], STARTED));
    }
}

static void at_amazon_it_is_upstreams(void **state)
{
    struct pace pace;

    (void)state;
    pace_init(&pace, PACE_UNSET, true);
    assert_true(is_pace_whole(&pace, 32 * MIB, STARTED));
    assert_false(is_pace_whole(&pace, 32 * MIB + 1, STARTED));
}

static void elsewhere_a_doubt_lasts_a_day(void **state)
{
    struct pace pace;

    (void)state;
    pace_init(&pace, PACE_UNSET, false);
    assert_true(is_pace_whole(&pace, 5 * GIB, STARTED));
    assert_true(pace_doubt(&pace, GIB, STARTED));
    assert_true(is_pace_whole(&pace, 32 * MIB, STARTED));
    assert_false(is_pace_whole(&pace, 32 * MIB + 1, STARTED));
    assert_false(is_pace_whole(&pace, 32 * MIB + 1, STARTED + DAY - 1));
    assert_true(is_pace_whole(&pace, 5 * GIB, STARTED + DAY));
}

static void a_doubt_is_news_once(void **state)
{
    struct pace pace;

    (void)state;
    pace_init(&pace, PACE_UNSET, false);
    assert_true(pace_doubt(&pace, GIB, STARTED));
    assert_false(pace_doubt(&pace, GIB, STARTED + SECOND)); /* of those that were under way */
    assert_true(is_pace_whole(&pace, GIB, STARTED + DAY));
    assert_true(pace_doubt(&pace, GIB, STARTED + DAY));
}

static void what_always_goes_in_one_request_raises_no_doubt(void **state)
{
    struct pace pace;

    (void)state;
    pace_init(&pace, PACE_UNSET, false);
    assert_false(pace_doubt(&pace, 32 * MIB, STARTED));
    assert_true(is_pace_whole(&pace, GIB, STARTED));
}

static void the_size_and_a_second_decide_what_is_slow(void **state)
{
    static const struct {
        int64_t size;
        int64_t took_ms;
        bool is_slow;
    } cases[] = {
        {48 * MIB, 1000, false}, {48 * MIB, 1300, true}, {256 * MIB, 1900, false},
        {256 * MIB, 2100, true}, {GIB, 4900, false},     {GIB, 5100, true},
        {5 * GIB, 20900, false}, {5 * GIB, 21200, true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_int_equal(is_pace_slow(cases[i].size, cases[i].took_ms * 1000000), cases[i].is_slow);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_threshold_that_is_set_stands),
        cmocka_unit_test(at_amazon_it_is_upstreams),
        cmocka_unit_test(elsewhere_a_doubt_lasts_a_day),
        cmocka_unit_test(a_doubt_is_news_once),
        cmocka_unit_test(what_always_goes_in_one_request_raises_no_doubt),
        cmocka_unit_test(the_size_and_a_second_decide_what_is_slow),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
