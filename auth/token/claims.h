/* SPDX-License-Identifier: Apache-2.0
 *
 * claims - what a token says: who it is for, when it holds, and what its bearer may do. In a
 * compact form that is kept while the token lives. Pure.
 *
 * Source: RFC 7519 section 4; upstream's token specification, "Token Format" and "access".
 */
#pragma once

#include "lib/auth/access.h"

#include <cjson/cJSON.h>
#include <stdint.h>

#define CLAIMS_LEEWAY_S 60 /* how far our clock and the token service's may differ */

/* One action on one resource. Lent from the claims. */
struct claims_grant {
    const char *type;
    const char *name;
    const char *action;
};

struct claims {
    const char *issuer;  /* "" when absent, as all texts */
    const char *subject; /* the user */
    const char **audiences;
    size_t audience_count;
    int64_t expires_at; /* seconds since 1970 */
    int64_t not_before; /* likewise; 0 when absent */
    struct claims_grant *grants;
    size_t grant_count;
    size_t cost; /* bytes of memory, about */
    char *texts; /* owned: what all of them point into */
};

/*
 * claims_parse - the payload of a token.
 *
 * @json      an object, checked
 * @text_len  bytes of its text, which bound all strings in it
 *
 * Given: claims_free. `aud` is a string or a list of strings. Errors: INVALID for members of wrong
 * types; a number that is no integer is one of them.
 */
must_check int claims_parse(const cJSON *json, size_t text_len, struct claims **out,
                            struct error *err);
void claims_free(struct claims *claims); /* NULL is fine */

static inline void claims_cleanup(struct claims **claims)
{
    claims_free(*claims);
}

#define auto_claims auto_cleanup(claims_cleanup)

/* Whether they are of @issuer, for @service, and hold at @now_s. Errors: INVALID, in upstream's
 * words ("token intended for another audience: \"x\""). */
must_check int claims_check(const struct claims *claims, const char *issuer, const char *service,
                            int64_t now_s, struct error *err);

/* Whether each record of @request is granted, by its action or by `*`. Names are compared as they
 * are. */
bool claims_allow(const struct claims *claims, const struct access_request *request);
