/* SPDX-License-Identifier: Apache-2.0
 *
 * newest - when anything at a key or below it was changed last.
 *
 * Private to lib/registry.
 */
#pragma once

#include "lib/storage/store.h"

#include <time.h>

/*
 * The newest time of @key and all below it, a few levels deep. May suspend, and lets others run.
 * What cannot be read, or is removed meanwhile, does not count. Returns 0, or 1 when there is
 * nothing at @key, or -1.
 */
must_check int newest_change(struct store *store, const char *key, struct timespec *out,
                             struct error *err);
