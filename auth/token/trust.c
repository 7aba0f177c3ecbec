/* SPDX-License-Identifier: Apache-2.0
 *
 * trust - see trust.h. No key is ever made from a `jwk` in a token: it is a way of naming one.
 */
#include "auth/token/trust.h"

#include "auth/token/chain.h"

#include <string.h>

#include "lib/base/banned.h"

/* ---- preparing ---- */

/* Whether there is such a key; if not, another set may have it. */
static bool find_key(struct trust *trust, const char *key_id, bool *out_unknown)
{
    trust->key = keys_find(trust->keys, key_id, trust->algorithm);
    *out_unknown = trust->key == NULL;
    return trust->key != NULL;
}

/* A `kid` in the JWK must be one of its key's names; @other, which may be "", is one more. */
static int check_name(const struct trust *trust, const struct key_id *id, const char *other,
                      struct error *err)
{
    if (trust->key_id[0] == '\0' || key_id_is(id, trust->key_id) ||
        strcmp(other, trust->key_id) == 0)
        return 0;
    return error_set(err, ERROR_INVALID,
                     "unable to decode raw JWK value: its key ID is not its own");
}

/* Its own chain, or a key that is known. */
static int prepare_jwk(struct trust *trust, bool *out_unknown, struct error *err)
{
    struct jwk jwk;

    if (jwk_read(trust->jwt->key, &jwk, err) < 0 ||
        jwk_thumbprint(&jwk, trust->thumbprint, err) < 0)
        return error_wrap(err, "unable to decode raw JWK value");
    trust->key_id = jwk.key_id;
    if (jwk.chain != NULL && jwk.chain->child != NULL) {
        trust->chain = jwk.chain;
        return 0;
    }
    if (!find_key(trust, trust->thumbprint, out_unknown))
        return error_set(err, ERROR_INVALID, "untrusted JWK with no certificate chain");
    return check_name(trust, &trust->key->id, trust->key->name, err);
}

static int prepare_key(struct trust *trust, bool *out_unknown, struct error *err)
{
    const struct jwt *jwt = trust->jwt;

    if (jwt->chain != NULL) {
        trust->chain = jwt->chain;
        return 0;
    }
    if (jwt->key != NULL)
        return prepare_jwk(trust, out_unknown, err);
    if (jwt->key_id[0] == '\0')
        return error_set(err, ERROR_INVALID, "unable to get token signing key");
    if (!find_key(trust, jwt->key_id, out_unknown))
        return error_set(err, ERROR_INVALID, "token signed by untrusted key with ID: \"%s\"",
                         jwt->key_id);
    return 0;
}

int trust_prepare(const struct keys *keys, const struct jwt *jwt, uint32_t allowed,
                  struct trust *out, bool *out_unknown, struct error *err)
{
    *out = (struct trust){.keys = keys, .jwt = jwt, .key_id = ""};
    *out_unknown = false;
    if (jwt->signature.len == 0)
        return error_set(err, ERROR_INVALID, "token has no signature");
    out->algorithm = signature_find(jwt->algorithm);
    if (out->algorithm == NULL || (signature_bit(out->algorithm) & allowed) == 0)
        return error_set(err, ERROR_INVALID,
                         "unable to verify token signature: algorithm \"%s\" is not allowed",
                         jwt->algorithm);
    return prepare_key(out, out_unknown, err);
}

/* ---- verifying ---- */

/* The chain's key must be the one that the JWK says. */
static int check_leaf(const struct trust *trust, EVP_PKEY *leaf, struct error *err)
{
    struct key_id id;

    if (!signature_fits(trust->algorithm, leaf))
        return error_set(err, ERROR_INVALID, "leaf certificate with a key of another type than %s",
                         trust->jwt->algorithm);
    if (trust->thumbprint[0] == '\0')
        return 0;
    if (key_id_of(leaf, &id, err) < 0)
        return -1;
    if (strcmp(id.thumbprint, trust->thumbprint) != 0)
        return error_set(err, ERROR_INVALID,
                         "leaf certificate public key ID does not match JWK key ID");
    return check_name(trust, &id, "", err);
}

static int verify_chain(const struct trust *trust, int64_t now_s, EVP_PKEY **out,
                        int64_t *out_until, struct error *err)
{
    EVP_PKEY *leaf = NULL;

    if (chain_verify(trust->chain, keys_anchors(trust->keys), now_s, &leaf, out_until, err) < 0)
        return -1;
    if (check_leaf(trust, leaf, err) < 0) {
        EVP_PKEY_free(leaf);
        return -1;
    }
    *out = leaf;
    return 0;
}

static int verify_signature(const struct trust *trust, EVP_PKEY *key, struct error *err)
{
    if (signature_verify(trust->algorithm, key, trust->jwt->signed_part,
                         str_span(&trust->jwt->signature), err) < 0)
        return error_wrap(err, "unable to verify token signature");
    return 0;
}

int trust_verify(const struct trust *trust, int64_t now_s, int64_t *out_until, struct error *err)
{
    int64_t until = INT64_MAX;
    EVP_PKEY *leaf = NULL;
    int result;

    if (trust->key != NULL) {
        result = verify_signature(trust, trust->key->public, err);
    } else {
        if (verify_chain(trust, now_s, &leaf, &until, err) < 0)
            return -1;
        result = verify_signature(trust, leaf, err);
        EVP_PKEY_free(leaf);
    }
    if (result == 0)
        *out_until = until;
    return result;
}
