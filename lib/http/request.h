/* SPDX-License-Identifier: Apache-2.0
 *
 * request - one HTTP request as its handler sees it: the head at once, the body on demand, the
 * reply whole or streamed. A handler runs in a task of its own.
 *
 * Order of calls: read the head, perhaps the body; then either http_reply_send, or
 * http_reply_begin, any number of http_reply_write/_file, http_reply_end. What the handler leaves
 * out the server completes: no reply at all is a 500 (or nothing, if the client closed within its
 * body), an unread body is drained or the connection closed. No evhttp type leaves lib/http.
 */
#pragma once

#include "lib/base/error.h"
#include "lib/base/span.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct evbuffer;
struct http_request;

/* ---- the head ---- */

/* The method as sent, such as "GET"; lent for the request. */
const char *http_request_method(const struct http_request *req);

/* The request target as sent, query included; lent for the request. */
const char *http_request_target(const struct http_request *req);

/* First header line of that name, NULL if there is none; lent. */
const char *http_request_header(const struct http_request *req, const char *name);

/* Walks all lines of that name: start with *@cursor NULL; NULL at the end. Lent. */
const char *http_request_header_next(const struct http_request *req, const char *name,
                                     const void **cursor);

bool is_http_request_tls(const struct http_request *req);
const char *http_request_peer(const struct http_request *req);      /* "127.0.0.1:38084"; lent */
const char *http_request_peer_host(const struct http_request *req); /* "127.0.0.1"; lent */
const char *http_request_id(const struct http_request *req);        /* a UUID; lent */
int http_request_version_minor(const struct http_request *req);     /* 0 or 1 */
int64_t http_request_started_ns(const struct http_request *req);    /* clock_monotonic_ns */
struct timespec http_request_started_at(const struct http_request *req); /* wall clock */

/* ---- the body ---- */

/* Announced length in bytes; -1 when chunked; 0 without a body. */
int64_t http_body_length(const struct http_request *req);

/* Bytes of the request so far: its head, and what the handler has read of its body. */
int64_t http_request_size(const struct http_request *req);

/*
 * http_body_read - move the next piece of the body to the end of @out. May suspend.
 *
 * @out  borrowed; gets 1..@max bytes
 *
 * Answers `Expect: 100-continue` at the first call. Returns 1 with bytes moved, 0 at the end of the
 * body, or -1 with @err: BODY_INVALID (broken framing), CLIENT_GONE (closed half-way), TIMEOUT (no
 * bytes for the body timeout), CANCELED.
 */
must_check int http_body_read(struct http_request *req, struct evbuffer *out, size_t max,
                              struct error *err);

/* The whole body into @out; TOO_LARGE when it does not fit. May suspend. Errors as above. */
struct str;
must_check int http_body_read_all(struct http_request *req, struct str *out, struct error *err);

/* ---- the reply ---- */

/* Adds a header line; before http_reply_send or _begin. Both copied. A value with a control
 * character is not sent (an assertion in debug builds). */
void http_reply_header(struct http_request *req, const char *name, const char *value);

/* A whole reply. Content-Length is the body's length (none for 1xx, 204, 304); for HEAD the body is
 * counted and left out. Cannot fail for the caller: who is gone is gone. */
void http_reply_send(struct http_request *req, int status, struct span body);

/* A reply whose body of @length bytes follows. For HEAD (and 204, 304) only the head is sent, and
 * writes are accepted and dropped. */
void http_reply_begin(struct http_request *req, int status, int64_t length);

/* Moves all of @data to the client under back pressure. May suspend. Errors: CLIENT_GONE,
 * TIMEOUT (the client takes nothing), CANCELED. */
must_check int http_reply_write(struct http_request *req, struct evbuffer *data, struct error *err);

/*
 * http_reply_file - send @len bytes of @fd from @offset, by sendfile where the connection allows.
 * May suspend.
 *
 * @fd  borrowed; stays open until http_reply_end or the error has returned
 *
 * Errors as http_reply_write, and IO when the file is shorter than promised.
 */
must_check int http_reply_file(struct http_request *req, int fd, int64_t offset, int64_t len,
                               struct error *err);

/* Ends a reply that was begun; a body shorter than promised closes the connection, so that the
 * client cannot mistake it for whole. */
void http_reply_end(struct http_request *req);

bool is_http_reply_begun(const struct http_request *req);

/* What went out, for the access log: 0 before the reply is begun. */
int http_reply_status(const struct http_request *req);
int64_t http_reply_body_sent(const struct http_request *req); /* bytes handed over */
const char *http_reply_header_sent(const struct http_request *req, const char *name); /* or NULL */
