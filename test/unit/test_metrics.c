/* SPDX-License-Identifier: Apache-2.0
 *
 * Counters, gauges and histograms, and their text.
 */
#include "lib/metrics/metrics.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/banned.h"

static const double seconds[] = {0.005, 0.5, 1, 2.5};
static const double sizes[] = {1024, 131072, 1048576, 2147483648};

static struct metric_family requests =
    METRIC_COUNTER("requests_total", "Requests.", "code", "method");
static struct metric_family level = METRIC_GAUGE("level", "The level.", "at");
static struct metric_family bare = METRIC_GAUGE("bare", "Without labels.", NULL);
static struct metric_family duration =
    METRIC_HISTOGRAM("duration_seconds", "How long.", seconds, "method");
static struct metric_family size = METRIC_HISTOGRAM("size_bytes", "How much.", sizes, "at");

static int teardown(void **state)
{
    (void)state;
    metrics_fini();
    return 0;
}

static void assert_printed(const char *expected)
{
    auto_str text = STR_INIT(64 << 10);

    metrics_print(&text);
    assert_false(str_overflowed(&text));
    assert_string_equal(str_text(&text), expected);
}

static void no_metrics_are_no_text(void **state)
{
    (void)state;
    assert_printed("");
}

static void a_family_shows_with_its_first_series(void **state)
{
    (void)state;
    metric_series(&requests, "200", "get");
    assert_printed("# HELP requests_total Requests.\n# TYPE requests_total counter\n"
                   "requests_total{code=\"200\",method=\"get\"} 0\n");
}

static void the_same_values_are_the_same_series(void **state)
{
    char code[] = "200";
    struct metric_series *series = metric_series(&requests, code, "get");

    (void)state;
    assert_ptr_equal(metric_series(&requests, "200", "get"), series);
    assert_ptr_not_equal(metric_series(&requests, "404", "get"), series);
    assert_ptr_not_equal(metric_series(&requests, "200", "put"), series);
    code[0] = '5';
    assert_ptr_equal(metric_series(&requests, "200", "get"), series);
}

static void families_and_series_are_sorted(void **state)
{
    (void)state;
    metric_add(metric_series(&requests, "404", "get"), 1);
    metric_add(metric_series(&requests, "200", "put"), 2);
    metric_add(metric_series(&requests, "200", "get"), 3);
    metric_set(metric_series_of(&bare, NULL), 1);
    metric_set(metric_series(&level, "x"), 2);
    assert_printed("# HELP bare Without labels.\n# TYPE bare gauge\nbare 1\n"
                   "# HELP level The level.\n# TYPE level gauge\nlevel{at=\"x\"} 2\n"
                   "# HELP requests_total Requests.\n# TYPE requests_total counter\n"
                   "requests_total{code=\"200\",method=\"get\"} 3\n"
                   "requests_total{code=\"200\",method=\"put\"} 2\n"
                   "requests_total{code=\"404\",method=\"get\"} 1\n");
}

static void a_histogram_is_cumulative(void **state)
{
    struct metric_series *series = metric_series(&duration, "get");

    (void)state;
    metric_observe(&duration, series, 0.001);
    metric_observe(&duration, series, 0.005); /* a bound belongs to its bucket */
    metric_observe(&duration, series, 0.75);
    metric_observe(&duration, series, 100);
    assert_printed("# HELP duration_seconds How long.\n# TYPE duration_seconds histogram\n"
                   "duration_seconds_bucket{method=\"get\",le=\"0.005\"} 2\n"
                   "duration_seconds_bucket{method=\"get\",le=\"0.5\"} 2\n"
                   "duration_seconds_bucket{method=\"get\",le=\"1\"} 3\n"
                   "duration_seconds_bucket{method=\"get\",le=\"2.5\"} 3\n"
                   "duration_seconds_bucket{method=\"get\",le=\"+Inf\"} 4\n"
                   "duration_seconds_sum{method=\"get\"} 100.756\n"
                   "duration_seconds_count{method=\"get\"} 4\n");
}

