/* SPDX-License-Identifier: Apache-2.0
 *
 * sign - see sign.h.
 */
#include "drivers/s3/sign.h"

#include "lib/base/ascii.h"
#include "lib/base/encode.h"
#include "lib/base/mac.h"

#include <openssl/sha.h>
#include <stdio.h>

#include "lib/base/banned.h"

#define ALGORITHM     "AWS4-HMAC-SHA256"
#define CANONICAL_MAX (64 << 10) /* bytes of all that is signed */
#define SCOPE_MAX     160
#define DAY_LEN       8 /* "20130524" */

void sign_date(time_t at, char out[SIGN_DATE_SIZE])
{
    struct tm tm;

    gmtime_r(&at, &tm);
    strftime(out, SIGN_DATE_SIZE, "%Y%m%dT%H%M%SZ", &tm);
}

void sign_hash(struct span data, char out[SIGN_HASH_SIZE])
{
    unsigned char digest[SHA256_DIGEST_LENGTH];

    SHA256((const unsigned char *)(data.len > 0 ? data.data : ""), data.len, digest);
    encode_hex(digest, sizeof(digest), out);
}

void sign_encode(struct str *out, struct span text, bool keep_slashes)
{
    const char *kept = keep_slashes ? "-._~/" : "-._~";

    for (size_t i = 0; i < text.len; i++) {
        if (is_ascii_alnum_or(text.data[i], kept))
            str_append_char(out, text.data[i]);
        else
            str_append_format(out, "%%%02X", (unsigned)(unsigned char)text.data[i]);
    }
}

/* "20130524/us-east-1/s3/aws4_request" */
static void append_scope(const struct sign_key *key, const char *date, struct str *out)
{
    str_append_format(out, "%.*s/%s/s3/aws4_request", DAY_LEN, date, key->region);
}

static void append_header_names(const struct sign_request *request, struct str *out)
{
    for (size_t i = 0; i < request->header_count; i++)
        str_append_format(out, "%s%s", i > 0 ? ";" : "", request->headers[i].name);
}

static void append_canonical(const struct sign_request *request, struct str *out)
{
    str_append_format(out, "%s\n", request->method);
    str_append(out, request->path);
    str_append_char(out, '\n');
    str_append(out, request->query);
    str_append_char(out, '\n');
    for (size_t i = 0; i < request->header_count; i++) {
        struct span value = span_trim(span_of(request->headers[i].value));

        str_append_format(out, "%s:%.*s\n", request->headers[i].name, SPAN_ARGS(value));
    }
    str_append_char(out, '\n');
    append_header_names(request, out);
    str_append_format(out, "\n%s", request->payload_hash);
}

/* The key of one day, region and service. */
static struct mac signing_key(const struct sign_key *key, const char *date)
{
    auto_str secret = STR_INIT(1024);
    struct mac mac;

    str_append_format(&secret, "AWS4%s", key->secret_key);
    mac = mac_of(str_span(&secret), span_make(date, DAY_LEN));
    mac = mac_of(mac_span(&mac), span_of(key->region));
    mac = mac_of(mac_span(&mac), SPAN("s3"));
    return mac_of(mac_span(&mac), SPAN("aws4_request"));
}

static void append_signature(const struct sign_key *key, const struct sign_request *request,
                             struct str *out)
{
    auto_str canonical = STR_INIT(CANONICAL_MAX);
    auto_str text = STR_INIT(SCOPE_MAX + 256);
    char hash[SIGN_HASH_SIZE];
    char signature[SIGN_HASH_SIZE];
    struct mac mac = signing_key(key, request->date);

    append_canonical(request, &canonical);
    sign_hash(str_span(&canonical), hash);
    str_append_format(&text, ALGORITHM "\n%s\n", request->date);
    append_scope(key, request->date, &text);
    str_append_format(&text, "\n%s", hash);
    mac = mac_of(mac_span(&mac), str_span(&text));
    encode_hex(mac.bytes, sizeof(mac.bytes), signature);
    str_append_text(out, signature);
}

void sign_authorization(const struct sign_key *key, const struct sign_request *request,
                        struct str *out)
{
    str_append_format(out, ALGORITHM " Credential=%s/", key->access_key);
    append_scope(key, request->date, out);
    str_append_text(out, ",SignedHeaders=");
    append_header_names(request, out);
    str_append_text(out, ",Signature=");
    append_signature(key, request, out);
}

static void append_parameter(struct str *out, const char *name, struct span value)
{
    str_append_format(out, "%s%s=", out->len > 0 ? "&" : "", name);
    sign_encode(out, value, false);
}

void sign_presign(const struct sign_key *key, const char *method, const char *host,
                  struct span path, const char *date, int expires_s, struct str *out)
{
    struct sign_header header = {"host", host};
    auto_str query = STR_INIT(CANONICAL_MAX);
    auto_str credential = STR_INIT(SCOPE_MAX + 256);
    char expires[16];

    str_append_format(&credential, "%s/", key->access_key);
    append_scope(key, date, &credential);
    snprintf(expires, sizeof(expires), "%d", expires_s);
    append_parameter(&query, "X-Amz-Algorithm", SPAN(ALGORITHM));
    append_parameter(&query, "X-Amz-Credential", str_span(&credential));
    append_parameter(&query, "X-Amz-Date", span_of(date));
    append_parameter(&query, "X-Amz-Expires", span_of(expires));
    if (key->token != NULL && key->token[0] != '\0')
        append_parameter(&query, "X-Amz-Security-Token", span_of(key->token));
    append_parameter(&query, "X-Amz-SignedHeaders", SPAN("host"));
    str_append(out, str_span(&query));
    str_append_text(out, "&X-Amz-Signature=");
    append_signature(key,
                     &(struct sign_request){.method = method,
                                            .path = path,
                                            .query = str_span(&query),
                                            .headers = &header,
                                            .header_count = 1,
                                            .payload_hash = SIGN_UNSIGNED,
                                            .date = date},
                     out);
}
