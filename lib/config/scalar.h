/* SPDX-License-Identifier: Apache-2.0
 *
 * scalar - what a plain YAML scalar means, and durations as text.
 *
 * Source: YAML 1.1 type repository as upstream's reader understands it; Go's duration grammar.
 */
#pragma once

#include "lib/base/span.h"
#include "lib/base/str.h"

#include <stdbool.h>
#include <stdint.h>

enum scalar_kind { SCALAR_TEXT, SCALAR_NULL, SCALAR_BOOL, SCALAR_INTEGER, SCALAR_REAL };

struct scalar {
    enum scalar_kind kind;
    bool boolean;    /* SCALAR_BOOL */
    int64_t integer; /* SCALAR_INTEGER */
    double real;     /* SCALAR_REAL */
};

/* The meaning of text without quotes. An integer that does not fit 64 bits is real. */
struct scalar scalar_resolve(const char *text);

/* As upstream prints an untyped value: integers in decimal, `true`/`false`, the shortest digits of
 * a real number, other text as it is. */
void scalar_normalize(const char *text, struct str *out);

/* "1m30s", "1.5h", "-2us", "0": false when it is not a duration or does not fit. */
must_check bool scalar_parse_duration(const char *text, int64_t *out_ns);

/* The shortest sum of whole units, such as "168h", "1m30s", "0s". */
void scalar_format_duration(int64_t ns, struct str *out);
