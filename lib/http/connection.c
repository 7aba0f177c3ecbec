/* SPDX-License-Identifier: Apache-2.0
 *
 * connection - see connection.h.
 */
#include "lib/http/connection.h"

#include "lib/base/clock.h"
#include "lib/base/memory.h"
#include "lib/http/head_gate.h"
#include "lib/http/transport.h"
#include "lib/task/loop.h"

#include <assert.h>
#include <errno.h>
#include <sys/socket.h>

#include "lib/base/banned.h"

#define WRITE_ONCE (256 * 1024) /* bytes per write */

static void on_start(evutil_socket_t fd, short events, void *arg);
static void on_timer(evutil_socket_t fd, short events, void *arg);
static void on_socket(evutil_socket_t fd, short events, void *arg);
static void on_read(struct bufferevent *bev, void *arg);
static void on_write(struct bufferevent *bev, void *arg);
static void on_event(struct bufferevent *bev, short what, void *arg);

/* ---- birth and death ---- */

struct bufferevent *connection_new_bufferevent(struct event_base *base, void *server)
{
    struct connection *conn = xcalloc(1, sizeof(*conn));

    conn->server = server;
    conn->transport = server_options(server)->tls != NULL ? &transport_tls : &transport_plain;
    conn->fd = -1;
    conn->bev = bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);
    conn->held = evbuffer_new();
    conn->start = event_new(base, -1, 0, on_start, conn);
    conn->timer = evtimer_new(base, on_timer, conn);
    if (conn->bev == NULL || conn->held == NULL || conn->start == NULL || conn->timer == NULL)
        abort();
    bufferevent_incref(conn->bev);
    event_active(conn->start, EV_TIMEOUT, 0);
    server_on_connection(server, conn);
    return conn->bev;
}

void connection_set_phase(struct connection *conn, enum connection_phase phase)
{
    if (conn->phase == CONNECTION_IDLE)
        server_on_busy(conn->server, conn);
    conn->phase = phase;
    if (phase == CONNECTION_IDLE)
        server_on_idle(conn->server, conn);
}

void connection_free(struct connection *conn)
{
    assert(conn->request == NULL);
    connection_set_phase(conn, CONNECTION_OPENING);
    server_on_connection_end(conn->server, conn);
    event_free(conn->start);
    event_free(conn->timer);
    if (conn->socket_wait != NULL)
        event_free(conn->socket_wait);
    evbuffer_free(conn->held);
    bufferevent_decref(conn->bev);
    transport_tls_free(conn->tls);
    free(conn->method);
    free(conn->target);
    free(conn);
}

/* Freeing a bufferevent takes its callbacks away: so we see that evhttp has let go of it. */
static bool is_let_go(struct connection *conn)
{
    bufferevent_data_cb on_read_now;

    bufferevent_getcb(conn->bev, &on_read_now, NULL, NULL, NULL);
    return on_read_now == NULL;
}

/* evhttp's answer to a client that has gone: it frees its connection, and the request unless that
 * is still in use. */
static void tell_evhttp_gone(struct connection *conn)
{
    conn->evhttp_on_event(conn->bev, BEV_EVENT_READING | BEV_EVENT_EOF, conn->evhttp_arg);
}

void connection_close(struct connection *conn)
{
    assert(conn->phase != CONNECTION_REQUEST);
    if (!is_let_go(conn)) {
        conn->transport->end(conn);
        tell_evhttp_gone(conn);
    }
    connection_free(conn);
}

void connection_intercept(struct connection *conn)
{
    bufferevent_setcb(conn->bev, on_read, on_write, on_event, conn);
}

/* Remembers evhttp's callbacks, then stands before them. */
static void take_callbacks(struct connection *conn)
{
    bufferevent_getcb(conn->bev, &conn->evhttp_on_read, &conn->evhttp_on_write,
                      &conn->evhttp_on_event, &conn->evhttp_arg);
    connection_intercept(conn);
}

void connection_start_timer(struct connection *conn, int ms)
{
    struct timeval after = {ms / 1000, ms % 1000 * 1000};

    evtimer_add(conn->timer, &after);
}

