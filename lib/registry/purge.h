/* SPDX-License-Identifier: Apache-2.0
 *
 * purge - removes upload sessions that were begun long ago and never finished.
 *
 * Walks all repositories; a session is as old as its `startedat`, or, where that is missing or
 * broken, as what it holds: the newest time any key in it was changed. Leftovers of the storage
 * driver itself (temporary names that no list shows) go with it. Other requests run meanwhile.
 * Source: upstream's purge; the treatment of broken sessions is ours.
 */
#pragma once

#include "lib/registry/registry.h"

#include <time.h>

struct purge_result {
    size_t session_count; /* removed, or that would be in a dry run */
    size_t litter_count;  /* leftovers of the driver, likewise */
    size_t error_count;   /* logged */
};

/*
 * purge_uploads - one round. May suspend.
 *
 * @before   sessions begun earlier are removed
 *
 * Each removal is logged at info. What cannot be read or removed is logged, counted and passed
 * over. Errors: CANCELED.
 */
must_check int purge_uploads(struct registry *registry, struct timespec before, bool is_dry_run,
                             struct purge_result *out, struct error *err);
