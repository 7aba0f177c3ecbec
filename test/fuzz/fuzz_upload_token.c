/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz_upload_token - any bytes as a token, and as the message of a genuine one: what is read can
 * be written and read again.
 */
#include "lib/api/upload_token.h"
#include "lib/base/encode.h"

#include <assert.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

#include "lib/base/banned.h"

#define SECRET SPAN("secret")

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A genuine token around any message. */
static void seal(struct str *out, struct span message)
{
    auto_str bytes = STR_INIT(message.len + EVP_MAX_MD_SIZE);
    unsigned char mac[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    struct span secret = SECRET;

    HMAC(EVP_sha256(), secret.data, (int)secret.len, (const unsigned char *)message.data,
         message.len, mac, &len);
    str_append(&bytes, span_make(mac, len));
    str_append(&bytes, message);
    encode_base64url(out, str_span(&bytes));
}

static void check_again(const struct upload_token *token)
{
    auto_str text = STR_INIT(8 * UPLOAD_TOKEN_MAX);
    struct error err = ERROR_INIT;
    struct upload_token again;

    assert(strlen(token->repository) <= REPOSITORY_LEN_MAX && strlen(token->uuid) <= UUID_LEN);
    assert(token->offset >= 0);
    assert(!token->seal.is_there || token->seal.digest.algorithm == DIGEST_SHA256);
    upload_token_format(&text, SECRET, token);
    if (text.len > UPLOAD_TOKEN_MAX ||
        upload_token_parse(str_span(&text), SECRET, &again, &err) < 0)
        return; /* names that no repository has may not survive: bytes that are not UTF-8, years */
    assert(again.offset == token->offset);
    assert(again.seal.is_there == token->seal.is_there);
    assert(!again.seal.is_there || upload_seal_equals(&again.seal, &token->seal));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span input = span_make(data, size);
    auto_str sealed = STR_INIT(4 * size + 256);
    struct error err = ERROR_INIT;
    struct upload_token token;

    if (upload_token_parse(input, SECRET, &token, &err) == 0)
        check_again(&token);
    seal(&sealed, input);
    err = ERROR_INIT;
    if (upload_token_parse(str_span(&sealed), SECRET, &token, &err) == 0)
        check_again(&token);
    else
        assert(err.code == ERROR_UPLOAD_INVALID);
    return 0;
}
