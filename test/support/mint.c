/* SPDX-License-Identifier: Apache-2.0
 *
 * mint - see mint.h. Written apart from what it tests, with OpenSSL's other functions where there
 * are two ways.
 */
#include "test/support/mint.h"

#include "lib/base/encode.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/banned.h"

#define KEYS_MAX 32

static struct {
    const char *type;
    int number;
    EVP_PKEY *key;
} minted[KEYS_MAX];
static size_t minted_count;

static void need(bool is_fine, const char *what)
{
    if (is_fine)
        return;
    fprintf(stderr, "mint: %s\n", what);
    abort();
}

static void free_keys(void)
{
    for (size_t i = 0; i < minted_count; i++)
        EVP_PKEY_free(minted[i].key);
    minted_count = 0;
}

static EVP_PKEY *make_key(const char *type)
{
    if (strcmp(type, "RSA") == 0)
        return EVP_RSA_gen(2048);
    if (strcmp(type, "RSA-1024") == 0)
        return EVP_RSA_gen(1024);
    if (strcmp(type, "Ed25519") == 0)
        return EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    return EVP_EC_gen(type);
}

EVP_PKEY *mint_key(const char *type, int number)
{
    for (size_t i = 0; i < minted_count; i++) {
        if (strcmp(minted[i].type, type) == 0 && minted[i].number == number)
            return minted[i].key;
    }
    need(minted_count < KEYS_MAX, "too many keys");
    if (minted_count == 0)
        need(atexit(free_keys) == 0, "atexit");
    minted[minted_count].type = type;
    minted[minted_count].number = number;
    minted[minted_count].key = make_key(type);
    need(minted[minted_count].key != NULL, type);
    return minted[minted_count++].key;
}

static void set_names(X509 *certificate, const char *subject, X509 *issuer)
{
    X509_NAME *name = X509_get_subject_name(certificate);

    need(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)subject, -1,
                                    -1, 0) == 1,
         "name");
    need(X509_set_issuer_name(certificate, issuer != NULL ? X509_get_subject_name(issuer) : name) ==
             1,
         "issuer");
}

static void add_extension(X509 *certificate, int nid, const char *value)
{
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, nid, value);

    need(extension != NULL && X509_add_ext(certificate, extension, -1) == 1, "extension");
    X509_EXTENSION_free(extension);
}

X509 *mint_certificate(EVP_PKEY *key, const char *subject, X509 *issuer, EVP_PKEY *issuer_key,
                       bool is_authority, long valid_s)
{
    static long serial = 1;
    X509 *certificate = X509_new();
    const EVP_MD *hash = EVP_PKEY_is_a(issuer_key, "ED25519") ? NULL : EVP_sha256();

    need(certificate != NULL, "certificate");
    X509_set_version(certificate, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), serial++);
    X509_gmtime_adj(X509_getm_notBefore(certificate), valid_s < 0 ? 2 * valid_s : -60);
    X509_gmtime_adj(X509_getm_notAfter(certificate), valid_s);
    set_names(certificate, subject, issuer);
    X509_set_pubkey(certificate, key);
    add_extension(certificate, NID_basic_constraints,
                  is_authority ? "critical,CA:TRUE" : "critical,CA:FALSE");
    need(X509_sign(certificate, issuer_key, hash) > 0, "signing a certificate");
    return certificate;
}

void mint_append_pem(struct str *out, X509 *certificate)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *data;
    long len;

    need(bio != NULL && PEM_write_bio_X509(bio, certificate) == 1, "PEM");
    len = BIO_get_mem_data(bio, &data);
    str_append(out, span_make(data, (size_t)len));
    BIO_free(bio);
}

void mint_append_x5c(struct str *out, X509 *certificate)
{
    unsigned char *der = NULL;
    int len = i2d_X509(certificate, &der);
    char text[8192];

    need(len > 0 && (size_t)len < sizeof(text) / 2, "DER");
    EVP_EncodeBlock((unsigned char *)text, der, len);
    str_append_format(out, "\"%s\"", text);
    OPENSSL_free(der);
}

