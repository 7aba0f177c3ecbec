/* SPDX-License-Identifier: Apache-2.0
 *
 * gate - lets so many tasks through at a time; the others wait, first come, first served. Loop
 * thread only.
 */
#pragma once

#include "lib/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/queue.h>

struct gate_waiter;

struct gate {
    size_t free; /* how many may enter now */
    TAILQ_HEAD(, gate_waiter) waiters;
};

void gate_init(struct gate *gate, size_t width);

/* May suspend. Errors: CANCELED; then there is nothing to leave. */
must_check int gate_enter(struct gate *gate, struct error *err);

/* Enters if that needs no waiting. */
must_check bool gate_try(struct gate *gate);

void gate_leave(struct gate *gate);
