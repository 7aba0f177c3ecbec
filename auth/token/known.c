/* SPDX-License-Identifier: Apache-2.0
 *
 * known - see known.h. A table of chains, and a list in the order of use.
 */
#include "auth/token/known.h"

#include "lib/base/memory.h"

#include <openssl/evp.h>
#include <string.h>
#include <sys/queue.h>

#include "lib/base/banned.h"

#define CHAIN_COUNT 4096 /* a power of 2 */

struct entry {
    struct known_name name;
    struct claims *claims;
    int64_t until_s;
    LIST_ENTRY(entry) chain;
    TAILQ_ENTRY(entry) order;
};

LIST_HEAD(chain, entry);
TAILQ_HEAD(order, entry);

struct known {
    struct chain chains[CHAIN_COUNT];
    struct order order; /* the last used first */
    size_t count;
    size_t cost;
};

struct known *known_new(void)
{
    struct known *known = xcalloc(1, sizeof(*known));

    TAILQ_INIT(&known->order);
    return known;
}

void known_free(struct known *known)
{
    known_clear(known);
    free(known);
}

struct known_name known_name_of(struct span token)
{
    struct known_name name;

    if (EVP_Digest(token.data, token.len, name.bytes, NULL, EVP_sha256(), NULL) != 1)
        abort(); /* no memory */
    return name;
}

static struct chain *chain_of(struct known *known, const struct known_name *name)
{
    size_t index = (size_t)name->bytes[0] << 8 | name->bytes[1];

    return &known->chains[index % CHAIN_COUNT];
}

static struct entry *find(struct known *known, const struct known_name *name)
{
    struct entry *entry;

    LIST_FOREACH(entry, chain_of(known, name), chain)
    {
        if (memcmp(&entry->name, name, sizeof(*name)) == 0)
            return entry;
    }
    return NULL;
}

static void forget(struct known *known, struct entry *entry)
{
    LIST_REMOVE(entry, chain);
    TAILQ_REMOVE(&known->order, entry, order);
    known->count--;
    known->cost -= entry->claims->cost;
    claims_free(entry->claims);
    free(entry);
}

const struct claims *known_find(struct known *known, const struct known_name *name, int64_t now_s)
{
    struct entry *entry = find(known, name);

    if (entry == NULL)
        return NULL;
    if (now_s > entry->until_s || now_s > entry->claims->expires_at + CLAIMS_LEEWAY_S) {
        forget(known, entry);
        return NULL;
    }
    TAILQ_REMOVE(&known->order, entry, order);
    TAILQ_INSERT_HEAD(&known->order, entry, order);
    return entry->claims;
}

const struct claims *known_add(struct known *known, const struct known_name *name,
                               struct claims *claims, int64_t until_s)
{
    struct entry *entry = find(known, name);

    if (entry != NULL)
        forget(known, entry);
    entry = xcalloc(1, sizeof(*entry));
    entry->name = *name;
    entry->claims = claims;
    entry->until_s = until_s;
    LIST_INSERT_HEAD(chain_of(known, name), entry, chain);
    TAILQ_INSERT_HEAD(&known->order, entry, order);
    known->count++;
    known->cost += claims->cost;
    while (known->count > KNOWN_MAX || known->cost > KNOWN_COST_MAX)
        forget(known, TAILQ_LAST(&known->order, order));
    return claims;
}

void known_clear(struct known *known)
{
    struct entry *entry;

    while ((entry = TAILQ_FIRST(&known->order)) != NULL)
        forget(known, entry);
}

size_t known_count(const struct known *known)
{
    return known->count;
}
