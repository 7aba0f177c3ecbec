/* SPDX-License-Identifier: Apache-2.0
 *
 * registry - the domain's root: what every store of the domain works on. No HTTP, no auth.
 *
 * Repository names, tags and ids passed to the domain are valid (lib/oci checked them).
 */
#pragma once

#include "lib/cache/descriptor_cache.h"
#include "lib/oci/url_policy.h"
#include "lib/storage/store.h"

#include <stdbool.h>

struct registry {
    struct store *store;            /* lent for the registry's life */
    struct descriptor_cache *cache; /* lent; NULL: none. For blob_store only */
    bool is_delete_enabled;
    bool is_redirect_disabled; /* clients get all content from us */
    bool is_read_only; /* nor do we write what reading has taught us; may change between waits */
    const struct url_policy *url_policy; /* of layers kept elsewhere; lent; NULL: none may be */
};
