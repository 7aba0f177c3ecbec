/* SPDX-License-Identifier: Apache-2.0
 *
 * loop_lag - see loop_lag.h.
 */
#include "lib/debug/loop_lag.h"

#include "lib/base/clock.h"
#include "lib/metrics/metrics.h"
#include "lib/task/loop.h"

#include <event2/event.h>
#include <stdlib.h>

#include "lib/base/banned.h"

#define INTERVAL_MS 500

static const double seconds[] = {.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5};
static struct metric_family lag_family = METRIC_HISTOGRAM(
    "registry_loop_lag_seconds",
    "How late the event loop is for a timer, looked at twice a second.", seconds, NULL);

static struct event *timer;
static int64_t due_ns;
static struct metric_series *lag;

static void arm(void)
{
    struct timeval after = {0, INTERVAL_MS * 1000};

    due_ns = clock_monotonic_ns() + INTERVAL_MS * CLOCK_MS_NS;
    evtimer_add(timer, &after);
}

/* libevent counts from its own, coarser clock: a little early is on time. */
static void on_timer(evutil_socket_t fd, short events, void *arg)
{
    int64_t late_ns = clock_monotonic_ns() - due_ns;

    (void)fd, (void)events, (void)arg;
    metric_observe(&lag_family, lag, late_ns > 0 ? (double)late_ns / 1e9 : 0);
    arm();
}

void loop_lag_start(void)
{
    timer = evtimer_new(loop_base(), on_timer, NULL);
    if (timer == NULL)
        abort();
    lag = metric_series_of(&lag_family, NULL);
    arm();
}

void loop_lag_stop(void)
{
    if (timer != NULL)
        event_free(timer);
    timer = NULL;
}
