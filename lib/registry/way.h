/* SPDX-License-Identifier: Apache-2.0
 *
 * way - writing where damage is in the way: a directory at a file's key, a file at a directory's.
 *
 * Private to lib/registry. Only below the directories that are the registry's own: a file beside
 * the repositories, say, is somebody's, and a push into it fails.
 */
#pragma once

#include "lib/storage/store.h"

/* As store_put; what is in the way is named in the log and removed. May suspend. */
must_check int way_put(struct store *store, const char *key, struct span content,
                       struct error *err);

/* After @err, an error of writing @key: removes what is in the way. 0: try again; -1, with @err as
 * it was or of the removal: there is no use. May suspend. */
must_check int way_clear(struct store *store, const char *key, struct error *err);
