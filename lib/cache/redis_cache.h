/* SPDX-License-Identifier: Apache-2.0
 *
 * redis_cache - descriptors in a Redis that several registries share, ours and upstream's. Private
 * to lib/cache; the functions are those of descriptor_cache.h.
 */
#pragma once

#include "lib/base/error.h"
#include "lib/oci/digest.h"

struct config;
struct redis_cache;

/* @entries: how many descriptors are noted as told, so that they are not told again. Errors:
 * INVALID. */
must_check int redis_cache_open(const struct config *config, size_t entries,
                                struct redis_cache **out, struct error *err);
void redis_cache_close(struct redis_cache *cache); /* NULL is fine */
void redis_cache_start(struct redis_cache *cache);
void redis_cache_stop(struct redis_cache *cache);

bool redis_cache_get(struct redis_cache *cache, const char *repository,
                     const struct digest *canonical, int64_t *out_size);
void redis_cache_put(struct redis_cache *cache, const char *repository,
                     const struct digest *canonical, int64_t size);
void redis_cache_forget(struct redis_cache *cache, const char *repository,
                        const struct digest *digest);
