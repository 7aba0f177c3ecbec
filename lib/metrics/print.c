/* SPDX-License-Identifier: Apache-2.0
 *
 * print - all metrics as text, in the exposition format 0.0.4.
 *
 *     # HELP name What it counts.
 *     # TYPE name histogram
 *     name_bucket{handler="blob",le="0.005"} 3        cumulative
 *     name_bucket{handler="blob",le="+Inf"} 4
 *     name_sum{handler="blob"} 0.27
 *     name_count{handler="blob"} 4
 *
 * Bounds are written as upstream's client library writes numbers, as `le` is compared as text;
 * other values are integers when they are whole.
 */
#include "lib/metrics/metrics.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/banned.h"

#define NUMBER_SIZE  32
#define WHOLE_MAX    9007199254740992.0 /* 2^53: above, not every integer is a double */
#define PRECISE      15                 /* digits that are enough for most doubles */
#define PRECISE_MAX  17                 /* ... and for all of them */
#define EXPONENT_MIN (-4)
#define EXPONENT_MAX 6 /* from here on bounds have an exponent */

/* ---- numbers ---- */

/* NaN and the infinities have names of their own. */
static bool format_special(double value, char out[NUMBER_SIZE])
{
    if (isfinite(value))
        return false;
    snprintf(out, NUMBER_SIZE, "%s", isnan(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf");
    return true;
}

static void format_value(double value, char out[NUMBER_SIZE])
{
    if (format_special(value, out))
        return;
    if (value >= -WHOLE_MAX && value <= WHOLE_MAX && (double)(int64_t)value == value) {
        snprintf(out, NUMBER_SIZE, "%" PRId64, (int64_t)value);
        return;
    }
    snprintf(out, NUMBER_SIZE, "%.*g", PRECISE, value);
    if (strtod(out, NULL) != value)
        snprintf(out, NUMBER_SIZE, "%.*g", PRECISE_MAX, value);
}

/* The fewest digits that read back as the same number: 0.005, 1024, 1.048576e+06. */
static void format_bound(double value, char out[NUMBER_SIZE])
{
    int digits = 0; /* behind the first */
    int exponent;

    if (format_special(value, out))
        return;
    do
        snprintf(out, NUMBER_SIZE, "%.*e", digits, value);
    while (strtod(out, NULL) != value && ++digits < PRECISE_MAX);
    exponent = (int)strtol(strchr(out, 'e') + 1, NULL, 10);
    if (exponent >= EXPONENT_MIN && exponent < EXPONENT_MAX)
        snprintf(out, NUMBER_SIZE, "%.*f", digits > exponent ? digits - exponent : 0, value);
}

/* ---- text ---- */

/* Backslash and newline with a backslash; within quotes the quotation mark too. */
static void append_escaped(struct str *out, const char *text, bool is_quoted)
{
    for (; *text != '\0'; text++) {
        if (*text == '\n')
            str_append_text(out, "\\n");
        else if (*text == '\\' || (is_quoted && *text == '"'))
            str_append_format(out, "\\%c", *text);
        else
            str_append_char(out, *text);
    }
}

static void append_label(struct str *out, char before, const char *name, const char *value)
{
    str_append_char(out, before);
    str_append_text(out, name);
    str_append_text(out, "=\"");
    append_escaped(out, value, true);
    str_append_char(out, '"');
}

/* name_suffix{labels,le="bound"} value; @bound NULL: none. */
static void append_line(struct str *out, const struct metric_family *family,
                        const struct metric_series *series, const char *suffix, const char *bound,
                        const char *value)
{
    char before = '{';

    str_append_text(out, family->name);
    str_append_text(out, suffix);
    for (size_t i = 0; i < METRIC_LABELS_MAX && family->labels[i] != NULL; i++) {
        append_label(out, before, family->labels[i], series->values[i]);
        before = ',';
    }
    if (bound != NULL) {
        append_label(out, before, "le", bound);
        before = ',';
    }
    if (before == ',')
        str_append_char(out, '}');
    str_append_char(out, ' ');
    str_append_text(out, value);
    str_append_char(out, '\n');
}

static void append_count(struct str *out, const struct metric_family *family,
                         const struct metric_series *series, const char *suffix, const char *bound,
                         uint64_t count)
{
    char value[NUMBER_SIZE];

    snprintf(value, sizeof(value), "%" PRIu64, count);
    append_line(out, family, series, suffix, bound, value);
}

/* ---- families ---- */

static void append_number(struct str *out, const struct metric_family *family,
                          const struct metric_series *series, const char *suffix)
{
    char value[NUMBER_SIZE];

    format_value(series->value, value);
    append_line(out, family, series, suffix, NULL, value);
}

static void append_histogram(struct str *out, const struct metric_family *family)
{
    char bounds[METRIC_BUCKETS_MAX][NUMBER_SIZE];

    for (size_t i = 0; i < family->bound_count; i++)
        format_bound(family->bounds[i], bounds[i]);
    for (const struct metric_series *s = family->series; s != NULL; s = s->next) {
        uint64_t count = 0;

        for (size_t i = 0; i < family->bound_count; i++) {
            count += s->buckets[i];
            append_count(out, family, s, "_bucket", bounds[i], count);
        }
        append_count(out, family, s, "_bucket", "+Inf", s->count);
        append_number(out, family, s, "_sum");
        append_count(out, family, s, "_count", NULL, s->count);
    }
}

static void append_family(struct str *out, const struct metric_family *family)
{
    static const char *const types[] = {
        [METRIC_TYPE_COUNTER] = "counter",
        [METRIC_TYPE_GAUGE] = "gauge",
        [METRIC_TYPE_HISTOGRAM] = "histogram",
    };

    str_append_format(out, "# HELP %s ", family->name);
    append_escaped(out, family->help, false);
    str_append_format(out, "\n# TYPE %s %s\n", family->name, types[family->type]);
    if (family->type == METRIC_TYPE_HISTOGRAM) {
        append_histogram(out, family);
        return;
    }
    for (const struct metric_series *s = family->series; s != NULL; s = s->next)
        append_number(out, family, s, "");
}

void metrics_print(struct str *out)
{
    for (const struct metric_family *f = metrics_collected(); f != NULL; f = f->next)
        append_family(out, f);
}
