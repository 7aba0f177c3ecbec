/* SPDX-License-Identifier: Apache-2.0
 *
 * redis_keys - upstream's keys for descriptors in Redis, the commands on them, and their answers.
 * Private to lib/cache.
 *
 *     repository::<name>::blobs            set of digests that the repository has
 *     repository::<name>::blobs::<digest>  hash: mediatype, as that repository sees it
 *     blobs::<digest>                      hash: digest (canonical), size, mediatype
 *
 * Source: upstream's cache in Redis, as MONITOR shows it.
 */
#pragma once

#include "lib/oci/digest.h"
#include "lib/oci/reference.h"
#include "lib/redis/redis.h"

#define REDIS_KEYS_SIZE (sizeof("repository::::blobs::") + REPOSITORY_LEN_MAX + DIGEST_TEXT_SIZE)

/* What commands about one blob are made of; must stay where it is while they are used. */
struct redis_keys {
    char digest[DIGEST_TEXT_SIZE];
    char size[24];
    char blobs[REDIS_KEYS_SIZE];      /* repository::<name>::blobs */
    char blob[REDIS_KEYS_SIZE];       /* repository::<name>::blobs::<digest> */
    char descriptor[REDIS_KEYS_SIZE]; /* blobs::<digest> */
};

#define REDIS_KEYS_PUT_COUNT    4
#define REDIS_KEYS_FORGET_COUNT 3

void redis_keys_make(struct redis_keys *keys, const char *repository, const struct digest *digest,
                     int64_t size);

/* A short key of our own for the pair of @repository and @digest; @buffer holds what is lent. */
struct span redis_keys_pair(const char *repository, const struct digest *digest,
                            struct digest *buffer);

/* Each writes the commands to @out, REDIS_KEYS_..._COUNT of them; they lend from @keys. */
void redis_keys_put(const struct redis_keys *keys, struct redis_command *out);
void redis_keys_forget(const struct redis_keys *keys, struct redis_command *out);
void redis_keys_get(const struct redis_keys *keys, struct redis_command *out); /* one */

/* The size in the answer to redis_keys_get; false when there is none, or none that could be that of
 * @canonical. What others have written there is not trusted. */
bool redis_keys_read(const struct redis_replies *replies, const struct digest *canonical,
                     int64_t *out_size);
