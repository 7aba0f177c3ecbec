/* SPDX-License-Identifier: Apache-2.0
 *
 * client - HTTP requests to others, as straight-line calls that suspend: libcurl's multi interface
 * on the loop.
 *
 * Connections are pooled per client and kept alive; names are resolved off the loop; proxies come
 * from the environment as curl takes them. A canceled task aborts its transfer.
 */
#pragma once

#include "lib/base/error.h"
#include "lib/base/span.h"
#include "lib/base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct client;

struct client_options {
    const char *user_agent;  /* copied; NULL: "kist/<version>" */
    const char *ca_file;     /* PEM authorities in place of the system's; copied; NULL: system's */
    const char *certificate; /* client certificate and key, PEM files; copied; NULL: none */
    const char *key;
    bool is_verify_skipped; /* takes any certificate */
    bool is_proxy_ignored;  /* no proxy, whatever the environment says */
    int connect_timeout_ms; /* 0: 30 s */
    int stall_timeout_ms;   /* no byte either way for so long: TIMEOUT; 0: 60 s */
    size_t connections_max; /* per host; 0: 64 */
};

/* Given: client_free. */
must_check int client_new(const struct client_options *options, struct client **out,
                          struct error *err);
void client_free(struct client *client); /* no request may be open; NULL is fine */

struct client_retry {
    int attempts;  /* in all; 0 and 1: no retry */
    int first_ms;  /* pause before the second, doubled from then on, with jitter */
    int max_ms;    /* longest pause */
    int budget_ms; /* no new attempt after this time; 0: none */
};

struct client_call {
    const char *method;         /* "GET" */
    const char *url;            /* http or https */
    const char *const *headers; /* "Name: value" lines, NULL at the end; NULL: none */
    struct span body;           /* sent as it is, on each attempt */
    int timeout_ms;             /* for the whole call; 0: none */
    int redirects_max;          /* followed; Authorization is not sent to another host */
    struct client_retry retry; /* only for calls that may be repeated: 429, 5xx, lost connections */
};

/* A whole call with a small reply: status and body. May suspend.
 * Errors: IO (no answer: message names host and reason), TIMEOUT, TOO_LARGE, INVALID, CANCELED. */
must_check int client_do(struct client *client, const struct client_call *call, int *out_status,
                         struct str *out_body, struct error *err);
