/* SPDX-License-Identifier: Apache-2.0
 *
 * recent - a bounded memory: a number for each key, and the keys used last stay. Nothing that could
 * be read from memory is a key: keys are keyed hashes of it. Loop thread only.
 */
#pragma once

#include "lib/base/span.h"

#include <stddef.h>
#include <stdint.h>

#define RECENT_KEY_LEN 32

struct recent_key {
    uint8_t bytes[RECENT_KEY_LEN];
};

/* The secret that makes keys; each process has its own. */
struct recent_secret {
    uint8_t bytes[RECENT_KEY_LEN];
};

/* HMAC-SHA256 of the parts, each with its length: other parts, another key. */
struct recent_key recent_key_of(const struct recent_secret *secret, const struct span *parts,
                                size_t count);

struct recent;

struct recent *recent_new(size_t max); /* given: recent_free; never holds more than @max keys */
void recent_free(struct recent *recent);
size_t recent_count(const struct recent *recent);

/* The number of @key, which now is the one used last; lent until the next put or forget. NULL: it
 * is not known. */
int64_t *recent_find(struct recent *recent, const struct recent_key *key);

/* Sets the number of @key; a full memory forgets the key whose last use is longest ago. */
void recent_put(struct recent *recent, const struct recent_key *key, int64_t value);

void recent_forget(struct recent *recent, const struct recent_key *key);
