/* SPDX-License-Identifier: Apache-2.0
 *
 * recent - see recent.h. Chains of a hash table, and a queue in the order of use through all items.
 * Keys are as random as a hash can make them, so their first bytes choose the chain.
 */
#include "auth/htpasswd/recent.h"

#include "lib/base/memory.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "lib/base/banned.h"

#define KEYED_INLINE 512 /* bytes that are hashed without a copy on the heap */

struct item {
    struct recent_key key;
    int64_t value;
    LIST_ENTRY(item) chain;
    TAILQ_ENTRY(item) order;
};

LIST_HEAD(chain, item);

struct recent {
    struct chain *chains; /* owned */
    size_t chain_mask;
    TAILQ_HEAD(recent_order, item) order; /* the one used last is the first */
    size_t count;
    size_t max;
};

/* ---- keys ---- */

static size_t put_part(uint8_t *to, struct span part)
{
    uint64_t len = part.len;

    memcpy(to, &len, sizeof(len));
    if (part.len > 0)
        memcpy(to + sizeof(len), part.data, part.len);
    return sizeof(len) + part.len;
}

struct recent_key recent_key_of(const struct recent_secret *secret, const struct span *parts,
                                size_t count)
{
    uint8_t small[KEYED_INLINE];
    uint8_t *text = small;
    struct recent_key key;
    unsigned key_len = 0;
    size_t room = 0;
    size_t len = 0;

    for (size_t i = 0; i < count; i++)
        room += sizeof(uint64_t) + parts[i].len;
    if (room > sizeof(small))
        text = xmalloc(room);
    for (size_t i = 0; i < count; i++)
        len += put_part(text + len, parts[i]);
    if (HMAC(EVP_sha256(), secret->bytes, sizeof(secret->bytes), text, len, key.bytes, &key_len) ==
            NULL ||
        key_len != RECENT_KEY_LEN)
        abort();
    explicit_bzero(text, len);
    if (text != small)
        free(text);
    return key;
}

/* ---- the memory ---- */

struct recent *recent_new(size_t max)
{
    struct recent *recent = xcalloc(1, sizeof(*recent));
    size_t chain_count = 16;

    while (chain_count < max)
        chain_count *= 2;
    recent->chains = xcalloc(chain_count, sizeof(*recent->chains));
    recent->chain_mask = chain_count - 1;
    recent->max = max;
    TAILQ_INIT(&recent->order);
    return recent;
}

static struct chain *chain_of(struct recent *recent, const struct recent_key *key)
{
    uint64_t start;

    memcpy(&start, key->bytes, sizeof(start));
    return &recent->chains[start & recent->chain_mask];
}

static struct item *find(struct recent *recent, const struct recent_key *key)
{
    struct item *item;

    LIST_FOREACH(item, chain_of(recent, key), chain)
    {
        if (memcmp(item->key.bytes, key->bytes, RECENT_KEY_LEN) == 0)
            return item;
    }
    return NULL;
}

static void take_out(struct recent *recent, struct item *item)
{
    LIST_REMOVE(item, chain);
    TAILQ_REMOVE(&recent->order, item, order);
    recent->count--;
}

static void put_in(struct recent *recent, struct item *item)
{
    LIST_INSERT_HEAD(chain_of(recent, &item->key), item, chain);
    TAILQ_INSERT_HEAD(&recent->order, item, order);
    recent->count++;
}

void recent_free(struct recent *recent)
{
    if (recent == NULL)
        return;
    while (!TAILQ_EMPTY(&recent->order)) {
        struct item *item = TAILQ_FIRST(&recent->order);

        take_out(recent, item);
        free(item);
    }
    free(recent->chains);
    free(recent);
}

size_t recent_count(const struct recent *recent)
{
    return recent->count;
}

int64_t *recent_find(struct recent *recent, const struct recent_key *key)
{
    struct item *item = find(recent, key);

    if (item == NULL)
        return NULL;
    TAILQ_REMOVE(&recent->order, item, order);
    TAILQ_INSERT_HEAD(&recent->order, item, order);
    return &item->value;
}

void recent_put(struct recent *recent, const struct recent_key *key, int64_t value)
{
    struct item *item = find(recent, key);

    if (item == NULL && recent->count == recent->max)
        item = TAILQ_LAST(&recent->order, recent_order);
    if (item != NULL)
        take_out(recent, item);
    else
        item = xmalloc(sizeof(*item));
    item->key = *key;
    item->value = value;
    put_in(recent, item);
}

void recent_forget(struct recent *recent, const struct recent_key *key)
{
    struct item *item = find(recent, key);

    if (item == NULL)
        return;
    take_out(recent, item);
    free(item);
}
