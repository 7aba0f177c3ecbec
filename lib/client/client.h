/* SPDX-License-Identifier: Apache-2.0
 *
 * client - HTTP requests to others, as straight-line calls that suspend: libcurl's multi interface
 * on the loop.
 *
 * Connections are pooled per client and kept alive; names are resolved off the loop; proxies come
 * from the environment as curl takes them. A canceled task aborts its transfer. Messages of errors
 * show scheme, host and path, never a query, a password or a header.
 *
 * client_do is a whole call with a small answer. The streaming form is
 *
 *     client_open --> client_send ... --> client_receive_head --> client_read ... --> client_close
 *                     (has_stream only)                           (until 0)
 *
 * with at most CLIENT_WINDOW bytes held each way. A body that ends before it is whole is an error,
 * never an end; but see is_client_framed. All functions: loop thread only; those that may suspend:
 * in a task.
 */
#pragma once

#include "lib/base/error.h"
#include "lib/base/span.h"
#include "lib/base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CLIENT_WINDOW (256 * 1024) /* bytes held for a slow reader, or of a fast writer */

struct client;
struct evbuffer;

struct client_options {
    const char *user_agent;  /* copied; NULL: "kist" */
    const char *ca_file;     /* PEM authorities in place of the system's; copied; NULL: system's, of
                                libcurl or SSL_CERT_FILE */
    const char *certificate; /* client certificate and key, PEM files; copied; NULL: none */
    const char *key;
    bool is_verify_skipped; /* takes any certificate */
    bool is_proxy_ignored;  /* no proxy, whatever the environment says */
    int connect_timeout_ms; /* name, connection and TLS; 0: 30 s */
    int stall_timeout_ms; /* no byte either way for so long, less than 1 KiB of a body, or no whole
                             head in twice the time: TIMEOUT; 0: 60 s. Who waits for one of
                             connections_max: no byte on any of them */
    size_t connections_max; /* per host, others queue; 0: 64 */
};

/*
 * client_new - a client with its own pool of connections and its own rules of trust.
 *
 * Reads the PEM files to check them (blocks a little: at the start). Later renewed ones count, a
 * certificate at once, authorities within two seconds; connections that are there stay. Given:
 * client_free. Errors: INVALID (a PEM file, its name in the message), INTERNAL (a libcurl without
 * OpenSSL, or one that would resolve names on the loop).
 */
must_check int client_new(const struct client_options *options, struct client **out,
                          struct error *err);

/* Before loop_close, once all tasks have ended: what a canceled call has begun to read is a task
 * too. Closes the pooled connections. NULL is fine. */
void client_free(struct client *client);

/* For calls that may be repeated: after 429, 500, 502, 503, 504 and where is_client_lost. A
 * Retry-After is honoured up to max_ms. */
struct client_retry {
    int attempts;  /* in all; 0 and 1: no retry */
    int first_ms;  /* pause before the second, doubled from then on, with jitter */
    int max_ms;    /* longest pause */
    int budget_ms; /* no new attempt after this time; 0: none */
};

struct client_call {
    const char *method;                 /* "GET", or any other token */
    const char *url;                    /* http or https */
    const char *const *headers;         /* "Name: value" lines, NULL at the end; NULL: none. Framing
                                           (Content-Length, Transfer-Encoding, Expect) is the client's */
    struct span body;                   /* sent as it is, on each attempt */
    const struct evbuffer *body_buffer; /* the same in pieces, in place of @body; not drained; must
                                           not change until the head is received */
    bool has_stream;                    /* client_open only: the body comes by client_send. A pooled
                                           connection that dies just then is IO: who has the body
                                           repeats the call */
    int64_t stream_size;                /* its size, bytes */
    bool is_expecting;    /* sends `Expect: 100-continue` and the body when the server wants it, or
                             has said nothing for a second */
    int stall_timeout_ms; /* in place of the client's; 0: the client's */
    int body_timeout_ms; /* how long the whole body of the answer may take, in whatever pieces (some
                            services send blanks while they work); 0: a standstill for each KiB */
    int timeout_ms;      /* from client_open to client_close, retries included; 0: none */
    int redirects_max;   /* followed, but not with has_stream. Authorization, Cookie and their like
                            are not sent to another scheme, host or port. 0: 3xx is an answer */
    struct client_retry retry; /* not with has_stream */
};

