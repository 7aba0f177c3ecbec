/* SPDX-License-Identifier: Apache-2.0
 *
 * progress - see progress.h.
 */
#include "lib/client/progress.h"

#include "lib/base/clock.h"

#include <event2/buffer.h>

#include "lib/base/banned.h"

static bool is_ready(const struct exchange *x)
{
    if (x->job.is_done)
        return true;
    switch (x->wanted) {
    case WANTED_HEAD:
        return x->answer.is_complete;
    case WANTED_INPUT:
        return evbuffer_get_length(x->in) > 0;
    case WANTED_ROOM:
        return is_exchange_answered(x) || evbuffer_get_length(x->out) <= CLIENT_WINDOW / 2;
    }
    return true;
}

void progress_note(struct exchange *x)
{
    x->moved_ns = x->client->moved_ns = clock_monotonic_ns();
    if (x->is_waiting && is_ready(x))
        task_wake(&x->wait);
}

/* What it waits for may have come, and in any case its limit is another from now on. */
void progress_wake(struct exchange *x)
{
    x->moved_ns = clock_monotonic_ns();
    if (x->is_waiting)
        task_wake(&x->wait);
}

/* 0 when @at_ns has passed. */
static int ms_until(int64_t at_ns)
{
    return clock_wait_ms(at_ns - clock_monotonic_ns());
}

/* How long a standstill may last. Connecting has a limit of its own. */
static int stall_limit_ms(const struct exchange *x)
{
    int connect_ms = x->client->connect_timeout_ms;

    return x->is_connected || x->stall_timeout_ms > connect_ms ? x->stall_timeout_ms : connect_ms;
}

/* How long a wait may last until a limit is reached. */
static int patience_ms(const struct exchange *x)
{
    int64_t moved_ns = x->moved_ns;
    int ms;

    if (!x->is_connected && x->client->moved_ns > moved_ns)
        moved_ns = x->client->moved_ns;
    ms = ms_until(moved_ns + (int64_t)stall_limit_ms(x) * CLOCK_MS_NS);
    if (x->deadline_ns != 0 && ms_until(x->deadline_ns) < ms)
        ms = ms_until(x->deadline_ns);
    return ms;
}

static int time_out(struct exchange *x, struct error *err)
{
    if (x->deadline_ns != 0 && ms_until(x->deadline_ns) == 0)
        return error_set(err, ERROR_TIMEOUT, "%s: the time for the call is over", x->shown);
    x->is_stalled = true;
    return error_set(err, ERROR_TIMEOUT, "%s: nothing moved for %d ms%s", x->shown,
                     stall_limit_ms(x), x->is_connected ? "" : ", and no connection is free");
}

int progress_wait(struct exchange *x, enum wanted wanted, struct error *err)
{
    int rc = 0;

    x->wanted = wanted;
    x->moved_ns = clock_monotonic_ns();
    while (rc == 0 && !is_ready(x)) {
        struct error woken = ERROR_INIT;
        int ms = patience_ms(x);

        if (ms == 0)
            return time_out(x, err);
        x->is_waiting = true;
        rc = task_wait(&x->wait, ms, &woken);
        x->is_waiting = false;
        if (rc < 0 && woken.code == ERROR_TIMEOUT)
            rc = 0;
        else if (rc < 0)
            *err = woken;
    }
    return rc;
}
