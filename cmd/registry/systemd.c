/* SPDX-License-Identifier: Apache-2.0
 *
 * systemd - see systemd.h.
 */
#include "cmd/registry/systemd.h"

#include "lib/http/server.h"
#include "lib/task/loop.h"

#include <event2/event.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>
#include <time.h>

#include "lib/base/banned.h"

#define DEBUG_NAME "debug" /* FileDescriptorName= of the debug server's socket */

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

/* ---- sockets ---- */

static void free_names(char **names, int count)
{
    for (int i = 0; i < count; i++)
        free(names[i]);
    free(names);
}

static bool is_wanted(const char *socket_name, const char *name)
{
    bool is_debug = socket_name != NULL && strcmp(socket_name, DEBUG_NAME) == 0;

    return is_debug == (name != NULL && strcmp(name, DEBUG_NAME) == 0);
}

int systemd_adopt(struct http_server *server, const char *name, struct error *err)
{
    char **names = NULL;
    int count = sd_listen_fds_with_names(0, &names);
    int adopted = 0;

    if (count < 0)
        return error_set_sys(err, -count, "the sockets that were handed over");
    for (int i = 0; i < count; i++) {
        if (!is_wanted(names[i], name))
            continue;
        if (http_server_adopt(server, SD_LISTEN_FDS_START + i, err) < 0) {
            error_wrap(err, "socket %d that was handed over", SD_LISTEN_FDS_START + i);
            free_names(names, count);
            return -1;
        }
        adopted++;
    }
    free_names(names, count);
    return adopted;
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
