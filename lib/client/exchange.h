/* SPDX-License-Identifier: Apache-2.0
 *
 * exchange - one request and its answer: a libcurl easy handle, what it may ask for and what it
 * delivers. No retries, no redirects: those are transfer's, which makes a new exchange for each.
 *
 * Bytes wait in two buffers, each of a window's size. When the one for the reader is full curl is
 * paused, when the one of the writer is empty too; whoever changes that asks the engine to go on.
 */
#pragma once

#include "lib/base/error.h"
#include "lib/base/span.h"
#include "lib/client/answer.h"
#include "lib/client/engine.h"
#include "lib/client/trust.h"

#include <stdbool.h>
#include <stdint.h>

struct evbuffer;
struct exchange;

/* What every exchange of a client has in common; lent to each. */
struct client {
    struct engine engine;
    size_t open_count; /* transfers */
    char *user_agent;
    struct trust trust;
    char *certificate;
    char *key;
    bool is_verify_skipped;
    bool is_proxy_ignored;
    int connect_timeout_ms;
    int stall_timeout_ms;
    int64_t moved_ns; /* when a byte of any exchange last moved */
};

struct exchange_request {
    const char *method;
    const char *url;
    const char *const *headers; /* checked; NULL at the end; NULL: none */
    bool is_without_secrets;    /* leaves out what proves who asks */
    bool is_without_content;    /* leaves out what describes a body */
    struct span body;           /* lent until exchange_close */
    const struct evbuffer *body_buffer;
    bool has_stream;
    int64_t stream_size;
    bool is_expecting;
    bool is_fresh;        /* on no pooled connection */
    bool is_idempotent;   /* else no byte of it may be sent twice */
    int stall_timeout_ms; /* more than 0 */
    int body_timeout_ms;  /* 0: none */
    int64_t deadline_ns;  /* clock_monotonic_ns; 0: none */
};

/* @request is borrowed, but for the bytes of the body. Given: exchange_close. */
struct exchange *exchange_open(struct client *client, const struct exchange_request *request);

/* NULL is fine. */
void exchange_close(struct exchange *exchange);

/* As client_send. */
must_check int exchange_send(struct exchange *exchange, struct evbuffer *data, struct error *err);

/* Waits for the final head. May suspend. */
must_check int exchange_receive_head(struct exchange *exchange, struct error *err);

/* As client_read. */
must_check int exchange_read(struct exchange *exchange, struct evbuffer *out, size_t max,
                             struct error *err);

const struct answer *exchange_answer(const struct exchange *exchange); /* lent */

/* It failed on a pooled connection, before any of it was sent. */
bool is_exchange_unsent(const struct exchange *exchange);

/* It failed on a pooled connection that gave no byte of an answer: the server had most likely
 * closed it already. */
bool is_exchange_stale(const struct exchange *exchange);

/* What failed may go better the next time: no connection, a lost one, a broken or late answer. */
bool is_exchange_lost(const struct exchange *exchange);
