/* SPDX-License-Identifier: Apache-2.0
 *
 * range - the parts of a content that a Range header asks for. Pure; fuzzed.
 *
 * Source: RFC 9110 section 14; the answers to odd forms are upstream's.
 */
#pragma once

#include "lib/base/span.h"

#include <stdint.h>

#define RANGE_COUNT_MAX 64 /* who asks for more parts gets the whole */

struct range {
    int64_t first; /* bytes from the start of the content */
    int64_t len;   /* bytes; 0 for the suffix `-0` */
};

struct range_set {
    size_t count;
    struct range items[RANGE_COUNT_MAX]; /* in the order asked for */
};

enum range_verdict {
    RANGE_WHOLE,   /* nothing asked for, or so much that the whole is shorter */
    RANGE_PARTS,   /* what @out says, 1..RANGE_COUNT_MAX parts */
    RANGE_OUTSIDE, /* all of it lies behind the end: 416 with `bytes *` + "/size" */
    RANGE_INVALID, /* no range at all: 416 */
};

/* @size in bytes, of the whole content. @out is set only with RANGE_PARTS. */
enum range_verdict range_parse(struct span header, int64_t size, struct range_set *out);
