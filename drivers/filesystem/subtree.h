/* SPDX-License-Identifier: Apache-2.0
 *
 * subtree - whole directories: listing and removing. Blocks; for helper threads.
 */
#pragma once

#include "lib/base/error.h"

#include <stdbool.h>

struct storage_list;

/* The children of a directory, sorted, without temporaries. NOT_FOUND also for a file. */
must_check int subtree_list(const char *path, struct storage_list *out, struct error *err);

/*
 * Removes a file or a directory with all below it; durable. Links are removed, never followed.
 * What others remove meanwhile is fine. NOT_FOUND when there was nothing.
 */
must_check int subtree_remove(const char *path, struct error *err);

/* The same for a directory alone, or for what is no directory alone: NOT_FOUND if it is not, even
 * when it has just been replaced by the other. */
must_check int subtree_clear(const char *path, bool is_directory, struct error *err);
