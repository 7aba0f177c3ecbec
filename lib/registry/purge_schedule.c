/* SPDX-License-Identifier: Apache-2.0
 *
 * purge_schedule - see purge_schedule.h.
 */
#include "lib/registry/purge_schedule.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/memory.h"
#include "lib/base/random.h"
#include "lib/task/background.h"

#include <stdlib.h>

#include "lib/base/banned.h"

#define MINUTE_NS (60 * CLOCK_SECOND_NS)

#define SLEEP_MAX_NS   (3600 * CLOCK_SECOND_NS) /* at a time */
#define LITTER_WAIT_NS (3600 * CLOCK_SECOND_NS) /* between looks at every directory there is */

struct purge_schedule {
    struct registry *registry; /* lent */
    struct purge_options options;
    struct background job;
    int64_t litter_at_ns; /* when leftovers were looked for last, 0: never */
};

int64_t purge_first_delay_ns(int64_t interval_ns, uint32_t random)
{
    if (interval_ns >= 60 * MINUTE_NS)
        return random % 60 * MINUTE_NS;
    return interval_ns / 1000 * (random % 1000);
}

static struct timespec ago(int64_t ns)
{
    struct timespec at = clock_now();

    at.tv_sec -= ns / CLOCK_SECOND_NS;
    at.tv_nsec -= ns % CLOCK_SECOND_NS;
    if (at.tv_nsec < 0) {
        at.tv_sec--;
        at.tv_nsec += CLOCK_SECOND_NS;
    }
    return at;
}

/* Names the wait in the log, and waits. */
static int wait_for_round(int64_t ns, struct error *err)
{
    char text[CLOCK_DURATION_SIZE];

    clock_format_duration(ns, text);
    log_info("Starting upload purge in %s", text);
    while (ns > SLEEP_MAX_NS) {
        if (task_sleep(clock_wait_ms(SLEEP_MAX_NS), err) < 0)
            return -1;
        ns -= SLEEP_MAX_NS;
    }
    return task_sleep(clock_wait_ms(ns), err);
}

static bool is_litter_due(struct purge_schedule *schedule)
{
    int64_t now_ns = clock_monotonic_ns();

    if (schedule->litter_at_ns != 0 && now_ns - schedule->litter_at_ns < LITTER_WAIT_NS)
        return false;
    schedule->litter_at_ns = now_ns;
    return true;
}

static int run_parts(struct purge_schedule *schedule, struct purge_result *result,
                     struct error *err)
{
    const struct purge_options *options = &schedule->options;
    struct timespec before = ago(options->age_ns);

    if (purge_uploads(schedule->registry, before, options->is_dry_run, result, err) < 0)
        return -1;
    if (!is_litter_due(schedule))
        return 0;
    return purge_litter(schedule->registry, before, options->is_dry_run, result, err);
}

/* A round that fails is no reason to give up: the storage may be back for the next one. */
static int run_round(struct purge_schedule *schedule, struct error *err)
{
    struct purge_result result = {0};
    struct error why = ERROR_INIT;

    if (run_parts(schedule, &result, &why) < 0) {
        if (why.code == ERROR_CANCELED) {
            *err = why;
            return -1;
        }
        log_error("purge: %s", why.message);
        result.error_count++;
    }
    if (schedule->options.on_round != NULL)
        schedule->options.on_round(&result, schedule->options.arg);
    return 0;
}

/* Until it is canceled. */
static void schedule_main(void *arg)
{
    struct purge_schedule *schedule = arg;
    struct error err = ERROR_INIT;
    int64_t interval_ns = schedule->options.interval_ns;
    uint32_t random;
    int rc;

    random_fill(&random, sizeof(random));
    rc = wait_for_round(purge_first_delay_ns(interval_ns, random), &err);
    while (rc == 0) {
        rc = run_round(schedule, &err);
        if (rc == 0)
            rc = wait_for_round(interval_ns, &err);
    }
}

struct purge_schedule *purge_schedule_start(struct registry *registry,
                                            const struct purge_options *options)
{
    struct purge_schedule *schedule = xcalloc(1, sizeof(*schedule));

    schedule->registry = registry;
    schedule->options = *options;
    if (schedule->options.age_ns < 0)
        schedule->options.age_ns = 0;
    if (schedule->options.interval_ns < PURGE_INTERVAL_MIN_NS)
        schedule->options.interval_ns = PURGE_INTERVAL_MIN_NS;
    background_start(&schedule->job, "purge", schedule_main, schedule);
    return schedule;
}

void purge_schedule_stop(struct purge_schedule *schedule)
{
    if (schedule == NULL)
        return;
    background_stop(&schedule->job);
    free(schedule);
}
