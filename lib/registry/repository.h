/* SPDX-License-Identifier: Apache-2.0
 *
 * repository - what makes a directory a repository: it holds `_layers`.
 *
 * Private to lib/registry.
 */
#pragma once

#include "lib/registry/registry.h"

/*
 * Upstream's catalog and garbage collector, and our catalog, know a repository by its `_layers`. A
 * layer link brings that directory; where there is none, a file in it does that is no link, and
 * that nobody's walk looks at. Both may suspend.
 */

/* Makes sure @repository has its `_layers`: before the first manifest's link. */
must_check int repository_keep(struct registry *registry, const char *repository,
                               struct error *err);

/* Removes the layer link @key and keeps `_layers`, which a storage that knows directories by their
 * content only would lose with the last link. NOT_FOUND. Not disturbed by a cancellation once
 * begun. */
must_check int repository_unlink(struct registry *registry, const char *repository, const char *key,
                                 struct error *err);
