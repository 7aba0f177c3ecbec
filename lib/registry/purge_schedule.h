/* SPDX-License-Identifier: Apache-2.0
 *
 * purge_schedule - purging in the background: a first round after a random delay, so that many
 * instances do not begin together, then one after each interval.
 *
 *     start ---> delay ---> round ---> interval ---> round ---> ... ---> stop
 *
 * Source: upstream's purger, whose first delay is 0 to 59 whole minutes; ours is also less than one
 * interval.
 */
#pragma once

#include "lib/registry/purge.h"

#include <stdint.h>

struct purge_schedule;

/* After a round, also one that failed halfway; in the schedule's task. */
typedef void purge_round_cb(const struct purge_result *result, void *arg);

struct purge_options {
    int64_t age_ns;      /* of sessions; negative is 0 */
    int64_t interval_ns; /* PURGE_INTERVAL_MIN_NS at least */
    bool is_dry_run;
    purge_round_cb *on_round; /* NULL: nobody */
    void *arg;
};

#define PURGE_INTERVAL_MIN_NS INT64_C(100000000)

/* Starts the schedule. @registry lives until it has stopped. Given: purge_schedule_stop. */
struct purge_schedule *purge_schedule_start(struct registry *registry,
                                            const struct purge_options *options);

/* Cancels what runs, waits for its end, which takes as long as one call of the storage, and frees
 * it; NULL is fine. In a task, also in a canceled one. May suspend. */
void purge_schedule_stop(struct purge_schedule *schedule);

/* The first delay that follows from a random number. */
int64_t purge_first_delay_ns(int64_t interval_ns, uint32_t random);
