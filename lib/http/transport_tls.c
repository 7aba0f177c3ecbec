/* SPDX-License-Identifier: Apache-2.0
 *
 * transport_tls - bytes through OpenSSL, once tls_handshake.c has opened the session.
 *
 * The socket is ours alone: the bufferevent that evhttp holds has lost it and is just two buffers.
 * Two events do what comes by itself: @readable the handshake and, while the connection is
 * watched, whatever the client sends; @writable the output that the socket did not take. The task
 * of a request reads bodies and pushes replies directly. OpenSSL may hold bytes though the socket
 * is quiet; so everybody tries first, and waits only when told to.
 */
#include "lib/base/memory.h"
#include "lib/http/tls_handshake.h"
#include "lib/http/tls_private.h"
#include "lib/http/tls_session.h"
#include "lib/http/transport.h"
#include "lib/task/loop.h"

#include <errno.h>
#include <openssl/err.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "lib/base/banned.h"

#define RECORD_MAX (16 * 1024) /* bytes in a record. Source: RFC 8446 section 5.1 */

static void on_readable(evutil_socket_t fd, short events, void *arg);
static void on_writable(evutil_socket_t fd, short events, void *arg);

/* ---- reading ---- */

/* Reads up to @len bytes: what OpenSSL holds, and more of the socket until there are @enough.
 * Bytes, 0 at the end, -1 with errno as for transport.receive. */
static ssize_t read_some(struct connection *conn, char *to, size_t len, size_t enough,
                         enum connection_want *out_want)
{
    struct tls_session *tls = conn->tls;
    size_t done = 0;
    size_t got;
    int error;

    if (tls->is_broken) {
        errno = ECONNRESET;
        return -1;
    }
    ERR_clear_error();
    errno = 0;
    while (done < len && SSL_read_ex(tls->ssl, to + done, len - done, &got) == 1) {
        done += got;
        if (done >= enough && !SSL_has_pending(tls->ssl))
            break;
    }
    if (done > 0)
        return (ssize_t)done; /* what stopped us will be met again */
    error = SSL_get_error(tls->ssl, 0);
    *out_want = tls_session_want(error);
    if (*out_want != 0) {
        errno = EAGAIN;
        return -1;
    }
    if (error == SSL_ERROR_ZERO_RETURN)
        return 0;
    tls->is_broken = true;
    if (error != SSL_ERROR_SYSCALL || errno == 0)
        errno = EPROTO;
    ERR_clear_error();
    return -1;
}

/* As read_some, to the end of @out. */
static ssize_t read_into(struct connection *conn, struct evbuffer *out, size_t max, size_t enough,
                         enum connection_want *out_want)
{
    struct evbuffer_iovec room;
    ssize_t got;
    int sys;

    if (evbuffer_reserve_space(out, (ev_ssize_t)max, &room, 1) != 1)
        abort();
    got = read_some(conn, room.iov_base, room.iov_len < max ? room.iov_len : max, enough, out_want);
    sys = errno;
    room.iov_len = got > 0 ? (size_t)got : 0;
    evbuffer_commit_space(out, &room, 1);
    errno = sys;
    return got;
}

/* Room for what has come: a record more than is in the socket, for OpenSSL may hold one already. A
 * part of what is in the socket is not payload: asking for all of it would end in a wait. */
static ssize_t receive(struct connection *conn, size_t max, enum connection_want *out_want)
{
    int available = 0;
    size_t room;

    if (ioctl(conn->fd, FIONREAD, &available) < 0 || available < 0)
        available = 0;
    room = (size_t)available + RECORD_MAX < max ? (size_t)available + RECORD_MAX : max;
    return read_into(conn, conn->held, room, (size_t)available / 64 * 63, out_want);
}

/* While it is watched: one read for each event; when OpenSSL has more, the event is made to come
 * again. With the input full, reading rests until the connection is watched anew. */
static void read_input(struct connection *conn)
{
    struct tls_session *tls = conn->tls;
    struct evbuffer *input = bufferevent_get_input(conn->bev);
    size_t room = CONNECTION_INPUT_MAX - evbuffer_get_length(input);
    enum connection_want want = CONNECTION_READABLE;
    ssize_t got;

    if (evbuffer_get_length(input) >= CONNECTION_INPUT_MAX) {
        event_del(tls->readable);
        return;
    }
    got = read_into(conn, input, room < RECORD_MAX ? room : RECORD_MAX, 0, &want);
    if (got > 0) {
        if (SSL_has_pending(tls->ssl))
            event_active(tls->readable, EV_READ, 0);
        connection_on_input(conn);
    } else if (got < 0 && errno == EAGAIN) {
        if (want == CONNECTION_WRITABLE) {
            event_del(tls->readable);
            event_add(tls->writable, NULL);
        }
    } else {
        event_del(tls->readable);
        connection_on_end(conn, got < 0);
    }
}

