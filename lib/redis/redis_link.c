/* SPDX-License-Identifier: Apache-2.0
 *
 * redis_link - see redis_link.h. libevent's callbacks note what happened and wake the task that
 * uses the link; while nobody does, anything that happens makes it useless.
 */
#include "lib/redis/redis_link.h"

#include "lib/base/clock.h"
#include "lib/base/memory.h"
#include "lib/redis/redis_tls.h"
#include "lib/task/loop.h"
#include "lib/task/resolve.h"
#include "lib/task/task.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/base/banned.h"

#define PIECE_SIZE  4096 /* bytes fed to the parser at a time */
#define PROBLEM_MAX 128

struct redis_link {
    const struct redis_options *options; /* lent */
    struct bufferevent *bev;
    struct task_wait wait;
    bool is_connected;
    bool is_owed; /* something was sent, and not all answers have come */
    bool is_ended;
    char problem[PROBLEM_MAX]; /* why it has ended */
};

/* ---- callbacks ---- */

static void on_read(struct bufferevent *bev, void *arg)
{
    struct redis_link *link = arg;

    (void)bev;
    task_wake(&link->wait);
}

static void on_written(struct bufferevent *bev, void *arg)
{
    on_read(bev, arg);
}

static void note_end(struct redis_link *link, short events)
{
    int sys = EVUTIL_SOCKET_ERROR();
    unsigned long code = bufferevent_get_openssl_error(link->bev);
    SSL *session = bufferevent_openssl_get_ssl(link->bev);

    link->is_ended = true;
    if (code != 0 && session != NULL)
        redis_tls_describe(session, code, link->problem, sizeof(link->problem));
    else if ((events & BEV_EVENT_EOF) != 0 || sys == 0)
        snprintf(link->problem, sizeof(link->problem), "the connection was closed");
    else
        snprintf(link->problem, sizeof(link->problem), "%s", strerror(sys));
}

static void on_event(struct bufferevent *bev, short events, void *arg)
{
    struct redis_link *link = arg;

    (void)bev;
    if ((events & BEV_EVENT_CONNECTED) != 0)
        link->is_connected = true;
    else if (!link->is_ended)
        note_end(link, events);
    task_wake(&link->wait);
}

/* ---- waiting ---- */

static int64_t deadline_after(int ms)
{
    return clock_monotonic_ms() + ms;
}

/* Until something happens to the link. May suspend. */
static int wait_until(struct redis_link *link, int64_t deadline, struct error *err)
{
    int64_t left = deadline - clock_monotonic_ms();

    return task_wait(&link->wait, left > 0 ? (int)left : 0, err);
}

static int fail_ended(const struct redis_link *link, struct error *err)
{
    return error_set(err, ERROR_UNAVAILABLE, "%s", link->problem);
}

/* ---- connecting ---- */

static struct bufferevent *new_bufferevent(const struct redis_options *options, SSL_CTX *tls)
{
    struct bufferevent *bev;
    auto_free char *host = NULL;

    if (tls == NULL) {
        bev = bufferevent_socket_new(loop_base(), -1, BEV_OPT_CLOSE_ON_FREE);
    } else {
        host = resolve_host(options->addr);
        bev = bufferevent_openssl_socket_new(loop_base(), -1, redis_tls_session(tls, host),
                                             BUFFEREVENT_SSL_CONNECTING, BEV_OPT_CLOSE_ON_FREE);
    }
    if (bev == NULL)
        abort();
    return bev;
}

static struct redis_link *link_new(const struct redis_options *options, SSL_CTX *tls)
{
    struct redis_link *link = xcalloc(1, sizeof(*link));

    link->options = options;
    link->bev = new_bufferevent(options, tls);
    bufferevent_setcb(link->bev, on_read, on_written, on_event, link);
    bufferevent_setwatermark(link->bev, EV_READ, 0, REDIS_REPLY_BYTES_MAX);
    return link;
}

/* Commands that are on their way are told not to arrive: the kernel would send them again and again
 * after the end, and what was to be put could overtake what others are told to forget. */
static void cut_off(const struct redis_link *link)
{
    const struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    evutil_socket_t fd = bufferevent_getfd(link->bev);

    if (fd >= 0)
        (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
}

void redis_link_close(struct redis_link *link)
{
    if (link->is_owed)
        cut_off(link);
    bufferevent_free(link->bev);
    free(link);
}

static int connect_to(struct redis_link *link, const struct redis_address *address,
                      struct error *err)
{
    int64_t deadline = deadline_after(link->options->dial_ms);
    struct sockaddr_storage copy = address->storage;

    if (bufferevent_socket_connect(link->bev, (struct sockaddr *)&copy, (int)address->len) < 0 &&
        !link->is_ended)
        return error_set(err, ERROR_UNAVAILABLE, "%s", strerror(errno));
    while (!link->is_connected && !link->is_ended) {
        if (wait_until(link, deadline, err) < 0)
            return -1;
    }
    if (link->is_ended)
        return fail_ended(link, err);
    if (bufferevent_enable(link->bev, EV_READ | EV_WRITE) < 0)
        return error_set(err, ERROR_UNAVAILABLE, "the connection cannot be watched");
    return 0;
}

int redis_link_open(const struct redis_options *options, SSL_CTX *tls,
                    const struct redis_address *address, struct redis_link **out, struct error *err)
{
    struct redis_link *link = link_new(options, tls);

    if (connect_to(link, address, err) < 0) {
        redis_link_close(link);
        return -1;
    }
    *out = link;
    return 0;
}

/* ---- talking ---- */

/* Until what we have to say has left. May suspend. */
static int send_all(struct redis_link *link, struct evbuffer *bytes, struct error *err)
{
    int64_t deadline = deadline_after(link->options->write_ms);
    struct evbuffer *output = bufferevent_get_output(link->bev);

    bufferevent_write_buffer(link->bev, bytes);
    while (evbuffer_get_length(output) > 0 && !link->is_ended) {
        if (wait_until(link, deadline, err) < 0)
            return -1;
    }
    return link->is_ended ? fail_ended(link, err) : 0;
}

/* What has come so far: as redis_replies_feed. */
static int feed(struct redis_link *link, struct redis_replies *replies, struct error *err)
{
    struct evbuffer *input = bufferevent_get_input(link->bev);
    char piece[PIECE_SIZE];
    int rc = 0;

    while (rc >= 0 && evbuffer_get_length(input) > 0) {
        int len = evbuffer_remove(input, piece, sizeof(piece));

        rc = redis_replies_feed(replies, span_make(piece, len > 0 ? (size_t)len : 0), err);
    }
    return rc;
}

int redis_link_exchange(struct redis_link *link, struct evbuffer *bytes,
                        struct redis_replies *replies, struct error *err)
{
    int64_t deadline;
    int rc;

    link->is_owed = true;
    if (send_all(link, bytes, err) < 0)
        return -1;
    deadline = deadline_after(link->options->read_ms);
    while ((rc = feed(link, replies, err)) == 0) {
        if (link->is_ended)
            return fail_ended(link, err);
        if (wait_until(link, deadline, err) < 0)
            return -1;
    }
    if (rc < 0)
        return -1;
    link->is_owed = false;
    return 0;
}

bool is_redis_link_usable(const struct redis_link *link)
{
    return !link->is_ended && evbuffer_get_length(bufferevent_get_input(link->bev)) == 0;
}
