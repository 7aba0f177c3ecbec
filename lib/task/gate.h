/* SPDX-License-Identifier: Apache-2.0
 *
 * gate - lets so many tasks through at a time; the others wait, first come, first served. And the
 * line they wait in, for those who have another order among several lines. Loop thread only.
 */
#pragma once

#include "lib/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/queue.h>

struct gate_waiter;

/* ---- a line ---- */

/* Who is served goes on; who goes away leaves the line. */
struct gate_line {
    TAILQ_HEAD(, gate_waiter) waiters;
    size_t count; /* of those who wait */
};

void gate_line_init(struct gate_line *line);

/*
 * gate_line_wait - at the end of the line, until served. May suspend.
 *
 * @out_is_served  whether it was: then the line was left before, and may be gone
 *
 * Errors: CANCELED. Who was served nevertheless got what was meant for somebody who wants it, and
 * passes it on.
 */
must_check int gate_line_wait(struct gate_line *line, bool *out_is_served, struct error *err);

/* Takes the first out of the line. False: nobody waits. */
bool gate_line_serve(struct gate_line *line);

/* ---- a gate ---- */

struct gate {
    size_t free; /* how many may enter now */
    struct gate_line line;
};

void gate_init(struct gate *gate, size_t width);

/* Waits only where none is free. May suspend. Errors: CANCELED; then there is nothing to leave. */
must_check int gate_enter(struct gate *gate, struct error *err);

/* Gives the place to the first that waits, so nobody overtakes. */
void gate_leave(struct gate *gate);
