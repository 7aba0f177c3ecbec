/* SPDX-License-Identifier: Apache-2.0
 *
 * redis_pool - see redis_pool.h.
 */
#include "lib/redis/redis_pool.h"

#include "lib/base/clock.h"
#include "lib/base/memory.h"

#include "lib/base/banned.h"

struct redis_idle {
    struct redis_link *link;
    int64_t since; /* monotonic, ms */
    TAILQ_ENTRY(redis_idle) entry;
};

void redis_pool_init(struct redis_pool *pool, const struct redis_options *options)
{
    *pool = (struct redis_pool){.options = options};
    TAILQ_INIT(&pool->idle);
}

static struct redis_link *unlist(struct redis_pool *pool, struct redis_idle *idle)
{
    struct redis_link *link = idle->link;

    TAILQ_REMOVE(&pool->idle, idle, entry);
    pool->idle_count--;
    free(idle);
    return link;
}

/* The oldest come last. */
static void drop_old(struct redis_pool *pool)
{
    int64_t limit = clock_monotonic_ms() - pool->options->idle_ms;
    struct redis_idle *last;

    while (pool->options->idle_ms > 0 && (last = TAILQ_LAST(&pool->idle, redis_idles)) != NULL &&
           last->since < limit)
        redis_pool_drop(pool, unlist(pool, last));
}

void redis_pool_clear(struct redis_pool *pool)
{
    while (!TAILQ_EMPTY(&pool->idle))
        redis_pool_drop(pool, unlist(pool, TAILQ_FIRST(&pool->idle)));
}

struct redis_link *redis_pool_take(struct redis_pool *pool)
{
    struct redis_link *link;

    drop_old(pool);
    while (!TAILQ_EMPTY(&pool->idle)) {
        link = unlist(pool, TAILQ_FIRST(&pool->idle));
        if (is_redis_link_usable(link))
            return link;
        redis_pool_drop(pool, link);
    }
    return NULL;
}

bool redis_pool_reserve(struct redis_pool *pool)
{
    if (pool->options->active_max > 0 && pool->open_count >= pool->options->active_max)
        return false;
    pool->open_count++;
    return true;
}

void redis_pool_put(struct redis_pool *pool, struct redis_link *link)
{
    struct redis_idle *idle;

    if (pool->idle_count >= pool->options->idle_max || !is_redis_link_usable(link)) {
        redis_pool_drop(pool, link);
        return;
    }
    idle = xcalloc(1, sizeof(*idle));
    idle->link = link;
    idle->since = clock_monotonic_ms();
    TAILQ_INSERT_HEAD(&pool->idle, idle, entry);
    pool->idle_count++;
    drop_old(pool);
}

void redis_pool_drop(struct redis_pool *pool, struct redis_link *link)
{
    pool->open_count--;
    if (link != NULL)
        redis_link_close(link);
}
