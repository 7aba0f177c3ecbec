/* SPDX-License-Identifier: Apache-2.0
 *
 * loop - see loop.h.
 */
#include "lib/task/loop.h"

#include "lib/task/run.h"

#include <assert.h>
#include <event2/event.h>
#include <stdbool.h>

#include "lib/base/banned.h"

static struct event_base *base;
static bool is_stopping;

int loop_open(unsigned helper_count, struct error *err)
{
    assert(base == NULL);
    base = event_base_new();
    if (base == NULL)
        return error_set(err, ERROR_INTERNAL, "libevent: no event base");
    task_run_open(base);
    if (offload_pool_open(base, helper_count, err) < 0) {
        task_run_close();
        event_base_free(base);
        base = NULL;
        return -1;
    }
    return 0;
}

void loop_close(void)
{
    offload_pool_close();
    task_run_close();
    event_base_free(base);
    base = NULL;
}

struct event_base *loop_base(void)
{
    return base;
}

/* The helper pool's own event is always there: it alone is nothing to wait for. */
static bool has_work(void)
{
    return offload_pending() > 0 || event_base_get_num_events(base, EVENT_BASE_COUNT_ACTIVE) > 0 ||
           event_base_get_num_events(base, EVENT_BASE_COUNT_ADDED) > 1;
}

void loop_run(void)
{
    is_stopping = false;
    while (!is_stopping && has_work())
        event_base_loop(base, EVLOOP_ONCE);
}

void loop_stop(void)
{
    is_stopping = true;
    event_base_loopbreak(base);
}
