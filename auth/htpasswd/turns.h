/* SPDX-License-Identifier: Apache-2.0
 *
 * turns - few may work at a time, and the others wait in lines that take turns.
 *
 *     line of 10.0.0.1:  o o o o o o o     suspects
 *     line of 10.0.0.7:  o                 others       --> TURNS_WIDTH at work
 *
 * Each address has a line, so that many waiting from one do not keep those of another waiting. The
 * lines of suspects come last, but one turn in TURNS_SUSPECT_SHARE is theirs. Loop thread only.
 */
#pragma once

#include "auth/htpasswd/login_key.h"
#include "lib/base/error.h"

#include <stdbool.h>
#include <stddef.h>

#define TURNS_SUSPECT_SHARE 4

struct turns;

/* At most @width at work; at most @line_max wait in one line and @max in all. Given: turns_free,
 * once nobody waits. */
struct turns *turns_new(size_t width, size_t line_max, size_t max);
void turns_free(struct turns *turns);

/* Waits for a turn in the line of @address. May suspend. After 0: turns_end. Errors: BUSY when too
 * many wait already; CANCELED. */
must_check int turns_begin(struct turns *turns, const struct login_key *address, bool is_suspect,
                           struct error *err);
void turns_end(struct turns *turns);
