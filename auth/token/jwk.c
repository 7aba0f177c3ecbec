/* SPDX-License-Identifier: Apache-2.0
 *
 * jwk - see jwk.h.
 */
#include "auth/token/jwk.h"

#include "auth/token/object.h"
#include "lib/base/ascii.h"
#include "lib/base/encode.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <string.h>

#include "lib/base/banned.h"

#define NUMBER_MAX 2048 /* bytes of a number: RSA of 16384 bits, which OpenSSL's limit is */

// clang-format off
static const struct curve {
    const char *name;  /* in a JWK */
    const char *group; /* OpenSSL's */
    size_t len;        /* bytes of a coordinate */
} curves[] = {
    {"P-256", "prime256v1", 32},
    {"P-384", "secp384r1",  48},
    {"P-521", "secp521r1",  66},
};
// clang-format on

static int read_texts(const cJSON *json, struct jwk *jwk, struct error *err)
{
    const struct {
        const char *name;
        const char **out;
    } members[] = {
        {"kty", &jwk->type},   {"crv", &jwk->curve}, {"x", &jwk->x},
        {"y", &jwk->y},        {"n", &jwk->modulus}, {"e", &jwk->exponent},
        {"kid", &jwk->key_id}, {"use", &jwk->use},   {"alg", &jwk->algorithm},
    };

    for (size_t i = 0; i < array_count(members); i++) {
        if (object_text(json, members[i].name, members[i].out, err) < 0)
            return -1;
    }
    return 0;
}

int jwk_read(const cJSON *json, struct jwk *out, struct error *err)
{
    struct jwk jwk = {0};

    if (object_check(json, err) < 0 || read_texts(json, &jwk, err) < 0 ||
        object_texts(json, "key_ops", &jwk.operations, err) < 0 ||
        object_texts(json, "x5c", &jwk.chain, err) < 0)
        return -1;
    jwk.is_private = object_member(json, "d") != NULL;
    *out = jwk;
    return 0;
}

bool jwk_is_for_verifying(const struct jwk *jwk)
{
    if (jwk->use[0] != '\0' && strcmp(jwk->use, "sig") != 0)
        return false;
    return jwk->operations == NULL || object_texts_have(jwk->operations, "verify");
}

/* ---- thumbprint ---- */

/* Only base64url gets into the text that is hashed. */
static void append_member(struct str *out, const char *name, const char *value)
{
    str_append_format(out, "%s\"%s\":\"%s\"", out->len == 0 ? "{" : ",", name, value);
}

static bool is_base64url(const char *text)
{
    if (*text == '\0')
        return false;
    for (; *text != '\0'; text++) {
        if (!is_ascii_alnum_or(*text, "-_"))
            return false;
    }
    return true;
}

/* The required members, sorted by name (RFC 7638 section 3.2; RFC 8037 section 2). False when they
 * are not there. */
static bool append_required(const struct jwk *jwk, struct str *out)
{
    if (strcmp(jwk->type, "RSA") == 0) {
        append_member(out, "e", jwk->exponent);
        append_member(out, "kty", "RSA");
        append_member(out, "n", jwk->modulus);
        return is_base64url(jwk->exponent) && is_base64url(jwk->modulus);
    }
    if (!is_base64url(jwk->curve) || !is_base64url(jwk->x))
        return false;
    append_member(out, "crv", jwk->curve);
    append_member(out, "kty", jwk->type);
    append_member(out, "x", jwk->x);
    if (strcmp(jwk->type, "OKP") == 0)
        return true;
    append_member(out, "y", jwk->y);
    return strcmp(jwk->type, "EC") == 0 && is_base64url(jwk->y);
}

int jwk_thumbprint(const struct jwk *jwk, char out[JWK_THUMBPRINT_SIZE], struct error *err)
{
    auto_str text = STR_INIT(4 * NUMBER_MAX);
    auto_str encoded = STR_INIT(JWK_THUMBPRINT_SIZE); /* padded at first */
    unsigned char hash[32];

    if (!append_required(jwk, &text) || str_overflowed(&text))
        return error_set(err, ERROR_INVALID, "a JWK that is no public key");
    str_append_char(&text, '}');
    if (EVP_Digest(text.data, text.len, hash, NULL, EVP_sha256(), NULL) != 1)
        return error_set(err, ERROR_INTERNAL, "no SHA-256");
    encode_base64url_bare(&encoded, span_make(hash, sizeof(hash)));
    memcpy(out, str_text(&encoded), JWK_THUMBPRINT_SIZE);
    return 0;
}

/* ---- the key ---- */

/* A number of 1 to @max bytes. */
static int decode_number(const char *text, size_t max, struct str *out, struct error *err)
{
    *out = STR_INIT(NUMBER_MAX + 3);
    if (!decode_base64url_bare(out, span_of(text)) || out->len == 0 || out->len > max)
        return error_set(err, ERROR_INVALID, "a JWK with a bad number");
    return 0;
}

