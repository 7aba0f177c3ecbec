/* SPDX-License-Identifier: Apache-2.0
 *
 * memory_cache - see memory_cache.h. A table of chains; a list orders the entries by use.
 */
#include "lib/cache/memory_cache.h"

#include "lib/base/memory.h"

#include <string.h>
#include <sys/queue.h>
#include <sys/random.h>

#include "lib/base/banned.h"

struct entry {
    struct digest digest;
    int64_t size;
    LIST_ENTRY(entry) chain;
    TAILQ_ENTRY(entry) use;
};

LIST_HEAD(chain, entry);

struct memory_cache {
    struct chain *chains;         /* owned */
    unsigned shift;               /* 64 less the bits of a chain's number */
    uint64_t factor;              /* random: nobody can choose digests that share a chain */
    TAILQ_HEAD(uses, entry) uses; /* used last comes first */
    size_t count;
    size_t capacity;
};

static struct chain *chain_of(const struct memory_cache *cache, const struct digest *digest)
{
    uint64_t word;

    memcpy(&word, digest->bytes, sizeof(word));
    return &cache->chains[(word * cache->factor) >> cache->shift];
}

static struct entry *find(const struct memory_cache *cache, const struct digest *digest)
{
    struct entry *entry;

    LIST_FOREACH(entry, chain_of(cache, digest), chain)
    {
        if (digest_equals(&entry->digest, digest))
            return entry;
    }
    return NULL;
}

static void drop(struct memory_cache *cache, struct entry *entry)
{
    LIST_REMOVE(entry, chain);
    TAILQ_REMOVE(&cache->uses, entry, use);
    cache->count--;
    free(entry);
}

static void use(struct memory_cache *cache, struct entry *entry)
{
    TAILQ_REMOVE(&cache->uses, entry, use);
    TAILQ_INSERT_HEAD(&cache->uses, entry, use);
}

struct memory_cache *memory_cache_new(size_t capacity)
{
    struct memory_cache *cache = xcalloc(1, sizeof(*cache));
    unsigned bits = 4;

    while (bits < 20 && ((size_t)1 << bits) < capacity)
        bits++;
    if (getrandom(&cache->factor, sizeof(cache->factor), GRND_NONBLOCK) < 0)
        cache->factor = UINT64_C(0x9e3779b97f4a7c15);
    cache->factor |= 1;
    cache->shift = 64 - bits;
    cache->chains = xcalloc((size_t)1 << bits, sizeof(*cache->chains));
    cache->capacity = capacity;
    TAILQ_INIT(&cache->uses);
    return cache;
}

void memory_cache_clear(struct memory_cache *cache)
{
    while (!TAILQ_EMPTY(&cache->uses))
        drop(cache, TAILQ_FIRST(&cache->uses));
}

void memory_cache_free(struct memory_cache *cache)
{
    if (cache == NULL)
        return;
    memory_cache_clear(cache);
    free(cache->chains);
    free(cache);
}

bool memory_cache_get(struct memory_cache *cache, const struct digest *digest, int64_t *out_size)
{
    struct entry *entry = find(cache, digest);

    if (entry == NULL)
        return false;
    use(cache, entry);
    *out_size = entry->size;
    return true;
}

void memory_cache_put(struct memory_cache *cache, const struct digest *digest, int64_t size)
{
    struct entry *entry = find(cache, digest);

    if (entry != NULL) {
        entry->size = size;
        use(cache, entry);
        return;
    }
    if (cache->count == cache->capacity)
        drop(cache, TAILQ_LAST(&cache->uses, uses));
    entry = xcalloc(1, sizeof(*entry));
    entry->digest = *digest;
    entry->size = size;
    LIST_INSERT_HEAD(chain_of(cache, digest), entry, chain);
    TAILQ_INSERT_HEAD(&cache->uses, entry, use);
    cache->count++;
}

void memory_cache_remove(struct memory_cache *cache, const struct digest *digest)
{
    struct entry *entry = find(cache, digest);

    if (entry != NULL)
        drop(cache, entry);
}

size_t memory_cache_count(const struct memory_cache *cache)
{
    return cache->count;
}
