/* SPDX-License-Identifier: Apache-2.0
 *
 * jwt - a token in its compact form, taken apart: header . claims . signature. Nothing here is
 * verified; trust.h does that. Pure.
 *
 * Source: RFC 7515 section 7.1, RFC 7519 section 7.2; upstream for what it reads leniently.
 */
#pragma once

#include "auth/token/claims.h"
#include "lib/base/error.h"
#include "lib/base/str.h"

#include <cjson/cJSON.h>

#define JWT_MAX (64 << 10) /* bytes; a head of a request is no longer */

struct jwt {
    const char *algorithm;   /* "ES256"; "" when absent. Lent from the header */
    const char *key_id;      /* likewise */
    const cJSON *chain;      /* x5c: texts, at least one; NULL when there is none */
    const cJSON *key;        /* jwk: an object, unchecked; NULL when there is none */
    struct span signed_part; /* lent from the token */
    struct str signature;    /* owned; bytes */
    struct claims *claims;   /* owned; may be taken */
    cJSON *header;           /* owned */
};

/*
 * jwt_parse - takes a token apart.
 *
 * @token  lent while @out lives
 * @out    to be ended with jwt_fini, after a failure too
 *
 * Padding at the end of a part may be there or not, as upstream has it. A header with `crit` names
 * what we do not know, and is refused (RFC 7515 section 4.1.11). Errors: INVALID.
 */
must_check int jwt_parse(struct span token, struct jwt *out, struct error *err);
void jwt_fini(struct jwt *jwt);

#define auto_jwt auto_cleanup(jwt_fini) struct jwt
