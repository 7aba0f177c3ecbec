/* SPDX-License-Identifier: Apache-2.0
 *
 * metrics - see metrics.h. Families, series and what is counted; their text is made in print.c.
 */
#include "lib/metrics/metrics.h"

#include "lib/base/memory.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/banned.h"

#define COLLECTORS_MAX 16

struct collector {
    metric_collect_cb *collect;
    void *arg;
};

static struct metric_family *families; /* by name */
static struct collector collectors[COLLECTORS_MAX];
static size_t collector_count;

/* ---- families and series ---- */

static void list_family(struct metric_family *family)
{
    struct metric_family **at = &families;

    assert(family->bound_count <= METRIC_BUCKETS_MAX);
    while (*at != NULL && strcmp((*at)->name, family->name) < 0)
        at = &(*at)->next;
    assert(*at == NULL || strcmp((*at)->name, family->name) != 0);
    family->next = *at;
    family->is_listed = true;
    *at = family;
}

static int compare_values(const struct metric_family *family, const char *const *a,
                          const char *const *b)
{
    int order = 0;

    for (size_t i = 0; order == 0 && i < METRIC_LABELS_MAX && family->labels[i] != NULL; i++)
        order = strcmp(a[i], b[i]);
    return order;
}

static struct metric_series *new_series(const struct metric_family *family,
                                        const char *const *values)
{
    struct metric_series *series = xcalloc(1, sizeof(*series));

    for (size_t i = 0; i < METRIC_LABELS_MAX && family->labels[i] != NULL; i++)
        series->values[i] = xstrdup(values[i]);
    return series;
}

struct metric_series *metric_series_of(struct metric_family *family, const char *const *values)
{
    struct metric_series **at = &family->series;
    struct metric_series *series;
    int order = -1;

    while (*at != NULL && (order = compare_values(family, (*at)->values, values)) < 0)
        at = &(*at)->next;
    if (*at != NULL && order == 0)
        return *at;
    if (!family->is_listed)
        list_family(family);
    series = new_series(family, values);
    series->next = *at;
    *at = series;
    return series;
}

/* ---- counting ---- */

void metric_add(struct metric_series *series, double amount)
{
    series->value += amount;
}

void metric_set(struct metric_series *series, double value)
{
    series->value = value;
}

void metric_set_only(struct metric_family *family, double value)
{
    metric_set(metric_series_of(family, NULL), value);
}

/* What is above the last bound shows in the count only. */
void metric_observe(const struct metric_family *family, struct metric_series *series, double value)
{
    size_t i = 0;

    assert(family->type == METRIC_TYPE_HISTOGRAM);
    while (i < family->bound_count && value > family->bounds[i])
        i++;
    if (i < family->bound_count)
        series->buckets[i]++;
    series->count++;
    series->value += value;
}

/* ---- collecting ---- */

void metrics_on_collect(metric_collect_cb *collect, void *arg)
{
    assert(collector_count < COLLECTORS_MAX);
    collectors[collector_count++] = (struct collector){collect, arg};
}

void metrics_off_collect(metric_collect_cb *collect, void *arg)
{
    size_t kept = 0;

    for (size_t i = 0; i < collector_count; i++) {
        if (collectors[i].collect != collect || collectors[i].arg != arg)
            collectors[kept++] = collectors[i];
    }
    collector_count = kept;
}

const struct metric_family *metrics_collected(void)
{
    for (size_t i = 0; i < collector_count; i++)
        collectors[i].collect(collectors[i].arg);
    return families;
}

/* ---- the end ---- */

static void free_series(struct metric_series *series)
{
    for (size_t i = 0; i < METRIC_LABELS_MAX && series->values[i] != NULL; i++) {
        char *value;

        memcpy(&value, &series->values[i], sizeof(value)); /* ours, whatever its type says */
        free(value);
    }
    free(series);
}

void metrics_fini(void)
{
    while (families != NULL) {
        struct metric_family *family = families;

        families = family->next;
        while (family->series != NULL) {
            struct metric_series *series = family->series;

            family->series = series->next;
            free_series(series);
        }
        family->next = NULL;
        family->is_listed = false;
    }
    collector_count = 0;
}
