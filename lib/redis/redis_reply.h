/* SPDX-License-Identifier: Apache-2.0
 *
 * redis_reply - the answers of a server: bytes in, a bounded number of replies out. What a server
 * says is not trusted: sizes, depth and kinds are limited before memory is spent.
 *
 * Source: Redis serialization protocol, version 2.
 */
#pragma once

#include "lib/base/error.h"
#include "lib/base/span.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REDIS_REPLIES_MAX      512
#define REDIS_REPLY_BYTES_MAX  (256 * 1024) /* of all answers to one call */
#define REDIS_ARRAY_LENGTH_MAX 64

struct redisReader;
struct redisReply;

/* The answers to one call, in the making or complete. */
struct redis_replies {
    struct redisReader *reader; /* owned */
    struct redisReply *items[REDIS_REPLIES_MAX];
    size_t count;
    size_t wanted;
    size_t fed; /* bytes */
};

/* @wanted: 1..REDIS_REPLIES_MAX. */
void redis_replies_init(struct redis_replies *replies, size_t wanted);
void redis_replies_fini(struct redis_replies *replies); /* all zero is fine */

/* Takes the next bytes of the stream. 1: all replies are there, and nothing follows them; 0: more
 * is needed; -1: this is not an answer we can use. Errors: UNAVAILABLE. */
must_check int redis_replies_feed(struct redis_replies *replies, struct span bytes,
                                  struct error *err);

/* The text of an error reply, lent; false when reply @index is no error. */
bool redis_reply_error(const struct redis_replies *replies, size_t index, struct span *out);

/* False when reply @index is of another kind; @out untouched then. Texts are lent. */
bool redis_reply_integer(const struct redis_replies *replies, size_t index, int64_t *out);
bool redis_reply_text(const struct redis_replies *replies, size_t index, struct span *out);
size_t redis_reply_length(const struct redis_replies *replies, size_t index); /* 0: no array */
bool redis_reply_element(const struct redis_replies *replies, size_t index, size_t element,
                         struct span *out);
