/* SPDX-License-Identifier: Apache-2.0
 *
 * server - listeners and connections on evhttp; every request becomes a task.
 *
 * Read request.h for what a handler gets, gate.h for why evhttp never sees a body.
 */
#pragma once

#include "lib/base/error.h"
#include "lib/http/request.h"

struct http_server;

/* Runs in the request's own task. */
typedef void http_handler_cb(struct http_request *req, void *arg);

/* For requests that never reach the handler (400, 431, 417 ...): none is logged as an access. */
struct http_server_options {
    http_handler_cb *handler;
    void *arg;             /* kept: outlives the server */
    int header_timeout_ms; /* from the first byte of a head to its end */
    int idle_timeout_ms;   /* between two requests of a connection */
    int body_timeout_ms;   /* between two pieces of a body, or of a reply the client takes */
};

/* Given: http_server_free. Kept: @options is copied. */
struct http_server *http_server_new(const struct http_server_options *options);

/*
 * http_server_listen - bind and listen on "host:port", ":port" (all interfaces, IPv4 and IPv6) or
 * "host:0" for a free port. May be called more than once.
 *
 * Errors: INVALID (address), IO (bind: message like upstream's "listen tcp :5000: bind: address
 * already in use").
 */
must_check int http_server_listen(struct http_server *server, const char *address,
                                  struct error *err);

/* "127.0.0.1:5000" or "[::]:5000" of the first listener, for the log; lent. */
const char *http_server_address(const struct http_server *server);

/*
 * http_server_drain - stop accepting, close idle connections, let requests finish; @done(@arg) is
 * called on the loop when the last one has ended, or when @timeout_ms have passed (then what
 * still runs has been canceled). Call once.
 */
typedef void http_drained_cb(bool in_time, void *arg);
void http_server_drain(struct http_server *server, int timeout_ms, http_drained_cb *done,
                       void *arg);

size_t http_server_connection_count(const struct http_server *server);
size_t http_server_request_count(const struct http_server *server); /* in flight */

/* No request may be in flight. */
void http_server_free(struct http_server *server);
