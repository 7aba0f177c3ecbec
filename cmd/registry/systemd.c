/* SPDX-License-Identifier: Apache-2.0
 *
 * systemd - see systemd.h.
 */
#include "cmd/registry/systemd.h"

#include "lib/task/loop.h"

#include <event2/event.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>
#include <time.h>

#include "lib/base/banned.h"

static struct event *watchdog;

void systemd_ready(const char *address)
{
    sd_notifyf(0, "READY=1\nSTATUS=listening on %s", address);
}

void systemd_reloading(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%" PRIu64,
               (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000);
}

void systemd_stopping(void)
{
    sd_notify(0, "STOPPING=1\nSTATUS=waiting for requests to finish");
}

/* ---- signs of life ---- */

static void on_watchdog(evutil_socket_t fd, short events, void *arg)
{
    (void)fd, (void)events, (void)arg;
    sd_notify(0, "WATCHDOG=1");
}

void systemd_watchdog_start(void)
{
    uint64_t interval_us = 0;
    struct timeval period;

    if (sd_watchdog_enabled(0, &interval_us) <= 0 || interval_us == 0)
        return;
    interval_us /= 2; /* as the manual recommends */
    period.tv_sec = (time_t)(interval_us / 1000000);
    period.tv_usec = (suseconds_t)(interval_us % 1000000);
    watchdog = event_new(loop_base(), -1, EV_PERSIST, on_watchdog, NULL);
    if (watchdog == NULL)
        abort();
    event_add(watchdog, &period);
}

void systemd_watchdog_stop(void)
{
    if (watchdog != NULL)
        event_free(watchdog);
    watchdog = NULL;
}
