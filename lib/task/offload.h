/* SPDX-License-Identifier: Apache-2.0
 *
 * offload - run what blocks (fsync, a big directory, a password hash, hashing of much data) on a
 * helper thread, as a pure function of its argument.
 */
#pragma once

#include "lib/base/error.h"

#include <stddef.h>

/* Touches only @arg, which the suspended task keeps still. Returns 0, or -1 with @err. */
typedef int offload_cb(void *arg, struct error *err);

/*
 * offload - fn(arg) on a helper thread. May suspend.
 *
 * Returns what @fn returned. A cancellation takes back a job that has not started (CANCELED, @fn
 * never ran); a job that has started is always waited for, and its result is returned.
 */
must_check int offload(offload_cb *fn, void *arg, struct error *err);

struct offload_stats {
    unsigned helpers; /* threads */
    size_t busy;      /* ... that work on a job */
    size_t queued;    /* jobs nobody has begun */
};

void offload_stats(struct offload_stats *out);
