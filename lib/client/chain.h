/* SPDX-License-Identifier: Apache-2.0
 *
 * chain - the exchanges of one call, each a redirect or another attempt, of which the last is the
 * answer.
 */
#pragma once

#include "lib/client/client.h"
#include "lib/client/exchange.h"

struct client_transfer {
    struct client *client;
    struct exchange *exchange;
    struct client_call call; /* its texts are the copies below */
    char *call_method;
    char *call_url;
    char **headers;
    int64_t begun_ns;
    int attempts; /* made, this one included */

    /* where redirects have led */
    char *url;
    const char *method;
    int redirects;
    bool is_without_body;
    bool is_without_secrets;
    bool is_renewed; /* the exchange is on a fresh connection, in place of a stale one */
};

/* The first attempt, from the caller's URL. May suspend, while the authorities are read. */
must_check int chain_begin(struct client_transfer *transfer, struct error *err);

/* Pauses and begins the call again, if its rule, budget and time allow. May suspend. Returns 1, or
 * 0 when nothing was done, or -1 with @err (CANCELED). */
must_check int chain_repeat(struct client_transfer *transfer, struct error *err);

/* Goes on where the answer redirects to, if the caller wants that. May suspend. Returns 1, or 0
 * when the answer is for the caller, or -1 with @err: IO (leads nowhere, or too far). */
must_check int chain_follow(struct client_transfer *transfer, struct error *err);
