/* SPDX-License-Identifier: Apache-2.0
 *
 * request - the head and the body of a request, and its life as a task. The reply is in reply.c.
 */
#include "lib/http/request.h"

#include "lib/base/clock.h"
#include "lib/base/str.h"
#include "lib/http/connection.h"
#include "lib/http/reply.h"
#include "lib/http/transport.h"

#include <errno.h>
#include <event2/http_struct.h>
#include <event2/keyvalq_struct.h>
#include <stdio.h>
#include <strings.h>
#include <sys/socket.h>

#include "lib/base/banned.h"

#define READ_MAX       (256 * 1024) /* bytes of body held at once */
#define DRAIN_MAX      (256 * 1024) /* bytes of unwanted body read to keep a connection */
#define LINGER_MS      30000        /* how long unwanted bytes are read before closing */
#define LINGER_IDLE_MS 5000         /* ... without any coming */

/* ---- the head ---- */

const char *http_request_method(const struct http_request *req)
{
    return req->method;
}

const char *http_request_target(const struct http_request *req)
{
    return req->target;
}

const char *http_request_header(const struct http_request *req, const char *name)
{
    return evhttp_find_header(evhttp_request_get_input_headers(req->evreq), name);
}

const char *http_request_header_next(const struct http_request *req, const char *name,
                                     const void **cursor)
{
    const struct evkeyval *line = *cursor;

    line = line == NULL ? TAILQ_FIRST(evhttp_request_get_input_headers(req->evreq))
                        : TAILQ_NEXT(line, next);
    while (line != NULL && strcasecmp(line->key, name) != 0)
        line = TAILQ_NEXT(line, next);
    *cursor = line;
    return line != NULL ? line->value : NULL;
}

bool is_http_request_tls(const struct http_request *req)
{
    return req->conn->tls != NULL;
}

const char *http_request_peer(const struct http_request *req)
{
    return req->conn->peer;
}

const char *http_request_peer_host(const struct http_request *req)
{
    return req->conn->peer_host;
}

const char *http_request_id(const struct http_request *req)
{
    return req->id.text;
}

int http_request_version_minor(const struct http_request *req)
{
    return req->head.version_minor;
}

int64_t http_request_started_ns(const struct http_request *req)
{
    return req->started_ns;
}

struct timespec http_request_started_at(const struct http_request *req)
{
    return req->started_at;
}

/* ---- the body ---- */

int64_t http_body_length(const struct http_request *req)
{
    return req->head.body_length;
}

int64_t http_request_size(const struct http_request *req)
{
    return (int64_t)req->head.len + req->received;
}

/* The handler wants the body: a client that asked gets its go-ahead, unless it has not waited. */
static void send_continue(struct http_request *req)
{
    struct connection *conn = req->conn;

    if (!req->is_continue_due)
        return;
    req->is_continue_due = false;
    if (evbuffer_get_length(conn->held) > 0)
        return;
    evbuffer_add_printf(bufferevent_get_output(conn->bev), "HTTP/1.1 100 Continue\r\n\r\n");
    bufferevent_enable(conn->bev, EV_WRITE);
}

/* The body is complete: from here on reading only serves to see the client go away. */
static void watch_client(struct http_request *req)
{
    if (!req->conn->is_eof)
        req->conn->transport->watch(req->conn, true);
}

static int next_piece(struct http_request *req, struct evbuffer *out, size_t max, struct error *err)
{
    struct connection *conn = req->conn;

    for (;;) {
        int rc = framing_take(&req->framing, conn->held, out, max, err);

        if (rc != 0 || is_framing_done(&req->framing))
            return rc;
        if (!conn->is_eof)
            rc = connection_fill(conn, max < READ_MAX ? max : READ_MAX, err);
        if (rc < 0)
            return -1;
        if (conn->is_eof)
            return error_set(err, ERROR_CLIENT_GONE, "client %s closed within a body", conn->peer);
    }
}

static void count_received(struct http_request *req, size_t len)
{
    req->received += (int64_t)len;
    server_on_body(req->conn->server, len, 0);
}

int http_body_read(struct http_request *req, struct evbuffer *out, size_t max, struct error *err)
{
    bool was_done = is_framing_done(&req->framing);
    size_t before = evbuffer_get_length(out);
    int rc;

    send_continue(req);
    rc = next_piece(req, out, max, err);
    count_received(req, evbuffer_get_length(out) - before);
    if (rc < 0)
        req->is_body_broken = true;
    else if (!was_done && is_framing_done(&req->framing))
        watch_client(req);
    return rc;
}

/* Moves all of @piece to the end of @out. */
static int append_piece(struct str *out, struct evbuffer *piece, struct error *err)
{
    size_t len = evbuffer_get_length(piece);
    char *room = str_reserve(out, len);

    if (room == NULL)
        return error_set(err, ERROR_TOO_LARGE, "body larger than %zu bytes", out->max);
    evbuffer_remove(piece, room, len);
    str_grown(out, len);
    return 0;
}

