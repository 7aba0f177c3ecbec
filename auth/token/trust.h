/* SPDX-License-Identifier: Apache-2.0
 *
 * trust - whether a token is signed by a key that is trusted.
 *
 *     trust_prepare   cheap, on the loop: is there a key that could do it?
 *     trust_verify    chain and signature, on a helper thread
 *
 * Source: upstream for which hint of the header counts first: x5c, jwk, kid.
 */
#pragma once

#include "auth/token/jwt.h"
#include "auth/token/keys.h"

struct trust {
    const struct keys *keys; /* lent */
    const struct jwt *jwt;   /* lent; its signature is there */
    const struct signature_algorithm *algorithm;
    const struct key *key; /* lent from @keys; NULL: the chain brings it */
    const cJSON *chain;    /* lent from @jwt; NULL: none */
    /* what `jwk` says of the key; "" when it says nothing */
    const char *key_id; /* lent from @jwt */
    char thumbprint[JWK_THUMBPRINT_SIZE];
};

/*
 * trust_prepare - what will have to be verified.
 *
 * @allowed      set of algorithms
 * @out_unknown  whether it failed because no key is known by that name: another set may have it
 *
 * Errors: INVALID, in upstream's words.
 */
must_check int trust_prepare(const struct keys *keys, const struct jwt *jwt, uint32_t allowed,
                             struct trust *out, bool *out_unknown, struct error *err);

/* @out_until: seconds since 1970, after which the key is no longer to be trusted. Errors: INVALID,
 * in upstream's words. */
must_check int trust_verify(const struct trust *trust, int64_t now_s, int64_t *out_until,
                            struct error *err);
