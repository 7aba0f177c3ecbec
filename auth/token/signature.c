/* SPDX-License-Identifier: Apache-2.0
 *
 * signature - see signature.h.
 */
#include "auth/token/signature.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/obj_mac.h>
#include <openssl/rsa.h>
#include <string.h>

#include "lib/base/banned.h"

struct signature_algorithm {
    const char *name;
    const char *key_type; /* OpenSSL's */
    const char *group;    /* of an EC key; else NULL */
    const char *hash;     /* NULL: the algorithm has its own */
    bool is_pss;
    size_t half_len; /* bytes of each of the two numbers of an ECDSA signature */
};

// clang-format off
static const struct signature_algorithm table[] = {
    {"RS256", "RSA",     NULL,         "SHA256", false, 0},
    {"RS384", "RSA",     NULL,         "SHA384", false, 0},
    {"RS512", "RSA",     NULL,         "SHA512", false, 0},
    {"PS256", "RSA",     NULL,         "SHA256", true,  0},
    {"PS384", "RSA",     NULL,         "SHA384", true,  0},
    {"PS512", "RSA",     NULL,         "SHA512", true,  0},
    {"ES256", "EC",      "prime256v1", "SHA256", false, 32},
    {"ES384", "EC",      "secp384r1",  "SHA384", false, 48},
    {"ES512", "EC",      "secp521r1",  "SHA512", false, 66},
    {"EdDSA", "ED25519", NULL,         NULL,     false, 0},
};
// clang-format on

const struct signature_algorithm *signature_find(const char *name)
{
    for (size_t i = 0; i < array_count(table); i++) {
        if (strcmp(table[i].name, name) == 0)
            return &table[i];
    }
    return NULL;
}

uint32_t signature_bit(const struct signature_algorithm *algorithm)
{
    return (uint32_t)1 << (algorithm - table);
}

bool signature_fits(const struct signature_algorithm *algorithm, const EVP_PKEY *key)
{
    char group[32];
    size_t len;

    if (!EVP_PKEY_is_a(key, algorithm->key_type))
        return false;
    if (algorithm->group == NULL)
        return true;
    return EVP_PKEY_get_group_name(key, group, sizeof(group), &len) == 1 &&
           strcmp(group, algorithm->group) == 0;
}

bool signature_is_usable(const EVP_PKEY *key)
{
    for (size_t i = 0; i < array_count(table); i++) {
        if (signature_fits(&table[i], key))
            return true;
    }
    return false;
}

bool signature_is_weak(const EVP_PKEY *key)
{
    return EVP_PKEY_is_a(key, "RSA") && EVP_PKEY_get_bits(key) < SIGNATURE_RSA_BITS_MIN;
}

/* The two numbers, each of its whole length, in the form that OpenSSL takes. Given: OPENSSL_free;
 * NULL when they are no signature. */
static unsigned char *convert_halves(size_t half_len, struct span signature, size_t *out_len)
{
    const unsigned char *bytes = (const unsigned char *)signature.data;
    ECDSA_SIG *pair = ECDSA_SIG_new();
    unsigned char *der = NULL;
    BIGNUM *r = NULL;
    BIGNUM *s = NULL;
    int len = -1;

    if (signature.len == 2 * half_len) {
        r = BN_bin2bn(bytes, (int)half_len, NULL);
        s = BN_bin2bn(bytes + half_len, (int)half_len, NULL);
    }
    if (pair != NULL && r != NULL && s != NULL && ECDSA_SIG_set0(pair, r, s) == 1)
        len = i2d_ECDSA_SIG(pair, &der);
    else {
        BN_free(r);
        BN_free(s);
    }
    ECDSA_SIG_free(pair);
    *out_len = len > 0 ? (size_t)len : 0;
    return len > 0 ? der : NULL;
}

/* RFC 7518 section 3.5: the salt is as long as the hash. */
static bool use_pss(EVP_PKEY_CTX *context)
{
    return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING) == 1 &&
           EVP_PKEY_CTX_set_rsa_pss_saltlen(context, RSA_PSS_SALTLEN_DIGEST) == 1;
}

static bool is_signature(const struct signature_algorithm *algorithm, EVP_PKEY *key,
                         struct span message, const unsigned char *signature, size_t len)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    EVP_PKEY_CTX *options = NULL; /* the context's */
    bool is_valid;

    is_valid =
        context != NULL &&
        EVP_DigestVerifyInit_ex(context, &options, algorithm->hash, NULL, NULL, key, NULL) == 1 &&
        (!algorithm->is_pss || use_pss(options)) &&
        EVP_DigestVerify(context, signature, len, (const unsigned char *)message.data,
                         message.len) == 1;
    EVP_MD_CTX_free(context);
    return is_valid;
}

int signature_verify(const struct signature_algorithm *algorithm, EVP_PKEY *key,
                     struct span message, struct span signature, struct error *err)
{
    const unsigned char *bytes = (const unsigned char *)signature.data;
    unsigned char *converted = NULL;
    size_t len = signature.len;
    bool is_valid;

    if (!signature_fits(algorithm, key))
        return error_set(err, ERROR_INVALID, "a key of another type than %s", algorithm->name);
    if (algorithm->half_len > 0) {
        bytes = converted = convert_halves(algorithm->half_len, signature, &len);
        if (converted == NULL)
            return error_set(err, ERROR_INVALID, "signature of a wrong length");
    }
    is_valid = is_signature(algorithm, key, message, bytes, len);
    OPENSSL_free(converted);
    ERR_clear_error();
    return is_valid ? 0 : error_set(err, ERROR_INVALID, "invalid signature");
}
