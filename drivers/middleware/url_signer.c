/* SPDX-License-Identifier: Apache-2.0
 *
 * url_signer - see url_signer.h.
 */
#include "drivers/middleware/url_signer.h"

#include "lib/base/encode.h"
#include "lib/base/memory.h"
#include "lib/storage/middleware.h"
#include "lib/task/offload.h"

#include <errno.h>
#include <inttypes.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdlib.h>

#include "lib/base/banned.h"

#define SIGNATURE_MAX 2048 /* bytes: a key of 16384 bits */

struct url_signer {
    EVP_PKEY *key;
    char *key_pair_id;
};

/* ---- the key ---- */

/* Never asks on the terminal. */
static int no_pass_phrase(char *buffer, int size, int is_writing, void *arg)
{
    (void)buffer, (void)size, (void)is_writing, (void)arg;
    return -1;
}

static bool is_usable(const EVP_PKEY *key)
{
    return key != NULL && EVP_PKEY_base_id(key) == EVP_PKEY_RSA &&
           EVP_PKEY_size(key) <= SIGNATURE_MAX;
}

static int read_key(const char *file, EVP_PKEY **out, struct error *err)
{
    BIO *bio = BIO_new_file(file, "r");
    int sys = errno;
    EVP_PKEY *key;

    ERR_clear_error();
    if (bio == NULL)
        return error_set_sys(err, sys, "failed to read privatekey file: open %s", file);
    key = PEM_read_bio_PrivateKey(bio, NULL, no_pass_phrase, NULL);
    BIO_free(bio);
    ERR_clear_error();
    if (!is_usable(key)) {
        EVP_PKEY_free(key);
        return error_set(err, ERROR_INVALID,
                         "failed to decode private key as an rsa private key: %s", file);
    }
    *out = key;
    return 0;
}

int url_signer_new(const char *key_file, const char *key_pair_id, struct url_signer **out,
                   struct error *err)
{
    EVP_PKEY *key = NULL;

    if (read_key(key_file, &key, err) < 0)
        return -1;
    *out = xcalloc(1, sizeof(**out));
    (*out)->key = key;
    (*out)->key_pair_id = xstrdup(key_pair_id);
    return 0;
}

void url_signer_free(struct url_signer *signer)
{
    if (signer == NULL)
        return;
    EVP_PKEY_free(signer->key);
    free(signer->key_pair_id);
    free(signer);
}

/* ---- signing ---- */

struct signing {
    EVP_PKEY *key;
    struct span policy;
    unsigned char signature[SIGNATURE_MAX];
    size_t len;
};

/* On a helper thread: half a millisecond and more of arithmetic. */
static int sign_policy(void *arg, struct error *err)
{
    struct signing *signing = arg;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool is_signed;

    signing->len = sizeof(signing->signature);
    is_signed =
        context != NULL && EVP_DigestSignInit(context, NULL, EVP_sha1(), NULL, signing->key) == 1 &&
        EVP_DigestSign(context, signing->signature, &signing->len,
                       (const unsigned char *)signing->policy.data, signing->policy.len) == 1;
    EVP_MD_CTX_free(context);
    ERR_clear_error();
    if (!is_signed)
        return error_set(err, ERROR_INTERNAL, "cannot sign a URL with RSA and SHA-1");
    return 0;
}

/* Base64 with `-`, `_` and `~` where it has `+`, `=` and `/`. */
static void append_signature(struct str *out, const struct signing *signing)
{
    auto_str text = STR_INIT(2 * SIGNATURE_MAX);

    encode_base64url(&text, span_make(signing->signature, signing->len));
    for (size_t i = 0; i < text.len; i++) {
        char c = text.data[i];

        str_append_char(out, c == '_' ? '~' : c == '=' ? '_' : c);
    }
}

int url_signer_sign(const struct url_signer *signer, const char *url, int64_t expires_at,
                    struct str *out, struct error *err)
{
    auto_str policy = STR_INIT(STORE_URL_MAX + 256);
    struct signing signing = {.key = signer->key};

    str_append_format(&policy,
                      "{\"Statement\":[{\"Resource\":\"%s\",\"Condition\":{\"DateLessThan\":"
                      "{\"AWS:EpochTime\":%" PRId64 "}}}]}",
                      url, expires_at);
    if (str_overflowed(&policy))
        return error_set(err, ERROR_INTERNAL, "a URL too long to sign");
    signing.policy = str_span(&policy);
    if (offload(sign_policy, &signing, err) < 0)
        return -1;
    str_append_format(out, "%s?Expires=%" PRId64 "&Signature=", url, expires_at);
    append_signature(out, &signing);
    str_append_text(out, "&Key-Pair-Id=");
    encode_query(out, span_of(signer->key_pair_id));
    return 0;
}
