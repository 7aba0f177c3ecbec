/* SPDX-License-Identifier: Apache-2.0
 *
 * redis_pool - connections that are kept for the next call. Private to lib/redis.
 */
#pragma once

#include "lib/redis/redis_link.h"

struct redis_idle;

struct redis_pool {
    const struct redis_options *options;      /* lent */
    TAILQ_HEAD(redis_idles, redis_idle) idle; /* the one used last comes first */
    size_t idle_count;
    size_t open_count; /* idle ones and those in use */
};

void redis_pool_init(struct redis_pool *pool, const struct redis_options *options);
void redis_pool_clear(struct redis_pool *pool); /* closes the idle ones */

/* One that looks alive, NULL without. Given: redis_pool_put or redis_pool_drop. */
struct redis_link *redis_pool_take(struct redis_pool *pool);

/* Room for one more connection: it counts from now on, until it is put or dropped. */
bool redis_pool_reserve(struct redis_pool *pool);

void redis_pool_put(struct redis_pool *pool, struct redis_link *link);  /* taken */
void redis_pool_drop(struct redis_pool *pool, struct redis_link *link); /* taken; NULL: none came */