/* Exactly @len bytes (RFC 7518 section 6.2.1.2). */
static int decode_coordinate(const char *text, size_t len, struct str *out, struct error *err)
{
    if (decode_number(text, len, out, err) < 0)
        return -1;
    return out->len == len ? 0 : error_set(err, ERROR_INVALID, "a JWK with a bad coordinate");
}

/* OpenSSL checks it: a point that is not on its curve is no key. */
static int make_key(const char *type, OSSL_PARAM_BLD *build, EVP_PKEY **out, struct error *err)
{
    OSSL_PARAM *parameters = OSSL_PARAM_BLD_to_param(build);
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    EVP_PKEY *key = NULL;
    EVP_PKEY_CTX *check = NULL;
    bool is_fine;

    is_fine = parameters != NULL && context != NULL && EVP_PKEY_fromdata_init(context) == 1 &&
              EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, parameters) == 1;
    if (is_fine) {
        check = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
        is_fine = check != NULL && EVP_PKEY_public_check_quick(check) == 1;
    }
    EVP_PKEY_CTX_free(check);
    EVP_PKEY_CTX_free(context);
    OSSL_PARAM_free(parameters);
    ERR_clear_error();
    if (!is_fine) {
        EVP_PKEY_free(key);
        return error_set(err, ERROR_INVALID, "a JWK that is no public key");
    }
    *out = key;
    return 0;
}

static int make_rsa(const struct jwk *jwk, OSSL_PARAM_BLD *build, EVP_PKEY **out, struct error *err)
{
    auto_str n_bytes = STR_INIT(0);
    auto_str e_bytes = STR_INIT(0);
    BIGNUM *n = NULL;
    BIGNUM *e = NULL;
    int result = -1;

    if (decode_number(jwk->modulus, NUMBER_MAX, &n_bytes, err) < 0 ||
        decode_number(jwk->exponent, 8, &e_bytes, err) < 0)
        return -1;
    n = BN_bin2bn((const unsigned char *)n_bytes.data, (int)n_bytes.len, NULL);
    e = BN_bin2bn((const unsigned char *)e_bytes.data, (int)e_bytes.len, NULL);
    if (n != NULL && e != NULL && OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, n) == 1 &&
        OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, e) == 1)
        result = make_key("RSA", build, out, err);
    else
        error_set(err, ERROR_INTERNAL, "no memory for a key");
    BN_free(n);
    BN_free(e);
    return result;
}

static int make_ec(const struct jwk *jwk, OSSL_PARAM_BLD *build, EVP_PKEY **out, struct error *err)
{
    auto_str x = STR_INIT(0);
    auto_str y = STR_INIT(0);
    auto_str point = STR_INIT(1 + 2 * 66);
    const struct curve *curve = NULL;

    for (size_t i = 0; i < array_count(curves); i++) {
        if (strcmp(curves[i].name, jwk->curve) == 0)
            curve = &curves[i];
    }
    if (curve == NULL)
        return error_set(err, ERROR_INVALID, "a JWK on a curve that is not known here");
    if (decode_coordinate(jwk->x, curve->len, &x, err) < 0 ||
        decode_coordinate(jwk->y, curve->len, &y, err) < 0)
        return -1;
    str_append_char(&point, 4); /* uncompressed */
    str_append(&point, str_span(&x));
    str_append(&point, str_span(&y));
    if (OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME, curve->group, 0) != 1 ||
        OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY, point.data, point.len) !=
            1)
        return error_set(err, ERROR_INTERNAL, "no memory for a key");
    return make_key("EC", build, out, err);
}

static int make_ed25519(const struct jwk *jwk, EVP_PKEY **out, struct error *err)
{
    auto_str x = STR_INIT(0);

    if (strcmp(jwk->curve, "Ed25519") != 0)
        return error_set(err, ERROR_INVALID, "a JWK on a curve that is not known here");
    if (decode_coordinate(jwk->x, 32, &x, err) < 0)
        return -1;
    *out =
        EVP_PKEY_new_raw_public_key_ex(NULL, "ED25519", NULL, (const unsigned char *)x.data, x.len);
    return *out != NULL ? 0 : error_set(err, ERROR_INVALID, "a JWK that is no public key");
}

int jwk_public_key(const struct jwk *jwk, EVP_PKEY **out, struct error *err)
{
    OSSL_PARAM_BLD *build = NULL;
    int result;

    if (strcmp(jwk->type, "OKP") == 0)
        return make_ed25519(jwk, out, err);
    if (strcmp(jwk->type, "RSA") != 0 && strcmp(jwk->type, "EC") != 0)
        return error_set(err, ERROR_INVALID, "a JWK of a type that is not known here");
    build = OSSL_PARAM_BLD_new();
    if (build == NULL)
        return error_set(err, ERROR_INTERNAL, "no memory for a key");
    result = strcmp(jwk->type, "RSA") == 0 ? make_rsa(jwk, build, out, err)
                                           : make_ec(jwk, build, out, err);
    OSSL_PARAM_BLD_free(build);
    return result;
}
