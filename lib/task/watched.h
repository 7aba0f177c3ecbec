/* SPDX-License-Identifier: Apache-2.0
 *
 * watched - files that may change while we run: keys, users, rules.
 *
 *     look (helper): versions --same--> nothing
 *                            `--other--> read --same text--> nothing
 *                                            `--other------> the owner makes of it what it needs
 *
 * There is no thread that watches: whoever needs the files looks. inotify would not see a mount,
 * nor a symbolic link far above a file, which is how orchestrators renew secrets; and a share may
 * not answer, so that looking is the business of a helper. One look at a time. What the owner
 * cannot use it says once, and keeps what it has: a text is shown to it once, good or bad. Loop
 * thread only, but for what is said to run on a helper.
 */
#pragma once

#include "lib/base/error.h"
#include "lib/base/file_version.h"
#include "lib/base/str.h"

#include <stdbool.h>
#include <stddef.h>

struct watched;

struct watched_file {
    char *path;                  /* lent */
    bool is_listed;              /* it was found in a directory that is watched */
    struct file_version version; /* of the text, or older */
    struct str text;             /* wiped after the call */
    struct error err;            /* ERROR_NONE: the text is there; else as file_read */
};

/* On a helper: makes of all the files what the owner needs, for @arg. The texts may be changed.
 * @count is that of the paths, unless these may be directories. */
typedef int watched_cb(struct watched_file *files, size_t count, void *arg, struct error *err);

struct watched_options {
    const char *const *paths; /* copied */
    size_t count;
    bool may_be_directories; /* then all regular files right in it count, in order of their names */
    size_t size_max;         /* bytes of each */
    watched_cb *read;
};

/* Looks at nothing yet. Given: watched_free, once no task uses it. */
struct watched *watched_new(const struct watched_options *options);
void watched_free(struct watched *watched); /* NULL is fine */

/*
 * watched_look - sees to it that the files have been looked at since this call began, or less than
 * @age_ms ago. By this task or by another. May suspend.
 *
 * @arg          for the owner's callback, if it is called; borrowed
 * @out_is_read  whether it was called
 *
 * Errors: what the callback says; CANCELED.
 */
must_check int watched_look(struct watched *watched, int age_ms, void *arg, bool *out_is_read,
                            struct error *err);

/* Reads the files, whether they have changed or not. May suspend; outside of tasks it blocks: at
 * the start. Errors: as watched_look. */
must_check int watched_read(struct watched *watched, void *arg, struct error *err);

/* Whether nobody looks now, and the last look that came to an end began at least @age_ms ago. */
bool is_watched_due(const struct watched *watched, int age_ms);
