/* SPDX-License-Identifier: Apache-2.0
 *
 * descriptor_cache - what content was when it was last looked at: its size, by its digest.
 *
 * Never that it is still there: see README.md for who may ask, and what has to be asked of the
 * storage instead. NULL is a cache that remembers nothing, everywhere below.
 */
#pragma once

#include "lib/base/error.h"
#include "lib/oci/digest.h"

#include <stdint.h>

struct config;
struct descriptor_cache;

/* The one the configuration wants, or NULL. @config is lent until the close. Given:
 * descriptor_cache_close. Errors: INVALID. */
must_check int descriptor_cache_open(const struct config *config, struct descriptor_cache **out,
                                     struct error *err);
void descriptor_cache_close(struct descriptor_cache *cache);

/* Begins and ends the work in the background. The second may suspend; calls in between only. */
void descriptor_cache_start(struct descriptor_cache *cache);
void descriptor_cache_stop(struct descriptor_cache *cache);

/* The size content had when it was last seen; false when nothing is known. May suspend, but not for
 * a server that is away. */
bool descriptor_cache_get(struct descriptor_cache *cache, const char *repository,
                          const struct digest *canonical, int64_t *out_size);

/* Before looking at the storage; what was looked at is remembered only if nothing was forgotten
 * since. */
uint64_t descriptor_cache_moment(const struct descriptor_cache *cache);

/* @repository links content that is there, both seen in the storage after @moment. Never suspends;
 * the telling of others happens in the background. */
void descriptor_cache_put(struct descriptor_cache *cache, uint64_t moment, const char *repository,
                          const struct digest *canonical, int64_t size);

/* @repository does not have @digest any more. May suspend, until others who share the cache are
 * told; if they cannot be reached they are told once they can. */
void descriptor_cache_forget(struct descriptor_cache *cache, const char *repository,
                             const struct digest *digest);
