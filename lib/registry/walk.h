/* SPDX-License-Identifier: Apache-2.0
 *
 * walk - going down the tree of repositories, from name to name.
 *
 * Private to lib/registry.
 */
#pragma once

#include "lib/oci/reference.h"
#include "lib/storage/store.h"

#include <stdbool.h>

/* Names of others' that are skipped before other tasks get their turn; a name of ours waits for the
 * storage anyway. */
#define WALK_SKIPPED_A_TURN 512

/* Where a walk is; so deep at most as a repository's name has components. */
struct walk {
    char name[REPOSITORY_LEN_MAX + 1]; /* "" at the root */
    size_t len;
};

#define WALK_INIT ((struct walk){.len = 0})

/* False when the name would be too long for a repository, or cannot be a part of one: `_layers` and
 * the like, and what others put there, is not even looked into. */
bool walk_enter(struct walk *walk, const char *child);

void walk_leave(struct walk *walk, size_t len); /* back to where the name had this length */

/*
 * walk_list - the names in the walk's directory. May suspend.
 *
 * A file, a directory just removed and a missing root are empty. So is, logged with @what, a
 * directory that cannot be read while others may be: then 1 is returned in place of 0. Given:
 * storage_list_fini(@out).
 */
must_check int walk_list(struct store *store, const struct walk *walk, const char *what,
                         struct storage_list *out, struct error *err);
