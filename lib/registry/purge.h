/* SPDX-License-Identifier: Apache-2.0
 *
 * purge - removes upload sessions that were begun long ago and never finished, and what a killed
 * process has left in the storage.
 *
 * A session is as old as its `startedat`, or, where that is missing, broken or in the future, as
 * what it holds: the newest time anything in it was changed. One that is being written is left
 * alone, whatever its age. Other requests run meanwhile. Source: upstream's purge; the treatment of
 * broken sessions and of leftovers is ours.
 */
#pragma once

#include "lib/registry/registry.h"

#include <time.h>

#define PURGE_LITTER_AGE_S 3600 /* leftovers are never younger */

struct purge_result {
    size_t session_count; /* removed, or that would be in a dry run */
    size_t busy_count;    /* old, but being written */
    size_t litter_count;  /* leftovers of the driver, as session_count */
    size_t error_count;   /* logged */
};

/*
 * purge_uploads - remove the old sessions of all repositories. May suspend.
 *
 * @before  sessions begun earlier are removed
 * @result  added to
 *
 * Each removal is logged at info. What cannot be read or removed is logged, counted and passed
 * over; what somebody else removes meanwhile is fine. Errors: CANCELED, and those of reading the
 * list of repositories itself.
 */
must_check int purge_uploads(struct registry *registry, struct timespec before, bool is_dry_run,
                             struct purge_result *result, struct error *err);

/*
 * purge_litter - remove what the storage driver left behind when it was killed. May suspend.
 *
 * Looks at every directory of the storage, one at a time. @before is at most PURGE_LITTER_AGE_S
 * ago: what is younger may be somebody's work. Otherwise as purge_uploads.
 */
must_check int purge_litter(struct registry *registry, struct timespec before, bool is_dry_run,
                            struct purge_result *result, struct error *err);
