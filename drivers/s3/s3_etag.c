/* SPDX-License-Identifier: Apache-2.0
 *
 * s3_etag - see s3_etag.h.
 */
#include "drivers/s3/s3_etag.h"

#include "lib/base/encode.h"

#include <openssl/evp.h>
#include <stdio.h>

#include "lib/base/banned.h"

#define MD5_SIZE 16

struct span s3_etag_bare(const char *etag)
{
    struct span text = span_of(etag);

    if (span_starts_with(text, SPAN("W/")))
        text = span_from(text, 2);
    if (text.len >= 2 && text.data[0] == '"' && text.data[text.len - 1] == '"')
        text = span_make(text.data + 1, text.len - 2);
    return text;
}

bool s3_etag_equals(const char *a, const char *b)
{
    return span_equals(s3_etag_bare(a), s3_etag_bare(b));
}

static bool add_parts(EVP_MD_CTX *context, const struct parts *parts)
{
    bool is_fine = EVP_DigestInit_ex(context, EVP_md5(), NULL) == 1;

    for (size_t i = 0; i < parts->count && is_fine; i++) {
        struct span hex = s3_etag_bare(parts->items[i].etag);
        uint8_t md5[MD5_SIZE];

        is_fine = hex.len == 2 * MD5_SIZE && decode_hex(hex, md5, sizeof(md5)) &&
                  EVP_DigestUpdate(context, md5, sizeof(md5)) == 1;
    }
    return is_fine;
}

static void make_up(const struct parts *parts, char out[S3_ETAG_SIZE])
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    unsigned char md5[EVP_MAX_MD_SIZE];
    char hex[2 * MD5_SIZE + 1];

    if (context != NULL && add_parts(context, parts) &&
        EVP_DigestFinal_ex(context, md5, NULL) == 1) {
        encode_hex(md5, MD5_SIZE, hex);
        snprintf(out, S3_ETAG_SIZE, "\"%s-%zu\"", hex, parts->count);
    }
    EVP_MD_CTX_free(context);
}

void s3_etag_of_answer(const char *told, const struct parts *parts, char out[S3_ETAG_SIZE])
{
    struct span text = s3_etag_bare(told != NULL ? told : "");

    out[0] = '\0';
    if (text.len == 0)
        make_up(parts, out);
    else if (text.len + sizeof("\"\"") <= S3_ETAG_SIZE)
        snprintf(out, S3_ETAG_SIZE, "\"%.*s\"", (int)text.len, text.data);
}
