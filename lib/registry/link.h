/* SPDX-License-Identifier: Apache-2.0
 *
 * link - the small files that make content readable in a repository: each holds a digest's text.
 */
#pragma once

#include "lib/oci/digest.h"
#include "lib/registry/registry.h"

/* May suspend. Errors: NOT_FOUND; a damaged link (empty, cut, not a digest) is logged with its key
 * and reported as NOT_FOUND too. Other storage errors as they are. */
must_check int link_read(struct registry *registry, const char *key, struct digest *out,
                         struct error *err);

/* Writes the link unless it already says the same (where looking costs less); whatever is wrong
 * with it, it is replaced. May suspend. */
must_check int link_write(struct registry *registry, const char *key, const struct digest *digest,
                          struct error *err);
