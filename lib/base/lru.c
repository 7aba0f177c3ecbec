/* SPDX-License-Identifier: Apache-2.0
 *
 * lru - see lru.h. Chains of a hash table, whose number never changes, and a queue in the order of
 * use through all entries. An entry is one allocation: its links, the value, the key.
 */
#include "lib/base/lru.h"

#include "lib/base/memory.h"
#include "lib/base/random.h"

#include <assert.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "lib/base/banned.h"

#define CHAIN_COUNT_MIN 16
#define CHAIN_COUNT_MAX (1 << 20) /* longer chains then */
#define SEED_LEN        16        /* of SipHash */

struct entry {
    LIST_ENTRY(entry) chain;
    TAILQ_ENTRY(entry) order;
    uint64_t hash;
    size_t key_len;
    alignas(max_align_t) unsigned char bytes[]; /* the value, then the key */
};

LIST_HEAD(chain, entry);

struct lru {
    struct lru_options options;
    uint8_t seed[SEED_LEN];
    EVP_MAC_CTX *hasher;  /* owned; SipHash-2-4 of 64 bits, which @seed makes unforeseeable */
    struct chain *chains; /* owned */
    size_t chain_mask;
    TAILQ_HEAD(order, entry) order; /* the one used last is the first */
    size_t count;
};

/* ---- the hash ---- */

static EVP_MAC_CTX *hasher_new(void)
{
    EVP_MAC *siphash = EVP_MAC_fetch(NULL, "SIPHASH", NULL);
    EVP_MAC_CTX *hasher = siphash == NULL ? NULL : EVP_MAC_CTX_new(siphash);
    size_t size = sizeof(uint64_t);
    const OSSL_PARAM params[] = {
        OSSL_PARAM_construct_size_t(OSSL_MAC_PARAM_SIZE, &size),
        OSSL_PARAM_construct_end(),
    };

    if (hasher == NULL || EVP_MAC_CTX_set_params(hasher, params) != 1)
        abort(); /* no memory, or an OpenSSL that was told to do without */
    EVP_MAC_free(siphash);
    return hasher;
}

/* The seed goes in each time: without it the first OpenSSL 3.0 would go on where it ended. */
static uint64_t hash_of(struct lru *lru, struct span key)
{
    uint64_t hash;

    if (EVP_MAC_init(lru->hasher, lru->seed, SEED_LEN, NULL) != 1 ||
        EVP_MAC_update(lru->hasher, (const unsigned char *)key.data, key.len) != 1 ||
        EVP_MAC_final(lru->hasher, (unsigned char *)&hash, NULL, sizeof(hash)) != 1)
        abort();
    return hash;
}

/* ---- the table ---- */

struct lru *lru_new(const struct lru_options *options)
{
    struct lru *lru = xcalloc(1, sizeof(*lru));
    size_t chain_count = CHAIN_COUNT_MIN;

    assert(options->count_max > 0);
    while (chain_count < options->count_max && chain_count < CHAIN_COUNT_MAX)
        chain_count *= 2;
    random_fill(lru->seed, sizeof(lru->seed));
    lru->hasher = hasher_new();
    lru->options = *options;
    lru->chains = xcalloc(chain_count, sizeof(*lru->chains));
    lru->chain_mask = chain_count - 1;
    TAILQ_INIT(&lru->order);
    return lru;
}

static struct chain *chain_of(struct lru *lru, uint64_t hash)
{
    return &lru->chains[hash & lru->chain_mask];
}

static struct span key_of(const struct lru *lru, const struct entry *entry)
{
    return span_make(entry->bytes + lru->options.value_size, entry->key_len);
}

static struct entry *find(struct lru *lru, uint64_t hash, struct span key)
{
    struct entry *entry;

    LIST_FOREACH(entry, chain_of(lru, hash), chain)
    {
        if (entry->hash == hash && span_equals(key_of(lru, entry), key))
            return entry;
    }
    return NULL;
}

static void drop_value(struct lru *lru, struct entry *entry)
{
    if (lru->options.on_drop != NULL)
        lru->options.on_drop(entry->bytes, lru->options.arg);
}

static void drop(struct lru *lru, struct entry *entry)
{
    LIST_REMOVE(entry, chain);
    TAILQ_REMOVE(&lru->order, entry, order);
    lru->count--;
    drop_value(lru, entry);
    free(entry);
}

static struct entry *add(struct lru *lru, uint64_t hash, struct span key)
{
    struct entry *entry = xmalloc(sizeof(*entry) + lru->options.value_size + key.len);

    entry->hash = hash;
    entry->key_len = key.len;
    if (key.len > 0)
        memcpy(entry->bytes + lru->options.value_size, key.data, key.len);
    LIST_INSERT_HEAD(chain_of(lru, hash), entry, chain);
    TAILQ_INSERT_HEAD(&lru->order, entry, order);
    lru->count++;
    return entry;
}

static void use(struct lru *lru, struct entry *entry)
{
    TAILQ_REMOVE(&lru->order, entry, order);
    TAILQ_INSERT_HEAD(&lru->order, entry, order);
}

void *lru_find(struct lru *lru, struct span key)
{
    struct entry *entry = find(lru, hash_of(lru, key), key);

    if (entry == NULL)
        return NULL;
    use(lru, entry);
    return entry->bytes;
}

void lru_put(struct lru *lru, struct span key, const void *value)
{
    uint64_t hash = hash_of(lru, key);
    struct entry *entry = find(lru, hash, key);

    if (entry != NULL) {
        drop_value(lru, entry);
        use(lru, entry);
    } else {
        entry = add(lru, hash, key);
    }
    if (lru->options.value_size > 0)
        memcpy(entry->bytes, value, lru->options.value_size);
    if (lru->count > lru->options.count_max)
        lru_remove_oldest(lru);
}

void lru_remove(struct lru *lru, struct span key)
{
    struct entry *entry = find(lru, hash_of(lru, key), key);

    if (entry != NULL)
        drop(lru, entry);
}

void lru_remove_oldest(struct lru *lru)
{
    struct entry *oldest = TAILQ_LAST(&lru->order, order);

    if (oldest != NULL)
        drop(lru, oldest);
}

void lru_clear(struct lru *lru)
{
    while (lru->count > 0)
        lru_remove_oldest(lru);
}

void lru_free(struct lru *lru)
{
    if (lru == NULL)
        return;
    lru_clear(lru);
    EVP_MAC_CTX_free(lru->hasher);
    free(lru->chains);
    free(lru);
}
