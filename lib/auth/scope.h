/* SPDX-License-Identifier: Apache-2.0
 *
 * scope - what a request asks for, as the text of a token service's `scope`, and the challenge that
 * sends a client to such a service. Pure.
 *
 *     Bearer realm="https://h/auth/token",service="h",scope="repository:a/b:pull,push",error="..."
 *
 * Source: upstream's token specification, "How to authenticate" and "Resource scope"; RFC 6750.
 */
#pragma once

#include "lib/auth/access.h"

/* One entry for each record, in order: "repository:a/b:pull repository:a/b:push". */
void scope_append(struct str *out, const struct access_request *request);

/* One entry for each resource, with its actions: "repository:a/b:pull,push repository:c/d:pull". In
 * the order of the records; what comes twice is said once. */
void scope_append_merged(struct str *out, const struct access_request *request);

struct scope_challenge {
    struct span realm; /* URL of the token service */
    struct span service;
    struct span scope; /* empty: not said */
    struct span error; /* "invalid_token", "insufficient_scope"; empty: not said */
};

/* Appends the value of a WWW-Authenticate header, without a blank behind its commas. */
void scope_append_challenge(struct str *out, const struct scope_challenge *challenge);
