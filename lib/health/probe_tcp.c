/* SPDX-License-Identifier: Apache-2.0
 *
 * probe_tcp - whether somebody accepts connections.
 */
#include "lib/base/clock.h"
#include "lib/base/memory.h"
#include "lib/health/probe.h"
#include "lib/task/loop.h"
#include "lib/task/resolve.h"
#include "lib/task/task.h"

#include <errno.h>
#include <event2/event.h>
#include <sys/socket.h>

#include "lib/base/banned.h"

struct tcp_probe {
    struct probe probe;
    const struct config_tcp_check *check; /* lent */
};

static int milliseconds_until(int64_t deadline)
{
    return deadline == 0 ? TASK_NO_TIMEOUT : clock_wait_ms(deadline - clock_monotonic_ns());
}

static void on_writable(evutil_socket_t fd, short events, void *wait)
{
    (void)fd, (void)events;
    task_wake(wait);
}

/* Waits for the end of a connect. May suspend. */
static int wait_connected(int fd, int64_t deadline, struct error *err)
{
    struct task_wait wait = TASK_WAIT_INIT;
    struct event *event = event_new(loop_base(), fd, EV_WRITE, on_writable, &wait);
    socklen_t len = sizeof(int);
    int sys = 0;
    int rc;

    event_add(event, NULL);
    rc = task_wait(&wait, milliseconds_until(deadline), err);
    event_free(event);
    if (rc == 0 && (getsockopt(fd, SOL_SOCKET, SO_ERROR, &sys, &len) < 0 || sys != 0))
        rc = error_set_sys(err, sys != 0 ? sys : errno, "connect");
    return rc;
}

/* One address: connect and close. May suspend. */
static int try(const struct addrinfo *to, int64_t deadline, struct error *err)
{
    auto_close int fd = socket(to->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return error_set_sys(err, errno, "socket");
    if (connect(fd, to->ai_addr, to->ai_addrlen) == 0)
        return 0;
    if (errno != EINPROGRESS)
        return error_set_sys(err, errno, "connect");
    return wait_connected(fd, deadline, err);
}

static int try_all(const struct addrinfo *list, int64_t deadline, struct error *err)
{
    int rc = -1;

    for (const struct addrinfo *to = list; to != NULL && rc < 0; to = to->ai_next) {
        rc = try(to, deadline, err);
        if (rc < 0 && (err->code == ERROR_CANCELED || err->code == ERROR_TIMEOUT))
            break;
    }
    return rc;
}

static int tcp_run(struct probe *probe, struct error *err)
{
    const struct config_tcp_check *check = ((struct tcp_probe *)probe)->check;
    int64_t deadline = check->timeout_ns > 0 ? clock_monotonic_ns() + check->timeout_ns : 0;
    struct addrinfo *list = NULL;
    int rc = resolve(check->addr, &list, err);

    if (rc == 0) {
        rc = try_all(list, deadline, err);
        freeaddrinfo(list);
    }
    if (rc < 0 && err->code != ERROR_CANCELED)
        error_set(err, ERROR_UNAVAILABLE, "connection to %s failed", check->addr);
    return rc;
}

static void tcp_free(struct probe *probe)
{
    free(probe);
}

struct probe *probe_tcp_new(const struct config_tcp_check *check)
{
    struct tcp_probe *tcp = xcalloc(1, sizeof(*tcp));

    tcp->probe = (struct probe){tcp_run, tcp_free};
    tcp->check = check;
    return &tcp->probe;
}
