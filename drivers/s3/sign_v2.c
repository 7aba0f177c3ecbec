/* SPDX-License-Identifier: Apache-2.0
 *
 * sign_v2 - see sign_v2.h.
 */
#include "drivers/s3/sign_v2.h"

#include "lib/base/encode.h"

#include <assert.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>

#include "lib/base/banned.h"

#define SIGNED_MAX (64 << 10) /* bytes of all that is signed */

/* Parameters of the query that name what the request is about, and so are signed. */
static const char *const subresources[] = {
    "acl",          "cors",    "delete",     "lifecycle",      "location", "logging",
    "notification", "policy",  "partNumber", "requestPayment", "tagging",  "torrent",
    "uploadId",     "uploads", "versionId",  "versioning",     "versions", "website",
};

void sign_v2_date(time_t at, char out[SIGN_V2_DATE_SIZE])
{
    struct tm tm;

    gmtime_r(&at, &tm);
    strftime(out, SIGN_V2_DATE_SIZE, "%a, %d %b %Y %H:%M:%S GMT", &tm);
}

static const char *header_value(const struct sign_request *request, const char *name)
{
    for (size_t i = 0; i < request->header_count; i++) {
        if (strcmp(request->headers[i].name, name) == 0)
            return request->headers[i].value;
    }
    return "";
}

static bool is_subresource(struct span name)
{
    for (size_t i = 0; i < array_count(subresources); i++) {
        if (span_is(name, subresources[i]))
            return true;
    }
    return span_starts_with(name, SPAN("response-"));
}

/* The query is sorted already; a parameter without value has no equals sign here. */
static void append_subresources(struct span query, struct str *out)
{
    char separator = '?';

    while (query.len > 0) {
        struct span value = span_cut(&query, '&');
        struct span name = span_cut(&value, '=');

        if (!is_subresource(name))
            continue;
        str_append_char(out, separator);
        separator = '&';
        str_append(out, name);
        if (value.len == 0)
            continue;
        str_append_char(out, '=');
        if (!decode_percent(out, value, false))
            str_append(out, value);
    }
}

static void append_signature(const struct sign_key *key, struct span text, struct str *out)
{
    unsigned char mac[SHA_DIGEST_LENGTH];
    unsigned char encoded[4 * ((SHA_DIGEST_LENGTH + 2) / 3) + 1];
    const unsigned char *done = HMAC(EVP_sha1(), key->secret_key, (int)strlen(key->secret_key),
                                     (const unsigned char *)text.data, text.len, mac, NULL);

    assert(done != NULL);
    (void)done;
    EVP_EncodeBlock(encoded, mac, sizeof(mac));
    str_append_text(out, (const char *)encoded);
}

void sign_v2_authorization(const struct sign_key *key, const struct sign_request *request,
                           struct span resource, struct str *out)
{
    auto_str text = STR_INIT(SIGNED_MAX);

    str_append_format(&text, "%s\n%s\n%s\n%s\n", request->method,
                      header_value(request, "content-md5"), header_value(request, "content-type"),
                      request->date);
    for (size_t i = 0; i < request->header_count; i++) {
        struct span value = span_trim(span_of(request->headers[i].value));

        if (span_starts_with(span_of(request->headers[i].name), SPAN("x-amz-")))
            str_append_format(&text, "%s:%.*s\n", request->headers[i].name, SPAN_ARGS(value));
    }
    str_append(&text, resource);
    append_subresources(request->query, &text);
    str_append_format(out, "AWS %s:", key->access_key);
    append_signature(key, str_span(&text), out);
}

void sign_v2_presign(const struct sign_key *key, const char *method, struct span resource,
                     time_t expires_at, struct str *out)
{
    auto_str text = STR_INIT(SIGNED_MAX);
    auto_str signature = STR_INIT(64);
    bool has_token = key->token != NULL && key->token[0] != '\0';

    str_append_format(&text, "%s\n\n\n%lld\n", method, (long long)expires_at);
    if (has_token)
        str_append_format(&text, "x-amz-security-token:%s\n", key->token);
    str_append(&text, resource);
    append_signature(key, str_span(&text), &signature);
    str_append_text(out, "AWSAccessKeyId=");
    sign_encode(out, span_of(key->access_key), false);
    str_append_format(out, "&Expires=%lld&Signature=", (long long)expires_at);
    sign_encode(out, str_span(&signature), false);
    if (has_token) {
        str_append_text(out, "&x-amz-security-token=");
        sign_encode(out, span_of(key->token), false);
    }
}
