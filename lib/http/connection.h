/* SPDX-License-Identifier: Apache-2.0
 *
 * connection - one client connection between its socket, evhttp and the task of its request.
 * Only lib/http includes this.
 *
 *      bytes ---> on_read (head_gate) --> evhttp parses the head ---> connection_on_request
 *                    |  head checked, body headers hidden                     |
 *                    |                                                        v
 *      body  ---> held <--- recv by the task          task: handler, reply, flush, next head
 *
 * The drawing shows a plain connection; transport.h tells how TLS differs.
 * evhttp has no hook for a streaming body, and its read callback ends the process when bytes come
 * while a reply is being prepared. So our callbacks stand before evhttp's on the bufferevent, at
 * all times: evhttp is called with a head that is complete and checked, and otherwise only to be
 * told that a connection is over. Between head and end of reply the connection belongs to the
 * request's task; nobody takes it away: a client that goes away marks the connection and cancels
 * the task, whose end takes it down.
 */
#pragma once

#include "lib/base/uuid.h"
#include "lib/http/address.h"
#include "lib/http/framing.h"
#include "lib/http/head.h"
#include "lib/http/request.h"
#include "lib/http/server.h"
#include "lib/task/task.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <sys/queue.h>

#define CONNECTION_INPUT_MAX (HEAD_SIZE_MAX + 1) /* evhttp's side: a head, and a byte to tell */
#define CONNECTION_WRITE_LOW (64 * 1024) /* bytes of output at which a writer is told to go on */

enum connection_phase {
    CONNECTION_OPENING, /* TLS: the handshake */
    CONNECTION_IDLE,    /* no byte of the next head yet */
    CONNECTION_HEAD,    /* a head is arriving */
    CONNECTION_REQUEST, /* a task works on a request */
};

struct http_request {
    struct connection *conn;
    struct evhttp_request *evreq; /* owned until the reply has ended */
    struct task *task;
    char *method; /* owned */
    char *target; /* owned */
    struct uuid id;
    struct timespec started_at;
    int64_t started_ns;
    struct head head; /* its spans are void */
    struct framing framing;
    bool is_head_method;
    bool is_continue_due; /* the client waits for 100 Continue */
    bool is_body_broken;
    bool is_begun; /* the reply's head is out */
    bool is_ended;
    bool is_close_sent; /* the reply said `Connection: close` */
    bool is_bodyless;   /* HEAD, 204, 304: only the head goes out */
    int status;
    int64_t received; /* bytes of request body the handler has read */
    int64_t promised; /* bytes of reply body */
    int64_t sent;     /* bytes of reply body handed over */
};

struct connection {
    struct http_server *server;
    const struct transport *transport;
    struct tls_session *tls;   /* NULL: plain; owned */
    struct bufferevent *bev;   /* a reference of our own besides evhttp's */
    struct event *start;       /* fires once, when evhttp has set the connection up */
    struct event *timer;       /* idle and header timeouts */
    struct event *socket_wait; /* readable or writable, for the task */
    evutil_socket_t fd;
    bufferevent_data_cb evhttp_on_read; /* evhttp's own callbacks */
    bufferevent_data_cb evhttp_on_write;
    bufferevent_event_cb evhttp_on_event;
    void *evhttp_arg;
    enum connection_phase phase;
    size_t scanned;        /* bytes of the head known not to contain its end */
    struct evbuffer *held; /* raw bytes behind the head: the body, and what was pipelined */
    struct head head;      /* of the request being dispatched */
    char *method;          /* likewise, taken by the request */
    char *target;
    struct http_request *request; /* in CONNECTION_REQUEST */
    struct task_wait wake;        /* the task waits here for anything to happen */
    int wait_timeout_ms;          /* without anything happening */
    bool is_gone;                 /* reset or broken: nothing more can be read or sent */
    bool is_eof;                  /* the client has closed its sending side */
    char peer[ADDRESS_TEXT_SIZE];
    char peer_host[ADDRESS_TEXT_SIZE];
    int64_t idle_at; /* when the present CONNECTION_IDLE began; clock_monotonic_ns */
    TAILQ_ENTRY(connection) link;
    TAILQ_ENTRY(connection) idle_link; /* in CONNECTION_IDLE */
};

TAILQ_HEAD(connection_list, connection);

/* For evhttp_set_bevcb: a bufferevent whose connection is set up at the loop's next turn. */
struct bufferevent *connection_new_bufferevent(struct event_base *base, void *server);

/* For evhttp_set_gencb: evhttp has parsed a head. */
void connection_on_request(struct evhttp_request *evreq, void *server);

/* ---- for the gate and the transport ---- */

/* Tells the server, too, who counts those that are idle. */
void connection_set_phase(struct connection *conn, enum connection_phase phase);

/* The first head may come. */
void connection_ready(struct connection *conn);

/* More is in the bufferevent's input. May free @conn. */
void connection_on_input(struct connection *conn);

/* The client has closed its sending side, or the connection is broken. May free @conn. */
void connection_on_end(struct connection *conn, bool is_broken);

/* When it fires the connection is closed. */
void connection_start_timer(struct connection *conn, int ms);

/* ---- the end ---- */

/* Takes an idle connection (or one whose head is arriving) down. */
void connection_close(struct connection *conn);

/* Drops our side once evhttp has let go of the bufferevent: closes the socket. */
void connection_free(struct connection *conn);

/* ---- for the request's task ---- */

enum connection_want { CONNECTION_READABLE = EV_READ, CONNECTION_WRITABLE = EV_WRITE };

/* Waits until the socket is readable or writable, whatever bytes bufferevents hold. May suspend.
 * Errors: CLIENT_GONE, TIMEOUT (wait_timeout_ms), CANCELED. */
must_check int connection_wait_socket(struct connection *conn, enum connection_want want,
                                      struct error *err);

/* Waits until at most @most bytes of output are left to send. May suspend. Errors likewise;
 * TIMEOUT when nothing was taken for wait_timeout_ms. */
must_check int connection_wait_output(struct connection *conn, size_t most, struct error *err);

/* Reads what has come into conn->held, at most @max bytes. 1, 0 at the end of the stream, -1. May
 * suspend. */
must_check int connection_fill(struct connection *conn, size_t max, struct error *err);

/* Puts our callbacks back in front after a call into evhttp that has set its own. */
void connection_intercept(struct connection *conn);

/* The reply has ended and is flushed: hands the connection back to evhttp for the next head, or
 * takes it down. Frees the request. */
void connection_finish_request(struct http_request *req, bool keep);

/* ---- server.c ---- */

void server_on_connection(struct http_server *server, struct connection *conn);
void server_on_connection_end(struct http_server *server, struct connection *conn);
void server_on_idle(struct http_server *server, struct connection *conn);
void server_on_busy(struct http_server *server, struct connection *conn);
void server_on_request(struct http_server *server);
void server_on_request_end(struct http_server *server);
void server_on_body(struct http_server *server, size_t in, size_t out); /* bytes */
bool is_server_draining(const struct http_server *server);
const struct http_server_options *server_options(const struct http_server *server);

/* request.c: the task of a request. */
void request_main(void *req);
