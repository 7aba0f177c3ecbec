/* SPDX-License-Identifier: Apache-2.0
 *
 * presence - storage calls for which "there is nothing" is an answer, not an error.
 *
 * Private to lib/registry.
 */
#pragma once

#include "lib/storage/store.h"

#include <stdbool.h>

/* Whether there is anything at @key. May suspend. */
must_check int presence_of(struct store *store, const char *key, bool *out, struct error *err);

/* Removes @key and all below it; absent already is as good as removed: another request may be at
 * the same. May suspend. */
must_check int presence_end(struct store *store, const char *key, struct error *err);

/* Whether @why concerns what is at that key alone, so that a walk over many keys may go on: it is
 * absent, of another kind, has an impossible name, may not be read, or the disk has lost it. */
bool is_presence_local(const struct error *why);

/* 0 when @why says that there is nothing; hands it on as @err otherwise. */
must_check int presence_tolerate(const struct error *why, struct error *err);
