/* SPDX-License-Identifier: Apache-2.0
 *
 * keys - see keys.h.
 */
#include "auth/token/keys.h"

#include "auth/token/object.h"
#include "lib/base/memory.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdatomic.h>
#include <string.h>

#include "lib/base/banned.h"

struct keys {
    atomic_uint ref_count;
    struct key *items;
    size_t count;
    X509_STORE *anchors;
};

struct keys *keys_new(void)
{
    struct keys *keys = xcalloc(1, sizeof(*keys));

    keys->anchors = X509_STORE_new();
    if (keys->anchors == NULL)
        abort(); /* no memory */
    atomic_init(&keys->ref_count, 1);
    return keys;
}

struct keys *keys_ref(struct keys *keys)
{
    atomic_fetch_add(&keys->ref_count, 1);
    return keys;
}

void keys_unref(struct keys *keys)
{
    if (keys == NULL || atomic_fetch_sub(&keys->ref_count, 1) > 1)
        return;
    for (size_t i = 0; i < keys->count; i++) {
        EVP_PKEY_free(keys->items[i].public);
        free(keys->items[i].name);
    }
    free(keys->items);
    X509_STORE_free(keys->anchors);
    free(keys);
}

/* @public is taken, @name copied. */
static int add(struct keys *keys, EVP_PKEY *public, const char *name,
               const struct signature_algorithm *algorithm, struct error *err)
{
    struct key key = {.public = public, .algorithm = algorithm};

    if (keys->count >= KEYS_MAX) {
        EVP_PKEY_free(public);
        return error_set(err, ERROR_INVALID, "more than %d keys", KEYS_MAX);
    }
    if (key_id_of(public, &key.id, err) < 0) {
        EVP_PKEY_free(public);
        return -1;
    }
    key.name = xstrdup(name);
    keys->items = xrealloc(keys->items, (keys->count + 1) * sizeof(key));
    keys->items[keys->count++] = key;
    return 0;
}

/* A key that the operator has chosen is taken, short as it may be. */
static void warn_if_weak(const struct keys *keys, struct str *warnings)
{
    const struct key *key = &keys->items[keys->count - 1];

    if (signature_is_weak(key->public))
        str_append_format(warnings, "token auth: the RSA key %s has only %d bits; use %d or more\n",
                          key->id.thumbprint, EVP_PKEY_get_bits(key->public),
                          SIGNATURE_RSA_BITS_MIN);
}

/* ---- the bundle ---- */

static int add_certificate(struct keys *keys, const unsigned char *der, long len,
                           struct str *warnings, struct error *err)
{
    const unsigned char *end = der;
    X509 *certificate = d2i_X509(NULL, &end, len);
    EVP_PKEY *key;
    bool is_anchor;

    if (certificate == NULL || end != der + len) {
        X509_free(certificate);
        return error_set(err, ERROR_INVALID,
                         "unable to parse token auth root certificate: not a certificate");
    }
    key = X509_get_pubkey(certificate);
    is_anchor = X509_STORE_add_cert(keys->anchors, certificate) == 1;
    X509_free(certificate);
    if (key == NULL || !is_anchor || !signature_is_usable(key)) {
        EVP_PKEY_free(key);
        return error_set(err, ERROR_INVALID,
                         "unable to get public key from token auth root certificate: neither RSA, "
                         "P-256, P-384, P-521 nor Ed25519");
    }
    if (add(keys, key, "", NULL, err) < 0)
        return -1;
    warn_if_weak(keys, warnings);
    return 0;
}

/* The next block. 1: there is one; 0: no more. Its parts are OpenSSL's to free. */
static int next_block(BIO *bio, char **name, unsigned char **der, long *len, struct error *err)
{
    char *header = NULL;
    bool is_there = PEM_read_bio(bio, name, &header, der, len) == 1;
    unsigned long why = ERR_peek_last_error();

    OPENSSL_free(header);
    ERR_clear_error();
    if (is_there)
        return 1;
    if (ERR_GET_REASON(why) == PEM_R_NO_START_LINE)
        return 0;
    return error_set(err, ERROR_INVALID,
                     "unable to parse token auth root certificate: a broken PEM block");
}