static void watch(struct connection *conn, bool is_on)
{
    struct tls_session *tls = conn->tls;

    tls->is_watched = is_on && !conn->is_eof && !tls->is_ended;
    if (!tls->is_watched) {
        event_del(tls->readable);
        return;
    }
    event_add(tls->readable, NULL);
    if (SSL_has_pending(tls->ssl))
        event_active(tls->readable, EV_READ, 0);
}

static void on_readable(evutil_socket_t fd, short events, void *arg)
{
    struct connection *conn = arg;

    (void)fd, (void)events;
    if (conn->phase == CONNECTION_OPENING)
        tls_handshake_on_readable(conn);
    else if (conn->tls->is_watched)
        read_input(conn);
}

/* ---- writing ---- */

/* The longest run of bytes that costs no copy; short ones are joined to fill a record. */
static unsigned char *next_run(struct evbuffer *output, size_t *out_len)
{
    size_t all = evbuffer_get_length(output);
    size_t run = evbuffer_get_contiguous_space(output);

    if (run < RECORD_MAX && run < all)
        run = all < RECORD_MAX ? all : RECORD_MAX;
    *out_len = run;
    return evbuffer_pullup(output, (ev_ssize_t)run);
}

/* Sends what the socket takes; false when the connection is broken. */
static bool flush(struct connection *conn)
{
    struct tls_session *tls = conn->tls;
    struct evbuffer *output = bufferevent_get_output(conn->bev);
    size_t done;
    size_t run;

    if (tls->is_ended || tls->is_broken)
        return true;
    ERR_clear_error();
    while (evbuffer_get_length(output) > 0) {
        unsigned char *data = next_run(output, &run);

        if (SSL_write_ex(tls->ssl, data, run, &done) != 1)
            break;
        evbuffer_drain(output, done);
    }
    if (evbuffer_get_length(output) > 0) {
        tls->is_broken = tls_session_want(SSL_get_error(tls->ssl, 0)) != CONNECTION_WRITABLE;
        if (!tls->is_broken)
            event_add(tls->writable, NULL);
    }
    if (conn->phase == CONNECTION_REQUEST && evbuffer_get_length(output) <= CONNECTION_WRITE_LOW)
        task_wake(&conn->wake);
    return !tls->is_broken;
}

static void push(struct connection *conn)
{
    if (!flush(conn))
        connection_on_end(conn, true);
}

/* Reading too may have waited for this: OpenSSL answers some messages of its own. */
static void on_writable(evutil_socket_t fd, short events, void *arg)
{
    struct connection *conn = arg;

    (void)fd, (void)events;
    if (conn->phase == CONNECTION_OPENING)
        tls_handshake_on_writable(conn);
    else if (!flush(conn))
        connection_on_end(conn, true);
    else if (conn->tls->is_watched)
        event_add(conn->tls->readable, NULL);
}

/* Whatever is added to the output, by us or by evhttp, is sent at the loop's next turn, if nobody
 * has pushed it before. */
static void on_output(struct evbuffer *output, const struct evbuffer_cb_info *info, void *arg)
{
    struct connection *conn = arg;

    (void)output;
    if (info->n_added > 0)
        event_active(conn->tls->writable, EV_WRITE, 0);
}

/* ---- birth and death ---- */

static void start(struct connection *conn)
{
    struct tls_session *tls = xcalloc(1, sizeof(*tls));

    tls->fd = conn->fd;
    tls->ssl = tls_private_session(server_options(conn->server)->tls);
    tls->readable = event_new(loop_base(), conn->fd, EV_READ | EV_PERSIST, on_readable, conn);
    tls->writable = event_new(loop_base(), conn->fd, EV_WRITE, on_writable, conn);
    if (tls->readable == NULL || tls->writable == NULL || SSL_set_fd(tls->ssl, conn->fd) != 1)
        abort();
    SSL_set_accept_state(tls->ssl);
    conn->tls = tls;
    bufferevent_setfd(conn->bev, -1); /* it also lets us put into the input, take from the output */
    evbuffer_add_cb(bufferevent_get_output(conn->bev), on_output, conn);
    connection_start_timer(conn, server_options(conn->server)->header_timeout_ms);
    event_add(tls->readable, NULL);
}

/* Without close_notify the client could not tell the end from a cut. Source: RFC 8446 section
 * 6.1. */
static void end(struct connection *conn)
{
    struct tls_session *tls = conn->tls;

    if (tls == NULL || tls->is_ended)
        return;
    tls->is_ended = true;
    tls->is_watched = false;
    event_del(tls->readable);
    event_del(tls->writable);
    if (tls->is_open && !tls->is_broken && !conn->is_gone &&
        evbuffer_get_length(bufferevent_get_output(conn->bev)) == 0) {
        ERR_clear_error();
        SSL_shutdown(tls->ssl);
        ERR_clear_error();
    }
}

void transport_tls_free(struct tls_session *session)
{
    if (session == NULL)
        return;
    event_free(session->readable);
    event_free(session->writable);
    SSL_free(session->ssl);
    close(session->fd);
    free(session);
}

const struct transport transport_tls = {
    .start = start,
    .watch = watch,
    .receive = receive,
    .push = push,
    .end = end,
    .has_sendfile = false,
};
