/* SPDX-License-Identifier: Apache-2.0
 *
 * progress - see progress.h.
 */
#include "lib/client/progress.h"

#include "lib/base/clock.h"

#include <event2/buffer.h>
#include <limits.h>

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

static void wake_if_ready(struct exchange *x)
{
    if (x->is_waiting && is_ready(x))
        task_wake(&x->wait);
}

void progress_note(struct exchange *x)
{
    x->moved_ns = x->client->moved_ns = clock_monotonic_ns();
    wake_if_ready(x);
}

void progress_note_head(struct exchange *x)
{
    tempo_mark(&x->tempo, clock_monotonic_ns());
    progress_note(x);
}

void progress_received(struct exchange *x, size_t bytes)
{
    if (x->body_timeout_ms == 0)
        tempo_note(&x->tempo, bytes, clock_monotonic_ns());
    progress_note(x);
}

/* With the last of it, what is waited for is another. */
void progress_sent(struct exchange *x, size_t bytes)
{
    if (bytes > 0 && x->offset == x->size)
        tempo_mark(&x->tempo, clock_monotonic_ns());
    else
        tempo_note(&x->tempo, bytes, clock_monotonic_ns());
    progress_note(x);
}

/* What it waits for may have come, and in any case its limit is another from now on. */
void progress_wake(struct exchange *x)
{
    x->moved_ns = clock_monotonic_ns();
    tempo_mark(&x->tempo, x->moved_ns);
    if (x->is_waiting)
        task_wake(&x->wait);
}

/* ---- limits; milliseconds ---- */

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

/* Until nothing has moved for too long. */
static int until_stall(const struct exchange *x)
{
    int64_t moved_ns = x->moved_ns;

    if (!x->is_connected && x->client->moved_ns > moved_ns)
        moved_ns = x->client->moved_ns;
    return ms_until(moved_ns + stall_limit_ms(x) * CLOCK_MS_NS);
}

static bool is_head_due(const struct exchange *x)
{
    return !x->answer.is_complete && x->offset == x->size;
}

static bool is_body_limited(const struct exchange *x)
{
    return x->answer.is_complete && x->body_timeout_ms > 0;
}

/* How long it may take to TEMPO_BYTES, or to what else sets a mark. */
static int64_t crawl_limit_ms(const struct exchange *x)
{
    if (is_head_due(x))
        return 2 * (int64_t)x->stall_timeout_ms;
    return is_body_limited(x) ? x->body_timeout_ms : x->stall_timeout_ms;
}

/* Until that is over. Who queues is not counted. */
static int until_crawl(const struct exchange *x)
{
    int64_t waited_ns = tempo_waited(&x->tempo, clock_monotonic_ns());

    if (!x->is_connected)
        return INT_MAX;
    return clock_wait_ms(crawl_limit_ms(x) * CLOCK_MS_NS - waited_ns);
}

static int until_deadline(const struct exchange *x)
{
    return x->deadline_ns != 0 ? ms_until(x->deadline_ns) : INT_MAX;
}

static int least(int a, int b)
{
    return a < b ? a : b;
}

static int time_out(struct exchange *x, struct error *err)
{
    if (until_deadline(x) == 0)
        return error_set(err, ERROR_TIMEOUT, "%s: the time for the call is over", x->shown);
    x->is_stalled = true;
    if (until_stall(x) == 0)
        return error_set(err, ERROR_TIMEOUT, "%s: nothing moved for %d ms%s", x->shown,
                         stall_limit_ms(x), x->is_connected ? "" : ", and no connection is free");
    return error_set(err, ERROR_TIMEOUT, "%s: %s in %lld ms", x->shown,
                     is_head_due(x)       ? "no whole head of an answer"
                     : is_body_limited(x) ? "no whole answer"
                                          : "less than a KiB has moved",
                     (long long)crawl_limit_ms(x));
}

/* ---- waiting ---- */

/* Until it is woken or a limit is reached: then the caller finds out which, if any. */
static int wait_once(struct exchange *x, int ms, struct error *err)
{
    struct error woken = ERROR_INIT;
    int rc;

    x->is_waiting = true;
    tempo_wait(&x->tempo, clock_monotonic_ns());
    rc = task_wait(&x->wait, ms, &woken);
    tempo_rest(&x->tempo, clock_monotonic_ns());
    x->is_waiting = false;
    if (rc == 0 || woken.code == ERROR_TIMEOUT)
        return 0;
    *err = woken;
    return -1;
}

int progress_wait(struct exchange *x, enum wanted wanted, struct error *err)
{
    x->wanted = wanted;
    x->moved_ns = clock_monotonic_ns();
    while (!is_ready(x)) {
        int ms = least(until_deadline(x), least(until_stall(x), until_crawl(x)));

        if (ms == 0)
            return time_out(x, err);
        if (wait_once(x, ms, err) < 0)
            return -1;
    }
    return 0;
}
