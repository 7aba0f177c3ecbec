/* SPDX-License-Identifier: Apache-2.0
 *
 * key_id - the names that a public key has by itself: upstream 2.x's, and the thumbprint of 3.x. A
 * token service may use either. Pure.
 *
 * Source: upstream's token specification, "kid" (libtrust's key identifier); RFC 7638.
 */
#pragma once

#include "auth/token/jwk.h"

#define KEY_ID_LIBTRUST_SIZE 60 /* "YTMR:CQZD:...": 12 groups of four, with its NUL */

struct key_id {
    char libtrust[KEY_ID_LIBTRUST_SIZE];
    char thumbprint[JWK_THUMBPRINT_SIZE];
};

/* @key is of a type that signature_is_usable tells. Errors: INVALID. */
must_check int key_id_of(EVP_PKEY *key, struct key_id *out, struct error *err);

/* Whether @text is one of the two. */
bool key_id_is(const struct key_id *id, const char *text);
