/* SPDX-License-Identifier: Apache-2.0
 *
 * chain - see chain.h.
 */
#include "auth/token/chain.h"

#include "auth/token/signature.h"
#include "lib/base/encode.h"

#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <string.h>
#include <time.h>

#include "lib/base/banned.h"

/* Given: X509_free. */
static X509 *parse_certificate(const char *text)
{
    auto_str der = STR_INIT(strlen(text));
    const unsigned char *end;
    X509 *certificate;

    if (!decode_base64(&der, span_of(text)) || der.len == 0)
        return NULL;
    end = (const unsigned char *)der.data;
    certificate = d2i_X509(NULL, &end, (long)der.len);
    if (certificate != NULL && end != (const unsigned char *)der.data + der.len) {
        X509_free(certificate);
        certificate = NULL;
    }
    return certificate;
}

/* Given: sk_X509_pop_free. */
static STACK_OF(X509) * parse_all(const cJSON *texts, struct error *err)
{
    STACK_OF(X509) *certificates = sk_X509_new_null();
    const cJSON *text;

    cJSON_ArrayForEach(text, texts)
    {
        X509 *certificate = NULL;

        if (sk_X509_num(certificates) < CHAIN_MAX)
            certificate = parse_certificate(text->valuestring);
        if (certificate == NULL || sk_X509_push(certificates, certificate) == 0) {
            X509_free(certificate);
            sk_X509_pop_free(certificates, X509_free);
            error_set(err, ERROR_INVALID, "unable to parse certificate chain");
            return NULL;
        }
    }
    return certificates;
}

static int64_t expiry(const X509 *certificate)
{
    struct tm tm = {0};

    if (ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &tm) != 1)
        return 0;
    return (int64_t)timegm(&tm);
}

/* The anchor's own strength is the operator's business. */
static bool is_strong(const STACK_OF(X509) * chain)
{
    for (int i = 0; i == 0 || i + 1 < sk_X509_num(chain); i++) {
        const EVP_PKEY *key = X509_get0_pubkey(sk_X509_value(chain, i));

        if (key == NULL || (signature_is_weak(key) && sk_X509_num(chain) > 1))
            return false;
    }
    return true;
}

/* Any certificate of the store ends a chain, self-signed or not. Level 1 refuses SHA-1. */
static bool prepare(X509_STORE_CTX *context, int64_t now_s)
{
    X509_VERIFY_PARAM *parameters = X509_STORE_CTX_get0_param(context);

    X509_VERIFY_PARAM_set_time(parameters, (time_t)now_s);
    X509_VERIFY_PARAM_set_depth(parameters, CHAIN_MAX);
    X509_VERIFY_PARAM_set_auth_level(parameters, 1);
    return X509_VERIFY_PARAM_set_flags(parameters, X509_V_FLAG_PARTIAL_CHAIN) == 1;
}

static int use_chain(X509_STORE_CTX *context, EVP_PKEY **out_key, int64_t *out_until,
                     struct error *err)
{
    const STACK_OF(X509) *chain = X509_STORE_CTX_get0_chain(context);
    int64_t until = INT64_MAX;
    EVP_PKEY *key;

    if (!is_strong(chain))
        return error_set(err, ERROR_INVALID, "certificate chain with an RSA key that is too short");
    for (int i = 0; i < sk_X509_num(chain); i++) {
        int64_t one = expiry(sk_X509_value(chain, i));

        until = one < until ? one : until;
    }
    key = X509_get_pubkey(sk_X509_value(chain, 0));
    if (key == NULL)
        return error_set(err, ERROR_INVALID, "leaf certificate with an unknown type of key");
    *out_key = key;
    *out_until = until;
    return 0;
}

int chain_verify(const cJSON *texts, X509_STORE *anchors, int64_t now_s, EVP_PKEY **out_key,
                 int64_t *out_until, struct error *err)
{
    STACK_OF(X509) *certificates = parse_all(texts, err);
    X509_STORE_CTX *context = X509_STORE_CTX_new();
    int result = -1;

    if (certificates != NULL && context != NULL &&
        X509_STORE_CTX_init(context, anchors, sk_X509_value(certificates, 0), certificates) == 1 &&
        prepare(context, now_s)) {
        if (X509_verify_cert(context) == 1)
            result = use_chain(context, out_key, out_until, err);
        else
            error_set(err, ERROR_INVALID, "unable to verify certificate chain: %s",
                      X509_verify_cert_error_string(X509_STORE_CTX_get_error(context)));
    } else if (certificates != NULL) {
        error_set(err, ERROR_INTERNAL, "no memory for a certificate chain");
    }
    X509_STORE_CTX_free(context);
    sk_X509_pop_free(certificates, X509_free);
    ERR_clear_error();
    return result;
}
