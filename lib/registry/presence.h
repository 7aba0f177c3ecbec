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

/* 0 when @why says that there is nothing; hands it on as @err otherwise. */
must_check int presence_tolerate(const struct error *why, struct error *err);