static int add_blocks(struct keys *keys, BIO *bio, struct str *warnings, struct error *err)
{
    int is_more = 0;
    int result = 0;

    do {
        char *name = NULL;
        unsigned char *der = NULL;
        long len = 0;

        is_more = next_block(bio, &name, &der, &len, err);
        if (is_more == 1 && strcmp(name, "CERTIFICATE") == 0)
            result = add_certificate(keys, der, len, warnings, err);
        OPENSSL_free(name);
        OPENSSL_free(der);
    } while (is_more == 1 && result == 0);
    return is_more < 0 ? -1 : result;
}

int keys_add_bundle(struct keys *keys, struct span pem, struct str *warnings, struct error *err)
{
    BIO *bio;
    int result;

    if (pem.len == 0)
        return 0;
    bio = BIO_new_mem_buf(pem.data, (int)pem.len);
    if (bio == NULL)
        return error_set(err, ERROR_INTERNAL, "no memory for a file of certificates");
    result = add_blocks(keys, bio, warnings, err);
    BIO_free(bio);
    return result;
}

/* ---- JWKS ---- */

/* What makes a key of no use here, as an error. */
static int add_jwk(struct keys *keys, const struct jwk *jwk, struct error *err)
{
    const struct signature_algorithm *algorithm = NULL;
    EVP_PKEY *key = NULL;

    if (!jwk_is_for_verifying(jwk))
        return error_set(err, ERROR_INVALID, "it is not for verifying signatures");
    if (jwk->algorithm[0] != '\0') {
        algorithm = signature_find(jwk->algorithm);
        if (algorithm == NULL)
            return error_set(err, ERROR_INVALID, "its alg is not known here");
    }
    if (jwk_public_key(jwk, &key, err) < 0)
        return -1;
    if (algorithm != NULL && !signature_fits(algorithm, key)) {
        EVP_PKEY_free(key);
        return error_set(err, ERROR_INVALID, "its alg does not fit its type");
    }
    return add(keys, key, jwk->key_id, algorithm, err);
}

static void add_entry(struct keys *keys, const cJSON *entry, size_t number, struct str *warnings)
{
    struct error why = ERROR_INIT;
    struct jwk jwk;

    if (jwk_read(entry, &jwk, &why) < 0 || add_jwk(keys, &jwk, &why) < 0) {
        str_append_format(warnings, "token auth: key %zu of the jwks file is left out: %s\n",
                          number, why.message);
        return;
    }
    if (jwk.is_private)
        str_append_format(warnings, "token auth: key %zu of the jwks file holds its private part\n",
                          number);
    warn_if_weak(keys, warnings);
}

int keys_add_jwks(struct keys *keys, struct str *json, struct str *warnings, struct error *err)
{
    auto_object cJSON *set = NULL;
    const cJSON *list = NULL;
    const cJSON *entry;
    size_t number = 0;

    if (object_parse(json, &set, err) < 0 || object_list(set, "keys", &list, err) < 0)
        return error_wrap(err, "failed to parse jwks");
    cJSON_ArrayForEach(entry, list) add_entry(keys, entry, ++number, warnings);
    return 0;
}

/* ---- looking up ---- */

size_t keys_count(const struct keys *keys)
{
    return keys->count;
}

static bool is_named(const struct key *key, const char *key_id)
{
    return key_id_is(&key->id, key_id) || (key_id[0] != '\0' && strcmp(key->name, key_id) == 0);
}

const struct key *keys_find(const struct keys *keys, const char *key_id,
                            const struct signature_algorithm *algorithm)
{
    for (size_t i = 0; i < keys->count; i++) {
        const struct key *key = &keys->items[i];

        if (is_named(key, key_id) && (key->algorithm == NULL || key->algorithm == algorithm) &&
            signature_fits(algorithm, key->public))
            return key;
    }
    return NULL;
}

X509_STORE *keys_anchors(const struct keys *keys)
{
    return keys->anchors;
}
