/* SPDX-License-Identifier: Apache-2.0
 *
 * redis_keys - see redis_keys.h.
 */
#include "lib/cache/redis_keys.h"

#include <inttypes.h>
#include <stdio.h>

#include "lib/base/banned.h"

#define MEDIA_TYPE "application/octet-stream"
#define DIGITS_MAX 18 /* of a size; always fit an int64_t */

void redis_keys_make(struct redis_keys *keys, const char *repository, const struct digest *digest,
                     int64_t size)
{
    digest_format(digest, keys->digest);
    snprintf(keys->size, sizeof(keys->size), "%" PRId64, size);
    snprintf(keys->blobs, sizeof(keys->blobs), "repository::%s::blobs", repository);
    snprintf(keys->blob, sizeof(keys->blob), "repository::%s::blobs::%s", repository, keys->digest);
    snprintf(keys->descriptor, sizeof(keys->descriptor), "blobs::%s", keys->digest);
}

struct span redis_keys_pair(const char *repository, const struct digest *digest,
                            struct digest *buffer)
{
    char text[REPOSITORY_LEN_MAX + 2 + DIGEST_TEXT_SIZE];
    char digest_text[DIGEST_TEXT_SIZE];

    snprintf(text, sizeof(text), "%s %s", repository, digest_format(digest, digest_text));
    digest_of(DIGEST_SHA256, span_of(text), buffer);
    return span_make(buffer->bytes, digest_size(DIGEST_SHA256));
}

#define COMMAND(...)                                                                               \
    ((struct redis_command){                                                                       \
        {__VA_ARGS__},                                                                             \
        sizeof((struct span[]){__VA_ARGS__}) / sizeof(struct span),                                \
    })

void redis_keys_put(const struct redis_keys *keys, struct redis_command *out)
{
    struct span digest = span_of(keys->digest);
    struct span descriptor = span_of(keys->descriptor);

    out[0] = COMMAND(SPAN("SADD"), span_of(keys->blobs), digest);
    out[1] = COMMAND(SPAN("HMSET"), descriptor, SPAN("digest"), digest, SPAN("size"),
                     span_of(keys->size));
    out[2] = COMMAND(SPAN("HSETNX"), descriptor, SPAN("mediatype"), SPAN(MEDIA_TYPE));
    out[3] = COMMAND(SPAN("HSET"), span_of(keys->blob), SPAN("mediatype"), SPAN(MEDIA_TYPE));
}

void redis_keys_forget(const struct redis_keys *keys, struct redis_command *out)
{
    out[0] = COMMAND(SPAN("HDEL"), span_of(keys->descriptor), SPAN("digest"), SPAN("size"),
                     SPAN("mediatype"));
    out[1] = COMMAND(SPAN("SREM"), span_of(keys->blobs), span_of(keys->digest));
    out[2] = COMMAND(SPAN("HDEL"), span_of(keys->blob), SPAN("mediatype"));
}

void redis_keys_get(const struct redis_keys *keys, struct redis_command *out)
{
    out[0] = COMMAND(SPAN("HMGET"), span_of(keys->descriptor), SPAN("digest"), SPAN("size"),
                     SPAN("mediatype"));
}

static bool parse_size(struct span text, int64_t *out)
{
    int64_t size = 0;

    if (text.len == 0 || text.len > DIGITS_MAX || (text.data[0] == '0' && text.len > 1))
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
        size = size * 10 + (text.data[i] - '0');
    }
    *out = size;
    return true;
}

bool redis_keys_read(const struct redis_replies *replies, const struct digest *canonical,
                     int64_t *out_size)
{
    struct digest digest;
    struct span text;

    return redis_reply_length(replies, 0) == 3 && redis_reply_element(replies, 0, 0, &text) &&
           digest_parse(text, &digest) && digest_equals(&digest, canonical) &&
           redis_reply_element(replies, 0, 1, &text) && parse_size(text, out_size);
}
