/* SPDX-License-Identifier: Apache-2.0
 *
 * place - where a path's file lives: its directory, open, and its name there. Blocks; for helper
 * threads.
 */
#pragma once

#include "lib/base/error.h"

#include <stddef.h>

struct place {
    int directory;     /* owned; -1 when closed */
    const char *name;  /* lent from @path */
    const char *path;  /* lent */
    size_t parent_len; /* bytes of @path that name the directory; 0 is the root */
    size_t old_len;    /* bytes of @path that name a directory not made by place_make */
};

/* Another process may remove a directory while we work in it; then all is tried again. */
#define PLACE_ATTEMPTS 16

/* Closed as yet. @path is absolute and lives as long as the place. */
struct place place_of(const char *path);

/* Opens the directory. Errors: NOT_FOUND, IO. */
must_check int place_open(struct place *place, struct error *err);

/* The same, making the directories that are missing; may be called again after its directory was
 * removed by somebody. EXISTS: a file is in the way. */
must_check int place_make(struct place *place, struct error *err);

/* Makes durable the directory's entries and all directories that place_make made. */
must_check int place_sync(const struct place *place, struct error *err);

void place_close(struct place *place); /* also a closed one */
#define auto_place auto_cleanup(place_close) struct place