int http_body_read_all(struct http_request *req, struct str *out, struct error *err)
{
    struct evbuffer *piece;
    int rc;

    if (http_body_length(req) > (int64_t)(out->max - out->len))
        return error_set(err, ERROR_TOO_LARGE, "body of %lld bytes, at most %zu are taken",
                         (long long)http_body_length(req), out->max - out->len);
    piece = evbuffer_new();
    do {
        rc = http_body_read(req, piece, READ_MAX, err);
        if (rc > 0 && append_piece(out, piece, err) < 0)
            rc = -1;
    } while (rc > 0);
    evbuffer_free(piece);
    return rc;
}

/* ---- the task ---- */

/* The client has closed its sending side, and nothing it sent before is left. */
static bool is_last_request(const struct http_request *req)
{
    struct connection *conn = req->conn;

    return conn->is_eof && (!is_framing_done(&req->framing) ||
                            evbuffer_get_length(conn->held) +
                                    evbuffer_get_length(bufferevent_get_input(conn->bev)) ==
                                0);
}

bool request_should_close(const struct http_request *req)
{
    bool is_body_left = !is_framing_done(&req->framing);
    bool is_much_left =
        is_body_left && !req->framing.is_chunked && req->framing.remaining > DRAIN_MAX;

    return req->head.status != 0 || req->head.is_close_asked || is_last_request(req) ||
           is_server_draining(req->conn->server) || req->is_body_broken || is_much_left ||
           (is_body_left && req->is_continue_due);
}

/* Reads what the handler left of the body, if it is little. True when all of it is read. */
static bool drain_body(struct http_request *req)
{
    struct error ignored = ERROR_INIT;
    struct evbuffer *piece;
    size_t drained = 0;
    int rc = 1;

    if (is_framing_done(&req->framing))
        return true;
    if (req->is_body_broken || req->is_close_sent)
        return false;
    piece = evbuffer_new();
    while (drained < DRAIN_MAX && rc > 0) {
        rc = http_body_read(req, piece, READ_MAX, &ignored);
        drained += evbuffer_get_length(piece);
        evbuffer_drain(piece, evbuffer_get_length(piece));
    }
    evbuffer_free(piece);
    return rc == 0;
}

/* Reads what has come, whatever it is, and forgets it. False at the end, or when nothing comes. */
static bool discard_some(struct connection *conn)
{
    struct error ignored = ERROR_INIT;
    char scratch[16 * 1024];

    for (;;) {
        ssize_t got = recv(conn->fd, scratch, sizeof(scratch), MSG_DONTWAIT);

        if (got >= 0)
            return got > 0;
        if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)
            return false;
        if (connection_wait_socket(conn, CONNECTION_READABLE, &ignored) < 0)
            return false;
    }
}

/* Closes our side first and reads on for a while: a reset for unread bytes would take the answer
 * from the client. Source: RFC 9112 section 9.6. */
static void linger(struct http_request *req)
{
    struct connection *conn = req->conn;
    int64_t until = clock_monotonic_ns() + LINGER_MS * CLOCK_MS_NS;

    conn->transport->end(conn);
    shutdown(conn->fd, SHUT_WR);
    conn->wait_timeout_ms = LINGER_IDLE_MS;
    evbuffer_drain(conn->held, evbuffer_get_length(conn->held));
    while (!conn->is_eof && clock_monotonic_ns() < until && discard_some(conn))
        ;
}

/* Brings the exchange to its end; true when the connection can serve another request. */
static bool settle(struct http_request *req)
{
    struct connection *conn = req->conn;
    struct error ignored = ERROR_INIT;

    if (is_task_canceled() || conn->is_gone)
        return false;
    if (!req->is_bodyless && req->sent != req->promised)
        return false; /* the client must not take a part for the whole */
    if (connection_wait_output(conn, 0, &ignored) < 0)
        return false;
    if (!drain_body(req) || req->head.status != 0) {
        linger(req);
        return false;
    }
    return !req->is_close_sent;
}

static void refuse(struct http_request *req)
{
    char text[160];
    int len = snprintf(text, sizeof(text), "%d %s: %s\n", req->head.status,
                       reply_phrase(req->head.status), req->head.reason);

    http_reply_header(req, "Content-Type", "text/plain; charset=utf-8");
    http_reply_send(req, req->head.status, span_make(text, (size_t)len));
}

/* The client has left with its request half said: an answer would be to nothing. */
static bool is_client_lost(const struct http_request *req)
{
    return req->conn->is_gone || (req->conn->is_eof && req->is_body_broken);
}

void request_main(void *arg)
{
    struct http_request *req = arg;
    const struct http_server_options *options = server_options(req->conn->server);

    if (req->head.status != 0)
        refuse(req);
    else
        options->handler(req, options->arg);
    task_set_context(NULL);
    if (!req->is_begun && !is_client_lost(req))
        http_reply_send(req, 500, SPAN("internal error\n"));
    connection_finish_request(req, req->is_begun && settle(req));
}
