/* SPDX-License-Identifier: Apache-2.0
 *
 * server - listeners and connections on evhttp; every request becomes a task.
 *
 * Read request.h for what a handler gets, connection.h for why evhttp never sees a body.
 */
#pragma once

#include "lib/base/error.h"
#include "lib/http/request.h"

struct http_server;
struct http_tls;

/* Runs in the request's own task. */
typedef void http_handler_cb(struct http_request *req, void *arg);

/* For requests that never reach the handler (400, 431, 417 ...): none is logged as an access. */
struct http_server_options {
    http_handler_cb *handler;
    void *arg;             /* kept: outlives the server */
    struct http_tls *tls;  /* lent; every connection is TLS; NULL: plain text */
    int header_timeout_ms; /* from the first byte of a head to its end */
    int idle_timeout_ms;   /* between two requests of a connection */
    int body_timeout_ms;   /* between two pieces of a body, or of a reply the client takes */
};

/* Given: http_server_free. Kept: @options is copied. */
struct http_server *http_server_new(const struct http_server_options *options);

/*
 * http_server_listen - bind and listen. May be called more than once.
 *
 * @net      "tcp": @address is "host:port", ":port" (all interfaces, IPv4 and IPv6) or "host:0" for
 *           a free port. "unix": the path of a socket; a socket that is there is replaced, and
 *           when we stop listening it is removed. "@name": in the abstract namespace.
 *
 * Errors: INVALID (address), IO (bind: message like upstream's "listen tcp :5000: bind: address
 * already in use", "file <path> exists and is not a socket").
 */
must_check int http_server_listen(struct http_server *server, const char *net, const char *address,
                                  struct error *err);

/* Serves a socket that somebody else has bound and that listens. Taken: @fd, also on failure. */
must_check int http_server_adopt(struct http_server *server, int fd, struct error *err);

/* "127.0.0.1:5000", "[::]:5000" or the socket's path, of the first listener, for the log; lent. */
const char *http_server_address(const struct http_server *server);

/*
 * http_server_drain - stop accepting, close idle connections, let requests finish; @done(@arg) is
 * called on the loop when the last one has ended, or when @timeout_ms have passed (then what
 * still runs has been canceled). Call once.
 */
typedef void http_drained_cb(bool in_time, void *arg);
void http_server_drain(struct http_server *server, int timeout_ms, http_drained_cb *done,
                       void *arg);

/*
 * http_server_set_max_connections - how many may be open at once; 0, as at the start: as many as
 * the limit of open files allows, less a share for what requests open. Those that come when all are
 * taken wait, not accepted; while somebody does, connections are closed that have waited for a
 * request for longest, and more than a second. Any time.
 */
void http_server_set_max_connections(struct http_server *server, size_t max);

/* What holds now; SIZE_MAX: there is no limit. */
size_t http_server_connection_limit(const struct http_server *server);

/* Bytes of bodies, in both directions, since the start. */
uint64_t http_server_bytes_in(const struct http_server *server);
uint64_t http_server_bytes_out(const struct http_server *server);

size_t http_server_connection_count(const struct http_server *server);
size_t http_server_request_count(const struct http_server *server); /* in flight */

/* No request may be in flight. */
void http_server_free(struct http_server *server);
