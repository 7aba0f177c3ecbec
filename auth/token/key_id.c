/* SPDX-License-Identifier: Apache-2.0
 *
 * key_id - see key_id.h.
 */
#include "auth/token/key_id.h"

#include "lib/base/encode.h"

#include <openssl/core_names.h>
#include <openssl/x509.h>
#include <string.h>

#include "lib/base/banned.h"

#define NUMBER_MAX 4096

/* ---- libtrust's ---- */

/* The first 30 bytes in base32, a colon after each group of four characters but the last. */
static void format_libtrust(const unsigned char *hash, char out[KEY_ID_LIBTRUST_SIZE])
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    char *end = out;

    for (size_t i = 0; i < 48; i++) {
        size_t bit = i * 5;
        unsigned pair = (unsigned)hash[bit / 8] << 8 | hash[bit / 8 + 1];

        if (i > 0 && i % 4 == 0)
            *end++ = ':';
        *end++ = digits[pair >> (11 - bit % 8) & 31];
    }
    *end = '\0';
}

static int make_libtrust(EVP_PKEY *key, char out[KEY_ID_LIBTRUST_SIZE], struct error *err)
{
    unsigned char *der = NULL;
    unsigned char hash[32];
    int len = i2d_PUBKEY(key, &der);
    bool is_fine;

    is_fine = len > 0 && EVP_Digest(der, (size_t)len, hash, NULL, EVP_sha256(), NULL) == 1;
    OPENSSL_free(der);
    if (!is_fine)
        return error_set(err, ERROR_INVALID, "a public key that cannot be written");
    format_libtrust(hash, out);
    return 0;
}

/* ---- the thumbprint ---- */

/* A number of the key in base64url, filled up to @len bytes; 0: as short as it is. */
static bool append_number(EVP_PKEY *key, const char *name, size_t len, struct str *out)
{
    unsigned char bytes[NUMBER_MAX];
    BIGNUM *number = NULL;
    int written = -1;

    if (EVP_PKEY_get_bn_param(key, name, &number) != 1)
        return false;
    if (len == 0)
        len = (size_t)BN_num_bytes(number);
    if (len <= sizeof(bytes))
        written = BN_bn2binpad(number, bytes, (int)len);
    BN_free(number);
    if (written < 0)
        return false;
    encode_base64url_bare(out, span_make(bytes, len));
    return true;
}

static bool describe_ec(EVP_PKEY *key, struct jwk *jwk, struct str *x, struct str *y)
{
    int bits = EVP_PKEY_get_bits(key);
    size_t len = (size_t)(bits + 7) / 8;

    jwk->type = "EC";
    jwk->curve = bits == 256 ? "P-256" : bits == 384 ? "P-384" : "P-521";
    return append_number(key, OSSL_PKEY_PARAM_EC_PUB_X, len, x) &&
           append_number(key, OSSL_PKEY_PARAM_EC_PUB_Y, len, y);
}

static bool describe_rsa(EVP_PKEY *key, struct jwk *jwk, struct str *n, struct str *e)
{
    jwk->type = "RSA";
    return append_number(key, OSSL_PKEY_PARAM_RSA_N, 0, n) &&
           append_number(key, OSSL_PKEY_PARAM_RSA_E, 0, e);
}

static bool describe_ed25519(EVP_PKEY *key, struct jwk *jwk, struct str *x)
{
    unsigned char bytes[32];
    size_t len = sizeof(bytes);

    jwk->type = "OKP";
    jwk->curve = "Ed25519";
    if (EVP_PKEY_get_raw_public_key(key, bytes, &len) != 1)
        return false;
    encode_base64url_bare(x, span_make(bytes, len));
    return true;
}

/* The texts of a JWK that says @key; what is not of its type stays "". */
static bool describe(EVP_PKEY *key, struct jwk *jwk, struct str *first, struct str *second)
{
    if (EVP_PKEY_is_a(key, "RSA"))
        return describe_rsa(key, jwk, first, second);
    if (EVP_PKEY_is_a(key, "EC"))
        return describe_ec(key, jwk, first, second);
    return EVP_PKEY_is_a(key, "ED25519") && describe_ed25519(key, jwk, first);
}

static int make_thumbprint(EVP_PKEY *key, char out[JWK_THUMBPRINT_SIZE], struct error *err)
{
    auto_str first = STR_INIT(2 * NUMBER_MAX);
    auto_str second = STR_INIT(2 * NUMBER_MAX);
    struct jwk jwk = {.type = ""};

    if (!describe(key, &jwk, &first, &second))
        return error_set(err, ERROR_INVALID, "a public key of an unknown type");
    jwk.modulus = jwk.x = str_text(&first);
    jwk.exponent = jwk.y = str_text(&second);
    return jwk_thumbprint(&jwk, out, err);
}

int key_id_of(EVP_PKEY *key, struct key_id *out, struct error *err)
{
    struct key_id id;

    if (make_libtrust(key, id.libtrust, err) < 0 || make_thumbprint(key, id.thumbprint, err) < 0)
        return -1;
    *out = id;
    return 0;
}

bool key_id_is(const struct key_id *id, const char *text)
{
    return strcmp(id->libtrust, text) == 0 || strcmp(id->thumbprint, text) == 0;
}
