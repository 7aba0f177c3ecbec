/* SPDX-License-Identifier: Apache-2.0
 *
 * admission - see admission.h.
 */
#include "lib/http/admission.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/http/connection.h"
#include "lib/task/loop.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/resource.h>

#include "lib/base/banned.h"

#define PAUSE_MS      100 /* until what could not be done is tried again */
#define IDLE_MIN_NS   INT64_C(1000000000)
#define TELL_EVERY_NS INT64_C(60000000000)

/* A share of the descriptors is kept for what requests open. */
static size_t most_by_files(void)
{
    struct rlimit limit = {0};
    rlim_t reserve;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur == RLIM_INFINITY)
        return SIZE_MAX;
    reserve = limit.rlim_cur / 4;
    reserve = reserve < 24 ? 24 : reserve > 1024 ? 1024 : reserve;
    return limit.rlim_cur > reserve ? (size_t)(limit.rlim_cur - reserve) : 1;
}

/* ---- accepting ---- */

static void set_accepting(struct admission *admission, bool is_accepting)
{
    if (admission->is_accepting == is_accepting)
        return;
    admission->is_accepting = is_accepting;
    for (size_t i = 0; i < admission->door_count; i++) {
        struct admission_door *door = &admission->doors[i];

        event_del(door->knock);
        if (is_accepting)
            evconnlistener_enable(door->listener);
        else
            evconnlistener_disable(door->listener);
    }
}

static void await_knock(struct admission *admission)
{
    for (size_t i = 0; i < admission->door_count; i++)
        event_add(admission->doors[i].knock, NULL);
}

static void look_later(struct admission *admission)
{
    struct timeval after = {0, PAUSE_MS * 1000};

    evtimer_add(admission->look, &after);
}

/* After each change of the count or the limit. */
static void decide(struct admission *admission)
{
    if (admission->count < admission->limit) {
        set_accepting(admission, true);
    } else if (admission->is_accepting) {
        set_accepting(admission, false);
        await_knock(admission);
    }
}

static void on_look(evutil_socket_t fd, short events, void *arg)
{
    struct admission *admission = arg;

    (void)fd, (void)events;
    decide(admission);
    if (!admission->is_accepting)
        await_knock(admission);
}

/* ---- making room ---- */

static bool is_time_to_tell(int64_t *told_at)
{
    int64_t now = clock_monotonic_ns();

    if (*told_at != 0 && now - *told_at < TELL_EVERY_NS)
        return false;
    *told_at = now;
    return true;
}

static void tell_full(struct admission *admission)
{
    if (!is_time_to_tell(&admission->told_full_at))
        return;
    log_warn("%zu connections are open, all that %s; others wait", admission->count,
             admission->is_limit_ours ? "http.maxconnections allows"
                                      : "the limit of open files allows");
}

/* Bytes have come that the loop has not seen yet. */
static bool is_next_here(const struct connection *conn)
{
    int available = 0;

    return ioctl(conn->fd, FIONREAD, &available) == 0 && available > 0;
}

/* Closes the connection that has been idle for longest. */
static bool make_room(struct admission *admission)
{
    int64_t since = clock_monotonic_ns() - IDLE_MIN_NS;
    struct connection *conn;

    TAILQ_FOREACH(conn, &admission->idle, idle_link)
    {
        if (conn->idle_at > since)
            break;
        if (is_next_here(conn))
            continue;
        connection_close(conn);
        return true;
    }
    return false;
}

/* A client waits. As long as nobody can make room, looking is left to the clock. */
static void on_knock(evutil_socket_t fd, short events, void *arg)
{
    struct admission *admission = arg;

    (void)fd, (void)events;
    tell_full(admission);
    if (!make_room(admission))
        look_later(admission);
    else if (!admission->is_accepting)
        await_knock(admission); /* the limit has become lower: one is not enough */
}

static bool does_anybody_wait(const struct admission *admission)
{
    struct pollfd doors[ADMISSION_LISTENERS_MAX];

    for (size_t i = 0; i < admission->door_count; i++) {
        evutil_socket_t fd = evconnlistener_get_fd(admission->doors[i].listener);

        doors[i] = (struct pollfd){.fd = fd, .events = POLLIN};
    }
    return poll(doors, admission->door_count, 0) > 0;
}

/* Without a descriptor accepting fails even where nobody waits. One that is closed is free at the
 * loop's next turn: not before is it known whether that was enough. */
void admission_pause(struct admission *admission)
{
    int sys = EVUTIL_SOCKET_ERROR();

    if (!does_anybody_wait(admission))
        return;
    if (is_time_to_tell(&admission->told_pause_at))
        log_warn("connections cannot be accepted: %s; tried again every %d ms", strerror(sys),
                 PAUSE_MS);
    if (sys == EMFILE || sys == ENFILE)
        make_room(admission);
    set_accepting(admission, false);
    look_later(admission);
}

/* ---- birth and death ---- */

void admission_init(struct admission *admission)
{
    *admission = (struct admission){.is_accepting = true};
    TAILQ_INIT(&admission->idle);
    admission->look = evtimer_new(loop_base(), on_look, admission);
    if (admission->look == NULL)
        abort();
    admission_set_max(admission, 0);
}

void admission_fini(struct admission *admission)
{
    admission_stop(admission);
    event_free(admission->look);
}

void admission_set_max(struct admission *admission, size_t max)
{
    size_t by_files = most_by_files();

    admission->is_limit_ours = max > 0 && max < by_files;
    admission->limit = admission->is_limit_ours ? max : by_files;
    decide(admission);
}

void admission_open(struct admission *admission, struct evconnlistener *listener)
{
    struct admission_door *door = &admission->doors[admission->door_count++];

    assert(admission->door_count <= ADMISSION_LISTENERS_MAX);
    door->listener = listener;
    door->knock =
        event_new(loop_base(), evconnlistener_get_fd(listener), EV_READ, on_knock, admission);
    if (door->knock == NULL)
        abort();
}

void admission_stop(struct admission *admission)
{
    evtimer_del(admission->look);
    while (admission->door_count > 0)
        event_free(admission->doors[--admission->door_count].knock);
}

/* ---- connections ---- */

void admission_enter(struct admission *admission)
{
    admission->count++;
    decide(admission);
}

void admission_leave(struct admission *admission)
{
    assert(admission->count > 0);
    admission->count--;
    decide(admission);
}

void admission_on_idle(struct admission *admission, struct connection *conn)
{
    conn->idle_at = clock_monotonic_ns();
    TAILQ_INSERT_TAIL(&admission->idle, conn, idle_link);
}

void admission_on_busy(struct admission *admission, struct connection *conn)
{
    TAILQ_REMOVE(&admission->idle, conn, idle_link);
}
