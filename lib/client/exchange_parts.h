/* SPDX-License-Identifier: Apache-2.0
 *
 * exchange_parts - an exchange from within: what exchange.c, wire.c (what curl calls) and
 * progress.c (how tasks wait) share, and nobody else sees.
 */
#pragma once

#include "lib/client/client.h"
#include "lib/client/exchange.h"
#include "lib/client/target.h"
#include "lib/client/tempo.h"
#include "lib/task/task.h"

/* Why a callback has stopped the transfer. */
enum fault {
    FAULT_NONE,
    FAULT_HEAD_LARGE,
    FAULT_HEAD_BROKEN,
    FAULT_PROXY,
    FAULT_UNASKED, /* a pooled connection had something to say before it was used */
    FAULT_DIED,    /* a pooled connection ended without an answer to what goes out once */
};

/* What a task waits for. */
enum wanted { WANTED_HEAD, WANTED_INPUT, WANTED_ROOM };

struct exchange {
    struct engine_job job; /* first: the two are one */
    struct client *client;
    struct curl_slist *lines;
    char shown[TARGET_SHOWN_SIZE];
    int stall_timeout_ms;
    int body_timeout_ms; /* of the answer; 0: none but the tempo */
    int64_t deadline_ns;
    bool is_head; /* the method is HEAD */
    bool is_idempotent;
    bool is_expecting; /* `Expect: 100-continue` was sent */
    bool is_refused;   /* and the server wants none of it */

    struct span body;
    const struct evbuffer *body_buffer;
    struct evbuffer *out; /* streamed body, not yet taken by curl; NULL: not streamed */
    int64_t size;         /* of the body */
    int64_t offset;       /* bytes of it that curl has taken */
    int64_t stream_left;  /* bytes of it that client_send has yet to bring */

    struct answer answer;
    struct evbuffer *in; /* received, not yet read */

    enum fault fault;
    bool is_stalled;
    CURLcode result; /* when job.is_done */
    char reason[CURL_ERROR_SIZE];

    unsigned steps; /* of curl before that: all that a proxy says is one each byte */
    bool is_connected;
    int64_t moved_ns; /* when a byte last moved */
    struct tempo tempo;
    bool is_waiting;
    enum wanted wanted;
    struct task_wait wait;
};

/* It has ended, and not with a whole answer. */
bool has_exchange_failed(const struct exchange *exchange);

/* A refusal of the request while its body is on the way, or the whole answer. */
bool is_exchange_answered(const struct exchange *exchange);
