/* SPDX-License-Identifier: Apache-2.0
 *
 * cost - how much work something is, for tests that tell work that grows with its input from work
 * that explodes. The processor's time, not the clock's: waiting, and what others do, is free.
 */
#pragma once

#include <stdint.h>
#include <time.h>

/* More than any machine needs for what does not explode. */
#define COST_MAX_NS INT64_C(30000000000)

/* Of this thread, so far. */
static inline int64_t cost_ns(void)
{
    struct timespec used;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
    return (int64_t)used.tv_sec * 1000000000 + used.tv_nsec;
}
