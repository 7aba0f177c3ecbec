/* SPDX-License-Identifier: Apache-2.0
 *
 * metrics - counters, gauges and histograms, and their text for Prometheus.
 *
 * A family has a name, a help text and label names; a series is one combination of label values,
 * made at its first use and kept. Where a metric is counted, a static family is declared:
 *
 *     static struct metric_family requests =
 *         METRIC_COUNTER("registry_http_requests_total", "Requests.", "code", "handler");
 *     ...
 *     metric_add(metric_series(&requests, "200", "blob"), 1);
 *
 * Finding a series compares texts: what counts often keeps the pointer. A family is printed once it
 * has a series. Label values come from fixed sets, never from clients; label names are declared in
 * the order of the alphabet. Loop thread only. Source: Prometheus text exposition format 0.0.4.
 */
#pragma once

#include "lib/base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define METRIC_LABELS_MAX  4
#define METRIC_BUCKETS_MAX 24

enum metric_type { METRIC_TYPE_COUNTER, METRIC_TYPE_GAUGE, METRIC_TYPE_HISTOGRAM };

struct metric_series {
    struct metric_series *next;
    const char *values[METRIC_LABELS_MAX]; /* owned copies */
    double value;                          /* of a histogram: the sum */
    uint64_t count;                        /* histogram: observations */
    uint64_t buckets[METRIC_BUCKETS_MAX];  /* histogram: not cumulative */
};

struct metric_family {
    enum metric_type type;
    const char *name;
    const char *help;
    const double *bounds; /* histogram: upper bounds, ascending */
    size_t bound_count;
    const char *labels[METRIC_LABELS_MAX]; /* NULL after the last */
    struct metric_series *series;          /* by their label values */
    struct metric_family *next;            /* of all families, by name */
    bool is_listed;
};

#define METRIC_COUNTER(metric_name, metric_help, ...)                                              \
    {                                                                                              \
        .type = METRIC_TYPE_COUNTER, .name = (metric_name), .help = (metric_help), .labels = {     \
            __VA_ARGS__                                                                            \
        }                                                                                          \
    }
#define METRIC_GAUGE(metric_name, metric_help, ...)                                                \
    {                                                                                              \
        .type = METRIC_TYPE_GAUGE, .name = (metric_name), .help = (metric_help), .labels = {       \
            __VA_ARGS__                                                                            \
        }                                                                                          \
    }
#define METRIC_HISTOGRAM(metric_name, metric_help, metric_bounds, ...)                             \
    {                                                                                              \
        .type = METRIC_TYPE_HISTOGRAM, .name = (metric_name), .help = (metric_help),               \
        .bounds = (metric_bounds), .bound_count = array_count(metric_bounds), .labels = {          \
            __VA_ARGS__                                                                            \
        }                                                                                          \
    }

/* The series of these label values, one `const char *` for each label; without labels @values may
 * be NULL. Lent until metrics_fini. */
struct metric_series *metric_series_of(struct metric_family *family, const char *const *values);
#define metric_series(family, ...)                                                                 \
    metric_series_of((family), (const char *const[METRIC_LABELS_MAX]){__VA_ARGS__})

void metric_add(struct metric_series *series, double amount);
void metric_set(struct metric_series *series, double value);
void metric_set_only(struct metric_family *family, double value); /* of a family without labels */
void metric_observe(const struct metric_family *family, struct metric_series *series, double value);

/* A callback that sets gauges just before they are printed, until metrics_off_collect with the same
 * arguments. */
typedef void metric_collect_cb(void *arg);
void metrics_on_collect(metric_collect_cb *collect, void *arg);
void metrics_off_collect(metric_collect_cb *collect, void *arg);

/* For print.c: calls the callbacks and returns the first family. */
const struct metric_family *metrics_collected(void);

/* All families in the order of their names, their series in the order of their values. Appends. */
void metrics_print(struct str *out);

/* Forgets everything, pointers kept elsewhere included: for the end of the process and for tests.
 */
void metrics_fini(void);
