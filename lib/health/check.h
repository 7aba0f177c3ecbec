/* SPDX-License-Identifier: Apache-2.0
 *
 * check - one check: a probe that a task of its own runs now and then, and what came of it.
 *
 *     wait an interval ---> probe ---> failures in a row >= threshold: failing
 *            ^                |
 *            +----------------+        success: well, counted anew
 */
#pragma once

#include "lib/base/str.h"
#include "lib/health/probe.h"
#include "lib/task/background.h"

#include <stdbool.h>
#include <stdint.h>

struct check {
    struct check *next;    /* by name */
    char *name;            /* owned */
    struct str shown_name; /* without the secrets of a URI: for the log */
    struct probe *probe;
    int64_t interval_ns;
    int64_t threshold; /* failures in a row until it fails; 0 and 1: the first */
    int64_t failures;  /* in a row */
    char *fault;       /* owned; what is wrong, NULL while all is well */
    struct background job;
};

/* @name: copied; @probe: taken. Given: check_free. */
struct check *check_new(const char *name, struct probe *probe, int64_t interval_ns,
                        int64_t threshold);
void check_start(struct check *check);

/* Asks the task to end; check_wait waits until it has. */
void check_cancel(struct check *check);
void check_wait(struct check *check); /* May suspend. */
void check_free(struct check *check); /* not running */
