/* SPDX-License-Identifier: Apache-2.0
 *
 * keys - the public keys that are trusted to sign tokens, from the operator's files. Never changed
 * once they are made: helper threads read them while the loop replaces them by others.
 *
 * Source: upstream 2.x for `rootcertbundle`, 3.x for `jwks`; RFC 7517.
 */
#pragma once

#include "auth/token/key_id.h"
#include "auth/token/signature.h"
#include "lib/base/str.h"

#include <openssl/x509.h>

#define KEYS_FILE_MAX     (1 << 20) /* bytes */
#define KEYS_MAX          1024
#define KEYS_WARNINGS_MAX 8192

struct key {
    EVP_PKEY *public; /* owned */
    struct key_id id;
    char *name;                                  /* owned; kid in a JWKS, "" without */
    const struct signature_algorithm *algorithm; /* the only one it is for; NULL: any that fits */
};

struct keys;

/* Empty. Given: keys_unref. */
struct keys *keys_new(void);
struct keys *keys_ref(struct keys *keys);
void keys_unref(struct keys *keys); /* NULL is fine */

static inline void keys_cleanup(struct keys **keys)
{
    keys_unref(*keys);
}

#define auto_keys auto_cleanup(keys_cleanup)

/*
 * keys_add_bundle - each certificate of a PEM file, as a key and as an anchor for chains.
 *
 * Blocks of other kinds and text between blocks mean nothing. @warnings gets lines for the log.
 * Errors: INVALID, in upstream's words.
 */
must_check int keys_add_bundle(struct keys *keys, struct span pem, struct str *warnings,
                               struct error *err);

/* Each key of a JWKS. What is not usable is left out, with a line in @warnings (RFC 7517 section
 * 5). @json is taken apart in place. Errors: INVALID, in upstream's words. */
must_check int keys_add_jwks(struct keys *keys, struct str *json, struct str *warnings,
                             struct error *err);

size_t keys_count(const struct keys *keys);

/* The key that @key_id names and that signs with @algorithm; lent. NULL when there is none. */
const struct key *keys_find(const struct keys *keys, const char *key_id,
                            const struct signature_algorithm *algorithm);

/* The certificates of the bundle; lent, safe for several threads. */
X509_STORE *keys_anchors(const struct keys *keys);
