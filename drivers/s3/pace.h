/* SPDX-License-Identifier: Apache-2.0
 *
 * pace - how much a service is given to copy in one request. Pure. Private to the folder.
 *
 * Some services copy by reference: one request takes a fraction of a second, whatever the size.
 * Others copy the bytes: then many parts at once are faster, and no request is silent for long.
 * Which is which, nobody says: it is seen at the copies of large content.
 *
 *     the operator has set a threshold       copies up to that, for ever
 *     Amazon                                 copies up to upstream's threshold, for ever
 *     anything else                          copies up to the largest possible; after one that is
 *                                            slow or fails up to upstream's threshold, for a day
 */
#pragma once

#include "lib/base/error.h"

#include <stdbool.h>
#include <stdint.h>

#define PACE_UNSET     (-1) /* as a threshold of the configuration: nobody has set it */
#define PACE_THRESHOLD (INT64_C(32) << 20) /* upstream's default */

struct pace {
    int64_t threshold;        /* bytes: up to here always in one request */
    bool is_learning;         /* above that as well, as long as it goes well */
    int64_t doubted_until_ns; /* or not, until then */
};

/* @threshold: bytes, or PACE_UNSET. */
void pace_init(struct pace *pace, int64_t threshold, bool is_amazon);

/* Whether content of @size bytes, at most S3_PART_MAX, is to be copied in one request. */
bool is_pace_whole(const struct pace *pace, int64_t size, int64_t now_ns);

/* Whether @took_ns is more than a copy by reference takes. */
bool is_pace_slow(int64_t size, int64_t took_ns);

/*
 * pace_doubt - a copy of @size bytes in one request was slow, or has failed.
 *
 * True when that changes what is done from now on: then the operator ought to be told.
 */
bool pace_doubt(struct pace *pace, int64_t size, int64_t now_ns);
