/* SPDX-License-Identifier: Apache-2.0
 *
 * durable - changes of the tree that happen at once and stay: replace, move, flush. They block:
 * for helper threads. What returned 0 survives kill -9 and power loss.
 */
#pragma once

#include "lib/base/error.h"
#include "lib/base/span.h"

#include <stdbool.h>

struct place;

/*
 * Replaces the content of @path, making the directories above it: a temporary file next to it,
 * fsync, rename, fsync of the directory. Errors: EXISTS (a directory is there, or a file where a
 * directory should be), FULL, IO.
 */
must_check int durable_replace(const char *path, struct span content, struct error *err);

/*
 * Moves the file @from to @to, replacing what is there.
 *
 * @fd  the open file that @from must still name
 *
 * Errors: NOT_FOUND (of @from), EXISTS, IO.
 */
must_check int durable_move(const char *from, const char *to, int fd, struct error *err);

/* Whether @name is a temporary of durable_replace: ".<16 hex>.tmp". */
bool is_durable_temporary(const char *name);

/* Whether @place still names the file that is open as @fd. */
bool is_durable_same_file(const struct place *place, int fd);

/* As error_set_sys, but EXISTS when @sys says that a directory is in the way, or a file where a
 * directory should be. */
int durable_error(struct error *err, int sys, const char *what);
