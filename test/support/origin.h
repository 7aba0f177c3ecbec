/* SPDX-License-Identifier: Apache-2.0
 *
 * origin - a server in threads of its own, for tests of the client: it says whatever a test wants
 * it to say, well formed or not, and counts what it is asked.
 *
 * Plain blocking sockets; a thread for each connection runs the test's handler once for each
 * request head. Handlers run on those threads: they share nothing with the test but atomics.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct origin;
struct origin_connection;

#define ORIGIN_HEAD_MAX 16384

struct origin_request {
    char head[ORIGIN_HEAD_MAX]; /* as it came, terminated */
    char method[32];
    char target[4096];
    int64_t length;  /* Content-Length; -1: none */
    unsigned serial; /* 0 for the first request of all */
};

/* Answers by origin_write and its like; the next head is read when it returns. */
typedef void origin_cb(struct origin_connection *connection, const struct origin_request *request,
                       void *arg);

struct origin_tls {
    const char *certificate; /* PEM files */
    const char *key;
    const char *client_ca; /* clients then need a certificate of it; NULL: not asked */
};

/* Given: origin_stop. On 127.0.0.1. @tls NULL: plain text. */
struct origin *origin_start(origin_cb *handler, void *arg, const struct origin_tls *tls);
void origin_stop(struct origin *origin); /* ends every connection */

int origin_port(const struct origin *origin);
unsigned origin_connections(const struct origin *origin); /* accepted so far */
unsigned origin_requests(const struct origin *origin);    /* whole heads so far */
uint64_t origin_received(const struct origin *origin);    /* bytes so far, of TLS its payload */
unsigned origin_open_most(const struct origin *origin);   /* at any one time */
unsigned origin_open(const struct origin *origin);        /* now */

/* Value of a request header, "" if there is none; static per thread. */
const char *origin_header(const struct origin_request *request, const char *name);

/* False when the client has gone. */
bool origin_write(struct origin_connection *connection, const void *data, size_t len);
bool origin_say(struct origin_connection *connection, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* A whole answer of @status with a Content-Length; @headers: whole lines, "" for none. */
bool origin_reply(struct origin_connection *connection, int status, const char *headers,
                  const char *body);

/* Reads up to @max bytes; 0 when the client has closed, or the origin stops. */
size_t origin_read(struct origin_connection *connection, void *to, size_t max);

/* Reads and drops the request's body; returns its sum of bytes, UINT64_MAX when it was cut. */
uint64_t origin_drain(struct origin_connection *connection, const struct origin_request *request);

void origin_close(struct origin_connection *connection); /* FIN; over TLS without a goodbye */
void origin_reset(struct origin_connection *connection); /* RST */
void origin_stall(struct origin_connection *connection); /* until the client closes */
void origin_idle(struct origin_connection *connection);  /* until the origin stops; reads nothing */
int origin_fd(const struct origin_connection *connection);

/* Copies bytes both ways between the client and 127.0.0.1:@port until either closes. */
void origin_tunnel(struct origin_connection *connection, int port);
