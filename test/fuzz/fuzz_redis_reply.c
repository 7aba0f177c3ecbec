/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz_redis_reply - any bytes as the answers of a Redis server: in one piece or in many, they mean
 * the same; what is taken as a descriptor is one.
 *
 * The first byte: how many replies are wanted, and in what pieces they come.
 */
#include "lib/cache/redis_keys.h"
#include "lib/redis/redis_reply.h"

#include <assert.h>
#include <string.h>

#include "lib/base/banned.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int feed(struct redis_replies *replies, struct span bytes, size_t piece)
{
    struct error err = ERROR_INIT;
    int rc = 0;

    while (rc == 0 && bytes.len > 0) {
        struct span next = span_make(bytes.data, bytes.len < piece ? bytes.len : piece);

        rc = redis_replies_feed(replies, next, &err);
        bytes = span_from(bytes, next.len);
    }
    assert((rc < 0) == (err.code != ERROR_NONE));
    return bytes.len > 0 && rc == 1 ? -1 : rc; /* more than was asked for */
}

static void look(const struct redis_replies *replies, const struct digest *canonical)
{
    struct span text;
    int64_t number;
    int64_t descriptor_size = -1;

    for (size_t i = 0; i <= replies->count; i++) {
        redis_reply_error(replies, i, &text);
        redis_reply_integer(replies, i, &number);
        redis_reply_text(replies, i, &text);
        for (size_t j = 0; j <= redis_reply_length(replies, i); j++)
            redis_reply_element(replies, i, j, &text);
        assert(redis_reply_length(replies, i) <= REDIS_ARRAY_LENGTH_MAX);
    }
    if (redis_keys_read(replies, canonical, &descriptor_size))
        assert(descriptor_size >= 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t wanted = size > 0 ? data[0] % 5 + 1 : 1;
    size_t piece = size > 0 ? data[0] / 5 % 8 + 1 : 1;
    struct span bytes = span_make(data + (size > 0), size - (size > 0));
    struct redis_replies whole;
    struct redis_replies pieces;
    struct digest canonical;

    digest_of(DIGEST_SHA256, SPAN(""), &canonical);
    redis_replies_init(&whole, wanted);
    redis_replies_init(&pieces, wanted);
    assert(feed(&whole, bytes, bytes.len) == feed(&pieces, bytes, piece));
    look(&whole, &canonical);
    look(&pieces, &canonical);
    redis_replies_fini(&whole);
    redis_replies_fini(&pieces);
    return 0;
}