static void large_bounds_have_an_exponent(void **state)
{
    (void)state;
    metric_observe(&size, metric_series(&size, "x"), 2000000);
    assert_printed("# HELP size_bytes How much.\n# TYPE size_bytes histogram\n"
                   "size_bytes_bucket{at=\"x\",le=\"1024\"} 0\n"
                   "size_bytes_bucket{at=\"x\",le=\"131072\"} 0\n"
                   "size_bytes_bucket{at=\"x\",le=\"1.048576e+06\"} 0\n"
                   "size_bytes_bucket{at=\"x\",le=\"2.147483648e+09\"} 1\n"
                   "size_bytes_bucket{at=\"x\",le=\"+Inf\"} 1\n"
                   "size_bytes_sum{at=\"x\"} 2000000\n"
                   "size_bytes_count{at=\"x\"} 1\n");
}

static void values_of_labels_and_help_are_escaped(void **state)
{
    static struct metric_family odd = METRIC_GAUGE("odd", "a\\b\nc\"d", "at");

    (void)state;
    metric_set(metric_series(&odd, "a\\b\nc\"d"), 1);
    assert_printed("# HELP odd a\\\\b\\nc\"d\n# TYPE odd gauge\nodd{at=\"a\\\\b\\nc\\\"d\"} 1\n");
}

static void values_are_written_exactly(void **state)
{
    static const struct {
        double value;
        const char *text;
    } rows[] = {
        {0, "0"},
        {-3, "-3"},
        {0.1, "0.1"},
        {1234567890123, "1234567890123"},
        {9007199254740992.0, "9007199254740992"},
        {1e300, "1e+300"},
        {0.1 + 0.2, "0.30000000000000004"},
        {INFINITY, "+Inf"},
        {-INFINITY, "-Inf"},
        {NAN, "NaN"},
    };

    (void)state;
    for (size_t i = 0; i < array_count(rows); i++) {
        char expected[128];

        metric_set(metric_series_of(&bare, NULL), rows[i].value);
        snprintf(expected, sizeof(expected),
                 "# HELP bare Without labels.\n# TYPE bare gauge\nbare %s\n", rows[i].text);
        assert_printed(expected);
    }
}

static void set_to_two(void *arg)
{
    metric_set(arg, 2);
}

static void gauges_are_collected_when_printed(void **state)
{
    struct metric_series *series = metric_series_of(&bare, NULL);

    (void)state;
    metrics_on_collect(set_to_two, series);
    assert_printed("# HELP bare Without labels.\n# TYPE bare gauge\nbare 2\n");
    metrics_off_collect(set_to_two, series);
    metric_set(series, 5);
    assert_printed("# HELP bare Without labels.\n# TYPE bare gauge\nbare 5\n");
}

static void what_does_not_fit_shows(void **state)
{
    auto_str text = STR_INIT(20);

    (void)state;
    metric_set(metric_series_of(&bare, NULL), 1);
    metrics_print(&text);
    assert_true(str_overflowed(&text));
}

static void all_is_forgotten_at_the_end(void **state)
{
    (void)state;
    metric_add(metric_series(&requests, "200", "get"), 7);
    metrics_fini();
    assert_printed("");
    metric_add(metric_series(&requests, "200", "get"), 1);
    assert_printed("# HELP requests_total Requests.\n# TYPE requests_total counter\n"
                   "requests_total{code=\"200\",method=\"get\"} 1\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(no_metrics_are_no_text, teardown),
        cmocka_unit_test_teardown(a_family_shows_with_its_first_series, teardown),
        cmocka_unit_test_teardown(the_same_values_are_the_same_series, teardown),
        cmocka_unit_test_teardown(families_and_series_are_sorted, teardown),
        cmocka_unit_test_teardown(a_histogram_is_cumulative, teardown),
        cmocka_unit_test_teardown(large_bounds_have_an_exponent, teardown),
        cmocka_unit_test_teardown(values_of_labels_and_help_are_escaped, teardown),
        cmocka_unit_test_teardown(values_are_written_exactly, teardown),
        cmocka_unit_test_teardown(gauges_are_collected_when_printed, teardown),
        cmocka_unit_test_teardown(what_does_not_fit_shows, teardown),
        cmocka_unit_test_teardown(all_is_forgotten_at_the_end, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
