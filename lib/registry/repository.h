/* SPDX-License-Identifier: Apache-2.0
 *
 * repository - what makes a directory a repository: it holds `_layers`.
 *
 * Private to lib/registry.
 */
#pragma once

#include "lib/registry/registry.h"

/*
 * repository_keep - make sure @repository has its `_layers`. May suspend.
 *
 * Upstream's catalog and garbage collector, and our catalog, know a repository by that directory.
 * A layer link brings it; a repository that received only manifests (an index, an artifact) or has
 * lost its last layer link on a storage without directories gets a file there that is no link, and
 * that nobody's walk looks at.
 */
must_check int repository_keep(struct registry *registry, const char *repository,
                               struct error *err);
