/* SPDX-License-Identifier: Apache-2.0
 *
 * known - see known.h. A table that also counts what its values weigh.
 */
#include "auth/token/known.h"

#include "lib/base/lru.h"
#include "lib/base/memory.h"

#include <openssl/evp.h>
#include <stdlib.h>

#include "lib/base/banned.h"

struct memory {
    struct claims *claims; /* owned */
    int64_t until_s;
};

struct known {
    struct lru *memories; /* by name */
    size_t cost;
};

static void on_drop(void *value, void *arg)
{
    struct memory *memory = value;
    struct known *known = arg;

    known->cost -= memory->claims->cost;
    claims_free(memory->claims);
}

struct known *known_new(void)
{
    struct known *known = xcalloc(1, sizeof(*known));

    known->memories = lru_new(&(struct lru_options){
        .value_size = sizeof(struct memory),
        .count_max = KNOWN_MAX,
        .on_drop = on_drop,
        .arg = known,
    });
    return known;
}

void known_free(struct known *known)
{
    lru_free(known->memories);
    free(known);
}

struct known_name known_name_of(struct span token)
{
    struct known_name name;

    if (EVP_Digest(token.data, token.len, name.bytes, NULL, EVP_sha256(), NULL) != 1)
        abort(); /* no memory */
    return name;
}

static struct span key_of(const struct known_name *name)
{
    return span_make(name->bytes, sizeof(name->bytes));
}

const struct claims *known_find(struct known *known, const struct known_name *name, int64_t now_s)
{
    const struct memory *memory = lru_find(known->memories, key_of(name));

    if (memory == NULL)
        return NULL;
    if (now_s > memory->until_s || now_s > memory->claims->expires_at + CLAIMS_LEEWAY_S) {
        lru_remove(known->memories, key_of(name));
        return NULL;
    }
    return memory->claims;
}

void known_add(struct known *known, const struct known_name *name, struct claims *claims,
               int64_t until_s)
{
    struct memory memory = {.claims = claims, .until_s = until_s};

    lru_put(known->memories, key_of(name), &memory);
    known->cost += claims->cost;
    while (known->cost > KNOWN_COST_MAX)
        lru_remove_oldest(known->memories);
}

void known_clear(struct known *known)
{
    lru_clear(known->memories);
}