/*
 * client_do - a whole call with a small answer. May suspend.
 *
 * @call      borrowed; has_stream is false
 * @out_body  replaced by the body of the last attempt, up to its maximum
 *
 * After the last attempt its answer is returned, whatever the status. Errors: IO (no whole answer:
 * the message names the place and the reason), TIMEOUT, TOO_LARGE (headers over 64 KiB, or the
 * body), INVALID (method, URL or header of the call), CANCELED.
 */
must_check int client_do(struct client *client, const struct client_call *call, int *out_status,
                         struct str *out_body, struct error *err);

/* ---- streaming ---- */

struct client_transfer;

/*
 * client_open - begin a call. May suspend, while the authorities are read.
 *
 * @call  borrowed; the bytes of its body stay as they are until the head is received or the
 *        transfer is closed
 *
 * Given: client_close. Errors: INVALID (the call, or authorities that cannot be read), CANCELED.
 */
must_check int client_open(struct client *client, const struct client_call *call,
                           struct client_transfer **out, struct error *err);

/*
 * client_send - the next bytes of the body of a call with has_stream. May suspend, while the
 * server takes less than comes.
 *
 * @data  emptied, even on failure
 *
 * Returns 1, or 0 when the answer is there already and no more is wanted (@data is dropped), or -1
 * with @err: IO, TIMEOUT, CANCELED, INVALID (more than stream_size).
 */
must_check int client_send(struct client_transfer *transfer, struct evbuffer *data,
                           struct error *err);

/*
 * client_receive_head - the final answer's status and headers, after redirects and retries. May
 * suspend. Errors: as client_do, and INVALID when the server has waited in vain for the rest of
 * stream_size. Once; before client_read.
 */
must_check int client_receive_head(struct client_transfer *transfer, int *out_status,
                                   struct error *err);

/* After client_receive_head or client_read have failed: whether the same call may fare better the
 * next time. Not where a certificate, a protocol, a proxy or too large a head is in the way. */
bool is_client_lost(const struct client_transfer *transfer);

/* After client_receive_head: first header of that name, any case; NULL if there is none. Lent until
 * the transfer is closed. */
const char *client_header(struct client_transfer *transfer, const char *name);

/* Walks all lines of that name: start with *@cursor 0; NULL at the end. Lent likewise. */
const char *client_header_next(struct client_transfer *transfer, const char *name, size_t *cursor);

/* Content-Length, for HEAD too; -1: none. */
int64_t client_length(const struct client_transfer *transfer);

/* False when the answer says neither length nor chunks and goes on until its connection is closed:
 * then nobody can tell whether it was whole, over TLS neither. Who needs to know refuses it. */
bool is_client_framed(const struct client_transfer *transfer);

/* Where the answer came from, after redirects; may hold secrets. Lent until the close. */
const char *client_url(const struct client_transfer *transfer);

/*
 * client_read - move the next 1..@max bytes of the body to the end of @out. May suspend.
 *
 * Returns 1 with bytes moved, 0 at the end of a whole body, or -1 with @err: IO (lost, cut short,
 * broken), TIMEOUT, CANCELED.
 */
must_check int client_read(struct client_transfer *transfer, struct evbuffer *out, size_t max,
                           struct error *err);

/* The rest of the body; TOO_LARGE when it does not fit. May suspend. Errors: as client_read. */
must_check int client_read_all(struct client_transfer *transfer, struct str *out,
                               struct error *err);

/* Ends the transfer. The connection goes back to the pool when the answer was read to its end, and
 * is closed otherwise. Does not suspend; NULL is fine. */
void client_close(struct client_transfer *transfer);
