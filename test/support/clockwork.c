/* SPDX-License-Identifier: Apache-2.0
 *
 * clockwork - see clockwork.h.
 */
#include "test/support/clockwork.h"

#include "lib/base/clock.h"
#include "lib/task/offload.h"
#include "lib/task/task.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/queue.h>

#include "lib/base/banned.h"

#define QUIET_TURNS 10 /* of the loop; nobody who can do something waits for as many */

/* The linker's names for what is wrapped, and for what wraps it. */
int __real_task_sleep(int ms, struct error *err);
int __wrap_task_sleep(int ms, struct error *err);
int64_t __real_clock_monotonic_ms(void);
int64_t __wrap_clock_monotonic_ms(void);
int __real_offload(offload_cb *fn, void *arg, struct error *err);
int __wrap_offload(offload_cb *fn, void *arg, struct error *err);

struct sleeper {
    int64_t until_ms;
    LIST_ENTRY(sleeper) link;
};

static LIST_HEAD(, sleeper) sleepers = LIST_HEAD_INITIALIZER(sleepers);
static bool is_started;
static _Atomic int64_t now_ms; /* helpers read it too */
static int64_t slept_ms;
static unsigned jobs;     /* on helpers */
static unsigned job_turn; /* counts their ends */

void clockwork_start(void)
{
    is_started = true;
    now_ms = __real_clock_monotonic_ms();
    slept_ms = 0;
}

void clockwork_pass(int ms)
{
    now_ms += ms;
}

int64_t clockwork_slept_ms(void)
{
    return slept_ms;
}

int64_t __wrap_clock_monotonic_ms(void)
{
    return is_started ? now_ms : __real_clock_monotonic_ms();
}

int __wrap_offload(offload_cb *fn, void *arg, struct error *err)
{
    int rc;

    jobs++;
    rc = __real_offload(fn, arg, err);
    jobs--;
    job_turn++;
    return rc;
}

static bool is_first(const struct sleeper *self)
{
    const struct sleeper *other;

    LIST_FOREACH(other, &sleepers, link)
    {
        if (other->until_ms < self->until_ms)
            return false;
    }
    return true;
}

/* Until it is @self's time: when nobody is at work, and who sleeps is to sleep longer. */
static int sleep_until_due(const struct sleeper *self, struct error *err)
{
    unsigned seen_turn = job_turn;
    int quiet = 0;

    while (now_ms < self->until_ms) {
        if (__real_task_sleep(jobs > 0 ? 1 : 0, err) < 0)
            return -1;
        quiet = jobs == 0 && job_turn == seen_turn && is_first(self) ? quiet + 1 : 0;
        seen_turn = job_turn;
        if (quiet > QUIET_TURNS)
            now_ms = self->until_ms;
    }
    return 0;
}

int __wrap_task_sleep(int ms, struct error *err)
{
    struct sleeper self;
    int rc;

    if (!is_started || ms <= 0)
        return __real_task_sleep(ms, err);
    slept_ms += ms;
    self.until_ms = now_ms + ms;
    LIST_INSERT_HEAD(&sleepers, &self, link);
    rc = sleep_until_due(&self, err);
    LIST_REMOVE(&self, link);
    return rc;
}
