/* SPDX-License-Identifier: Apache-2.0
 *
 * descriptor_cache - see descriptor_cache.h: which of the two it is, and what is counted.
 */
#include "lib/cache/descriptor_cache.h"

#include "lib/base/log.h"
#include "lib/base/lru.h"
#include "lib/base/memory.h"
#include "lib/cache/redis_cache.h"
#include "lib/config/config.h"
#include "lib/metrics/metrics.h"

#include <string.h>

#include "lib/base/banned.h"

#define ENTRIES_MAX 1000000

struct descriptor_cache {
    struct lru *memory; /* sizes by digest; one of these two, the other NULL */
    struct redis_cache *redis;
    uint64_t moment;
};

static struct metric_family lookups =
    METRIC_COUNTER("registry_storage_cache_total", "The number of cache request received", "type");

static void count(const char *type)
{
    metric_add(metric_series(&lookups, type), 1);
}

/* ---- birth and death ---- */

/* As upstream: the old name counts where the new one says nothing. */
static const char *wanted(const struct config *config)
{
    return config->storage.cache.descriptors[0] != '\0' ? config->storage.cache.descriptors
                                                        : config->storage.cache.layer_info;
}

static size_t capacity_of(const struct config *config)
{
    int64_t entries = config->storage.cache.entries_max;

    return entries > 0 && entries < ENTRIES_MAX ? (size_t)entries : ENTRIES_MAX;
}

int descriptor_cache_open(const struct config *config, struct descriptor_cache **out,
                          struct error *err)
{
    const char *kind = wanted(config);
    struct redis_cache *redis = NULL;
    struct descriptor_cache *cache;

    *out = NULL;
    if (kind[0] == '\0')
        return 0;
    if (strcmp(kind, "redis") != 0 && strcmp(kind, "inmemory") != 0) {
        log_warn("unknown cache type \"%s\", caching disabled", kind);
        return 0;
    }
    if (strcmp(kind, "redis") == 0 &&
        redis_cache_open(config, capacity_of(config), &redis, err) < 0)
        return -1;
    cache = xcalloc(1, sizeof(*cache));
    cache->redis = redis;
    if (redis == NULL)
        cache->memory = lru_new(
            &(struct lru_options){.value_size = sizeof(int64_t), .count_max = capacity_of(config)});
    log_info("using %s blob descriptor cache", kind);
    *out = cache;
    return 0;
}

void descriptor_cache_close(struct descriptor_cache *cache)
{
    if (cache == NULL)
        return;
    lru_free(cache->memory);
    redis_cache_close(cache->redis);
    free(cache);
}

void descriptor_cache_start(struct descriptor_cache *cache)
{
    if (cache != NULL && cache->redis != NULL)
        redis_cache_start(cache->redis);
}

void descriptor_cache_stop(struct descriptor_cache *cache)
{
    if (cache != NULL && cache->redis != NULL)
        redis_cache_stop(cache->redis);
}

/* ---- what it remembers ---- */

/* The length tells the algorithm. */
static struct span key_of(const struct digest *digest)
{
    return span_make(digest->bytes, digest_size(digest->algorithm));
}

static bool recall(struct descriptor_cache *cache, const struct digest *digest, int64_t *out_size)
{
    const int64_t *size = lru_find(cache->memory, key_of(digest));

    if (size == NULL)
        return false;
    *out_size = *size;
    return true;
}

bool descriptor_cache_get(struct descriptor_cache *cache, const char *repository,
                          const struct digest *canonical, int64_t *out_size)
{
    bool is_known;

    if (cache == NULL)
        return false;
    count("Request");
    is_known = cache->redis != NULL ? redis_cache_get(cache->redis, repository, canonical, out_size)
                                    : recall(cache, canonical, out_size);
    count(is_known ? "Hit" : "Miss");
    return is_known;
}

uint64_t descriptor_cache_moment(const struct descriptor_cache *cache)
{
    return cache != NULL ? cache->moment : 0;
}

void descriptor_cache_put(struct descriptor_cache *cache, uint64_t moment, const char *repository,
                          const struct digest *canonical, int64_t size)
{
    if (cache == NULL || cache->moment != moment)
        return;
    if (cache->redis != NULL)
        redis_cache_put(cache->redis, repository, canonical, size);
    else
        lru_put(cache->memory, key_of(canonical), &size);
}

void descriptor_cache_forget(struct descriptor_cache *cache, const char *repository,
                             const struct digest *digest)
{
    if (cache == NULL)
        return;
    cache->moment++;
    if (cache->redis != NULL)
        redis_cache_forget(cache->redis, repository, digest);
    else
        lru_remove(cache->memory, key_of(digest));
}
