/* SPDX-License-Identifier: Apache-2.0
 *
 * jwk - a public key as JSON, and the thumbprint that names it. Pure.
 *
 * Source: RFC 7517 section 4; RFC 7518 section 6; RFC 8037 section 2; RFC 7638.
 */
#pragma once

#include "lib/base/error.h"

#include <cjson/cJSON.h>
#include <openssl/evp.h>
#include <stdbool.h>

#define JWK_THUMBPRINT_SIZE 44 /* of a SHA-256 thumbprint in base64url, with its NUL */

/* Texts are lent from the JSON; "" when absent. */
struct jwk {
    const char *type;        /* kty: "RSA", "EC", "OKP" ... */
    const char *curve;       /* crv, of EC and OKP */
    const char *x;           /* likewise; numbers are base64url */
    const char *y;           /* of EC */
    const char *modulus;     /* n, of RSA */
    const char *exponent;    /* e, of RSA */
    const char *key_id;      /* kid */
    const char *use;         /* "sig", "enc" */
    const char *algorithm;   /* alg: the only one that the key is for */
    const cJSON *operations; /* key_ops: texts; NULL when absent */
    const cJSON *chain;      /* x5c: texts; NULL when absent */
    bool is_private;         /* it holds more than the public key */
};

/* Errors: INVALID for a member of a wrong type, or named twice. */
must_check int jwk_read(const cJSON *json, struct jwk *out, struct error *err);

/* Whether it may be used to verify signatures, as far as `use` and `key_ops` say. */
bool jwk_is_for_verifying(const struct jwk *jwk);

/* Of the members as they are written: numbers that are not in their shortest (RSA) or whole (EC)
 * form give a name that no key has. Errors: INVALID for what has no such members. */
must_check int jwk_thumbprint(const struct jwk *jwk, char out[JWK_THUMBPRINT_SIZE],
                              struct error *err);

/* The key itself: RSA, EC on P-256, P-384 or P-521, OKP on Ed25519. Given: EVP_PKEY_free. Errors:
 * INVALID. */
must_check int jwk_public_key(const struct jwk *jwk, EVP_PKEY **out, struct error *err);