void connection_ready(struct connection *conn)
{
    connection_set_phase(conn, CONNECTION_IDLE);
    conn->scanned = 0;
    connection_start_timer(conn, server_options(conn->server)->idle_timeout_ms);
    conn->transport->watch(conn, true);
}

static void read_peer(struct connection *conn)
{
    struct sockaddr_storage peer = {0};
    socklen_t len = sizeof(peer);

    if (getpeername(conn->fd, (struct sockaddr *)&peer, &len) < 0)
        peer.ss_family = AF_UNSPEC; /* gone already */
    address_format((const struct sockaddr *)&peer, conn->peer, conn->peer_host);
}

static void on_start(evutil_socket_t fd, short events, void *arg)
{
    struct connection *conn = arg;

    (void)fd, (void)events;
    if (is_let_go(conn)) {
        connection_free(conn);
        return;
    }
    conn->fd = bufferevent_getfd(conn->bev);
    conn->socket_wait = event_new(loop_base(), conn->fd, 0, on_socket, conn);
    if (conn->socket_wait == NULL)
        abort();
    read_peer(conn);
    bufferevent_setwatermark(conn->bev, EV_READ, 0, CONNECTION_INPUT_MAX);
    bufferevent_setwatermark(conn->bev, EV_WRITE, CONNECTION_WRITE_LOW, 0);
    bufferevent_set_max_single_write(conn->bev, WRITE_ONCE);
    take_callbacks(conn);
    if (is_server_draining(conn->server))
        connection_close(conn);
    else
        conn->transport->start(conn);
}

/* Idle for too long, or a head that does not end: nobody is waiting for an answer. */
static void on_timer(evutil_socket_t fd, short events, void *arg)
{
    (void)fd, (void)events;
    connection_close(arg);
}

/* ---- what comes ---- */

void connection_on_input(struct connection *conn)
{
    if (conn->phase == CONNECTION_REQUEST)
        task_wake(&conn->wake);
    else if (head_gate_opens(conn))
        conn->evhttp_on_read(conn->bev, conn->evhttp_arg);
}

static void on_read(struct bufferevent *bev, void *arg)
{
    (void)bev;
    connection_on_input(arg);
}

static void on_write(struct bufferevent *bev, void *arg)
{
    struct connection *conn = arg;

    (void)bev;
    if (conn->phase == CONNECTION_REQUEST)
        task_wake(&conn->wake);
}

/* The end of the stream alone does not end a request: a client may close its sending side and wait
 * for the answer. An error does. */
void connection_on_end(struct connection *conn, bool is_broken)
{
    if (conn->phase != CONNECTION_REQUEST) {
        connection_close(conn);
        return;
    }
    if (!is_broken) {
        conn->is_eof = true;
    } else {
        conn->is_gone = true;
        task_cancel(conn->request->task);
    }
    task_wake(&conn->wake);
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
    (void)bev;
    connection_on_end(arg, !(what & BEV_EVENT_EOF && what & BEV_EVENT_READING));
}

void connection_on_request(struct evhttp_request *evreq, void *server)
{
    struct evhttp_connection *evcon = evhttp_request_get_connection(evreq);
    struct connection *conn;
    struct http_request *req = xcalloc(1, sizeof(*req));
    void *arg;

    bufferevent_getcb(evhttp_connection_get_bufferevent(evcon), NULL, NULL, NULL, &arg);
    conn = arg;
    assert(conn->server == server && conn->phase == CONNECTION_HEAD);
    connection_set_phase(conn, CONNECTION_REQUEST);
    conn->request = req;
    conn->wake = TASK_WAIT_INIT;
    conn->wait_timeout_ms = server_options(conn->server)->body_timeout_ms;
    evtimer_del(conn->timer);
    evbuffer_add_buffer(conn->held, bufferevent_get_input(conn->bev));
    req->conn = conn;
    req->evreq = evreq;
    req->head = conn->head;
    req->method = conn->method != NULL ? conn->method : xstrdup("GET");
    req->target = conn->target != NULL ? conn->target : xstrdup("/");
    conn->method = NULL;
    conn->target = NULL;
    req->id = uuid_new();
    req->started_at = clock_now();
    req->started_ns = clock_monotonic_ns();
    framing_init(&req->framing, req->head.body_length);
    req->is_continue_due = req->head.is_continue_expected;
    req->is_head_method = strcmp(req->method, "HEAD") == 0;
    conn->transport->watch(conn, is_framing_done(&req->framing)); /* to see the client go away */
    server_on_request(server);
    req->task = task_spawn("request", request_main, req);
}

