/* SPDX-License-Identifier: Apache-2.0
 *
 * clockwork - time that goes on only while all tasks of a test sleep.
 *
 * For tests of what measures by clock_monotonic_ms and waits by task_sleep: they see the times they
 * are meant to see, however slow the machine is, and wait for none of them. The program has
 * task_sleep, clock_monotonic_ms and offload wrapped (--wrap of the linker); before
 * clockwork_start they are what they are elsewhere.
 */
#pragma once

#include <stdint.h>

/* The clock stands still from now on, and tasks that sleep make it go. In each test's setup. */
void clockwork_start(void);

/* So many milliseconds pass. Not in a task. */
void clockwork_pass(int ms);

/* How long tasks have slept since clockwork_start, all together. */
int64_t clockwork_slept_ms(void);
