/* SPDX-License-Identifier: Apache-2.0
 *
 * transport_plain - bytes as they are: the bufferevent is on the socket, and the task is beside it.
 */
#include "lib/http/transport.h"

#include <errno.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "lib/base/banned.h"

#define READ_LEAST 4096 /* bytes of room for a read */

static void start(struct connection *conn)
{
    connection_ready(conn);
}

static void watch(struct connection *conn, bool is_on)
{
    if (is_on)
        bufferevent_enable(conn->bev, EV_READ);
    else
        bufferevent_disable(conn->bev, EV_READ);
}

/* Bytes that can be read without waiting, within reason. */
static size_t readable_size(evutil_socket_t fd, size_t max)
{
    int available = 0;

    if (ioctl(fd, FIONREAD, &available) < 0 || available < READ_LEAST)
        available = READ_LEAST;
    return (size_t)available < max ? (size_t)available : max;
}

static ssize_t receive(struct connection *conn, size_t max, enum connection_want *out_want)
{
    struct evbuffer_iovec room;
    ssize_t received;

    max = readable_size(conn->fd, max);
    if (evbuffer_reserve_space(conn->held, (ev_ssize_t)max, &room, 1) != 1)
        abort();
    if (room.iov_len > max)
        room.iov_len = max;
    do {
        received = recv(conn->fd, room.iov_base, room.iov_len, MSG_DONTWAIT);
    } while (received < 0 && errno == EINTR);
    room.iov_len = received > 0 ? (size_t)received : 0;
    evbuffer_commit_space(conn->held, &room, 1);
    *out_want = CONNECTION_READABLE;
    return received;
}

/* The bufferevent does. */
static void push(struct connection *conn)
{
    (void)conn;
}

static void end(struct connection *conn)
{
    watch(conn, false);
}

const struct transport transport_plain = {
    .start = start,
    .watch = watch,
    .receive = receive,
    .push = push,
    .end = end,
    .has_sendfile = true,
};