static void append_number(struct str *out, EVP_PKEY *key, const char *parameter, const char *name,
                          int len)
{
    unsigned char bytes[1024];
    BIGNUM *number = NULL;

    need(EVP_PKEY_get_bn_param(key, parameter, &number) == 1, parameter);
    len = len > 0 ? len : BN_num_bytes(number);
    need(BN_bn2binpad(number, bytes, len) == len, parameter);
    BN_free(number);
    str_append_format(out, ",\"%s\":\"", name);
    encode_base64url_bare(out, span_make(bytes, (size_t)len));
    str_append_char(out, '"');
}

void mint_append_jwk(struct str *out, EVP_PKEY *key)
{
    int bits = EVP_PKEY_get_bits(key);
    unsigned char bytes[32];
    size_t len = sizeof(bytes);

    if (EVP_PKEY_is_a(key, "RSA")) {
        str_append_text(out, "\"kty\":\"RSA\"");
        append_number(out, key, OSSL_PKEY_PARAM_RSA_N, "n", 0);
        append_number(out, key, OSSL_PKEY_PARAM_RSA_E, "e", 0);
    } else if (EVP_PKEY_is_a(key, "EC")) {
        str_append_format(out, "\"kty\":\"EC\",\"crv\":\"P-%d\"", bits);
        append_number(out, key, OSSL_PKEY_PARAM_EC_PUB_X, "x", (bits + 7) / 8);
        append_number(out, key, OSSL_PKEY_PARAM_EC_PUB_Y, "y", (bits + 7) / 8);
    } else {
        need(EVP_PKEY_get_raw_public_key(key, bytes, &len) == 1, "Ed25519");
        str_append_text(out, "\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"");
        encode_base64url_bare(out, span_make(bytes, len));
        str_append_char(out, '"');
    }
}

/* ---- tokens ---- */

static const EVP_MD *hash_of(const char *algorithm)
{
    if (strcmp(algorithm, "EdDSA") == 0)
        return NULL;
    return strcmp(algorithm + 2, "256") == 0   ? EVP_sha256()
           : strcmp(algorithm + 2, "384") == 0 ? EVP_sha384()
                                               : EVP_sha512();
}

static size_t sign(EVP_PKEY *key, const char *algorithm, struct span message, unsigned char *out,
                   size_t room)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    EVP_PKEY_CTX *options = NULL;

    need(EVP_DigestSignInit(context, &options, hash_of(algorithm), NULL, key) == 1, "signing");
    if (algorithm[0] == 'P') {
        EVP_PKEY_CTX_set_rsa_padding(options, RSA_PKCS1_PSS_PADDING);
        EVP_PKEY_CTX_set_rsa_pss_saltlen(options, RSA_PSS_SALTLEN_DIGEST);
    }
    need(EVP_DigestSign(context, out, &room, (const unsigned char *)message.data, message.len) == 1,
         "signature");
    EVP_MD_CTX_free(context);
    return room;
}

/* From DER to the two numbers one after the other. */
static size_t flatten(EVP_PKEY *key, unsigned char *bytes, size_t len)
{
    const unsigned char *at = bytes;
    ECDSA_SIG *pair = d2i_ECDSA_SIG(NULL, &at, (long)len);
    int half = (EVP_PKEY_get_bits(key) + 7) / 8;

    need(pair != NULL, "ECDSA");
    need(BN_bn2binpad(ECDSA_SIG_get0_r(pair), bytes, half) == half, "r");
    need(BN_bn2binpad(ECDSA_SIG_get0_s(pair), bytes + half, half) == half, "s");
    ECDSA_SIG_free(pair);
    return 2 * (size_t)half;
}

void mint_append_token(struct str *out, EVP_PKEY *key, const char *algorithm, const char *header,
                       const char *claims)
{
    unsigned char signature[1024];
    size_t begin = out->len;
    size_t len = 0;

    encode_base64url_bare(out, span_of(header));
    str_append_char(out, '.');
    encode_base64url_bare(out, span_of(claims));
    if (strcmp(algorithm, "none") != 0)
        len = sign(key, algorithm, span_from(str_span(out), begin), signature, sizeof(signature));
    if (len > 0 && algorithm[0] == 'E' && algorithm[1] == 'S')
        len = flatten(key, signature, len);
    str_append_char(out, '.');
    encode_base64url_bare(out, span_make(signature, len));
    need(!str_overflowed(out), "no room for a token");
}
