/* SPDX-License-Identifier: Apache-2.0
 *
 * loop - the one event loop of the process. One thread runs it and owns all state.
 */
#pragma once

#include "lib/base/error.h"

struct event_base;

/* Makes the loop and the helper pool (@helper_count threads, at least 1). Once per process; again
 * after loop_close. */
must_check int loop_open(unsigned helper_count, struct error *err);

/* Every task must have ended. */
void loop_close(void);

struct event_base *loop_base(void); /* lent until loop_close */

/* Runs until loop_stop, or until nothing is left to wait for. */
void loop_run(void);
void loop_stop(void);
