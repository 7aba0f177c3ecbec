/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz_jwt - any bytes as a token, or as the JSON texts of one: what is taken apart is whole, its
 * claims grant what is in them, and only the one token that was signed verifies.
 *
 * Input: the first byte says which. 't': the rest is a token; else it is the header and, behind a
 * line end, the claims.
 */
#include "auth/token/trust.h"
#include "lib/base/encode.h"

#include <assert.h>

#include "lib/base/banned.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Signed by the key of the private scalar 1234567890abcdef, four times; for tests only. */
static const char trusted[] = "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"test\","
                              "\"x\":\"Rxw-dYxJBChbun5TEY7Q9SSt6wdX0lvS-Oew1236cUw\","
                              "\"y\":\"3VIPesqKi5F6zDf1HejwybvjrYWDgucC3CWhLQn3qFg\"}]}";

static const char certificate[] =
    "-----BEGIN CERTIFICATE-----\n"
    "MIIBLzCB1qADAgECAgEBMAoGCCqGSM49BAMCMBYxFDASBgNVBAMMC3Rlc3QtaXNz\n"
    "dWVyMCAXDTIwMDEwMTAwMDAwMFoYDzIwOTkwMTAxMDAwMDAwWjAWMRQwEgYDVQQD\n"
    "DAt0ZXN0LWlzc3VlcjBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABEccPnWMSQQo\n"
    "W7p+UxGO0PUkresHV9Jb0vjnsNdt+nFM3VIPesqKi5F6zDf1HejwybvjrYWDgucC\n"
    "3CWhLQn3qFijEzARMA8GA1UdEwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDSAAwRQIh\n"
    "ALWXRrJ2hQbhfW7Riwbqhddlhnd5dlTNN3//mE+Y7fDPAiABBKvZ6v7UzjP1nHrS\n"
    "YyLooJ3oKWotVBMJxm6+X7Wh1A==\n"
    "-----END CERTIFICATE-----\n";

static const char signed_by_it[] =
    "eyJ0eXAiOiAiSldUIiwgImFsZyI6ICJFUzI1NiIsICJraWQiOiAiWVRNUjpDUVpEOkJVWlE6UEFFUTo1V0U0OkVCWTY6"
    "WENUMzo0S1MyOkg0Ulk6WlBOSzpGNkZTOlBIMksifQ.eyJpc3MiOiAidGVzdC1pc3N1ZXIiLCAic3ViIjogImFsaWNlI"
    "iwgImF1ZCI6ICJyZWdpc3RyeS50ZXN0IiwgImV4cCI6IDQwMDAwMDAwMDAsICJuYmYiOiAxNjAwMDAwMDAwLCAiaWF0I"
    "jogMTYwMDAwMDAwMCwgImp0aSI6ICJpZC0xIiwgImFjY2VzcyI6IFt7InR5cGUiOiAicmVwb3NpdG9yeSIsICJuYW1lI"
    "jogImxpYnJhcnkvYnVzeWJveCIsICJhY3Rpb25zIjogWyJwdWxsIl19XX0";

static struct keys *keys(void)
{
    static struct keys *made;
    auto_str warnings = STR_INIT(KEYS_WARNINGS_MAX);
    auto_str json = STR_INIT(sizeof(trusted));
    struct error err = ERROR_INIT;

    if (made == NULL) {
        str_append_text(&json, trusted);
        made = keys_new();
        assert(keys_add_bundle(made, span_of(certificate), &warnings, &err) == 0);
        assert(keys_add_jwks(made, &json, &warnings, &err) == 0 && keys_count(made) == 2);
    }
    return made;
}

static void check_grants(const struct claims *claims)
{
    for (size_t i = 0; i < claims->grant_count; i++) {
        const struct claims_grant *grant = &claims->grants[i];
        struct access_request request = {0};

        assert(grant->type != NULL && grant->name != NULL && grant->action != NULL);
        access_request_add(&request, grant->type, grant->name, grant->action);
        assert(claims_allow(claims, &request));
    }
}

static void check_trust(const struct jwt *jwt)
{
    struct error err = ERROR_INIT;
    struct trust trust;
    bool is_unknown;
    int64_t until;

    if (trust_prepare(keys(), jwt, SIGNATURE_ALL, &trust, &is_unknown, &err) < 0) {
        assert(err.code == ERROR_INVALID && err.message[0] != '\0');
        return;
    }
    assert(jwt->signature.len > 0 && (trust.key != NULL) != (trust.chain != NULL));
    if (trust_verify(&trust, 1800000000, &until, &err) == 0)
        assert(span_is(jwt->signed_part, signed_by_it));
    else
        assert(err.code == ERROR_INVALID && err.message[0] != '\0');
}

static void check_token(struct span token)
{
    struct error err = ERROR_INIT;
    auto_jwt jwt;

    if (jwt_parse(token, &jwt, &err) < 0) {
        assert(err.code == ERROR_INVALID && err.message[0] != '\0');
        return;
    }
    assert(token.len <= JWT_MAX && jwt.signed_part.len < token.len);
    if (claims_check(jwt.claims, "test-issuer", "registry.test", 1800000000, &err) < 0)
        assert(err.code == ERROR_INVALID && err.message[0] != '\0');
    check_grants(jwt.claims);
    check_trust(&jwt);
}

static void check_texts(struct span texts)
{
    auto_str token = STR_INIT(4 * texts.len + 256);
    struct span header = span_cut(&texts, '\n');

    encode_base64url_bare(&token, header);
    str_append_char(&token, '.');
    encode_base64url_bare(&token, texts);
    str_append_text(&token, "."); /* of 64 bytes, as for ES256 */
    encode_base64url_bare(&token, span_make(trusted, 64));
    assert(!str_overflowed(&token));
    check_token(str_span(&token));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    if (data[0] == 't')
        check_token(span_make(data + 1, size - 1));
    else
        check_texts(span_make(data + 1, size - 1));
    return 0;
}
