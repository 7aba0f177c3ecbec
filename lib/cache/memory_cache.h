/* SPDX-License-Identifier: Apache-2.0
 *
 * memory_cache - sizes by digest, at most so many: the one not used for longest makes room.
 */
#pragma once

#include "lib/oci/digest.h"

struct memory_cache;

struct memory_cache *memory_cache_new(size_t capacity); /* at least 1. Given: memory_cache_free */
void memory_cache_free(struct memory_cache *cache);     /* NULL is fine */

bool memory_cache_get(struct memory_cache *cache, const struct digest *digest, int64_t *out_size);
void memory_cache_put(struct memory_cache *cache, const struct digest *digest, int64_t size);
void memory_cache_remove(struct memory_cache *cache, const struct digest *digest);
void memory_cache_clear(struct memory_cache *cache);
size_t memory_cache_count(const struct memory_cache *cache);