/* ---- for the request's task ---- */

static void on_socket(evutil_socket_t fd, short events, void *arg)
{
    struct connection *conn = arg;

    (void)fd, (void)events;
    task_wake(&conn->wake);
}

/* One wait for anything that happens on the connection. */
static int wait_wake(struct connection *conn, struct error *err)
{
    if (conn->is_gone)
        return error_set(err, ERROR_CLIENT_GONE, "client %s went away", conn->peer);
    return task_wait(&conn->wake, conn->wait_timeout_ms, err);
}

int connection_wait_socket(struct connection *conn, enum connection_want want, struct error *err)
{
    int rc;

    event_assign(conn->socket_wait, loop_base(), conn->fd, (short)want, on_socket, conn);
    event_add(conn->socket_wait, NULL);
    rc = wait_wake(conn, err);
    event_del(conn->socket_wait);
    return rc;
}

int connection_wait_output(struct connection *conn, size_t most, struct error *err)
{
    struct evbuffer *output = bufferevent_get_output(conn->bev);
    size_t left = evbuffer_get_length(output);

    if (left > most) {
        conn->transport->push(conn);
        left = evbuffer_get_length(output);
    }
    while (left > most) {
        size_t before = left;
        int rc = wait_wake(conn, err);

        left = evbuffer_get_length(output);
        if (rc < 0 && !(err->code == ERROR_TIMEOUT && left < before))
            return -1;
    }
    return 0;
}

int connection_fill(struct connection *conn, size_t max, struct error *err)
{
    for (;;) {
        enum connection_want want;
        ssize_t received = conn->transport->receive(conn, max, &want);

        if (received > 0)
            return 1;
        if (received == 0) {
            conn->is_eof = true;
            return 0;
        }
        if (errno != EAGAIN && errno != EWOULDBLOCK) {
            conn->is_gone = true;
            return error_set_sys(err, errno, "client %s", conn->peer);
        }
        if (connection_wait_socket(conn, want, err) < 0)
            return -1;
    }
}

/* The next head may be here already: it waits in @held, so that evhttp's own follow-up sees none
 * of it. */
static void take_next_head(struct connection *conn)
{
    struct evbuffer *input = bufferevent_get_input(conn->bev);

    take_callbacks(conn);
    connection_ready(conn);
    evbuffer_prepend_buffer(input, conn->held);
    if (is_server_draining(conn->server) && evbuffer_get_length(input) == 0)
        connection_close(conn);
    else if (head_gate_opens(conn))
        conn->evhttp_on_read(conn->bev, conn->evhttp_arg);
    else if (conn->is_eof)
        connection_close(conn);
}

static void request_free(struct http_request *req)
{
    free(req->method);
    free(req->target);
    free(req);
}

void connection_finish_request(struct http_request *req, bool keep)
{
    struct connection *conn = req->conn;
    struct evbuffer *input = bufferevent_get_input(conn->bev);
    struct evhttp_request *evreq = req->evreq;

    if (keep) {
        evbuffer_add_buffer(conn->held, input);
    } else {
        conn->transport->end(conn);
        tell_evhttp_gone(conn); /* detaches the request, frees evhttp's connection */
    }
    evhttp_send_reply_end(evreq);
    conn->request = NULL;
    server_on_request_end(conn->server);
    request_free(req);
    if (is_let_go(conn))
        connection_free(conn);
    else
        take_next_head(conn);
}
