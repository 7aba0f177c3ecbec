/* SPDX-License-Identifier: Apache-2.0
 *
 * watched_files - the files that watched paths stand for at one time. Private to watched. Blocks:
 * for helpers, and at the start.
 */
#pragma once

#include "lib/task/watched.h"

struct watched_files {
    struct watched_file *items;
    size_t count;
};

/* What is there now, not yet read: each path, or, if they may be, all regular files of a directory,
 * in the order of their names. Given: watched_files_fini. */
struct watched_files watched_files_list(const char *const *paths, size_t count,
                                        bool may_be_directories);
void watched_files_fini(struct watched_files *files);

/* Other files than @seen, or one of them in another version. */
bool has_watched_files_changed(const struct watched_files *now, const struct watched_files *seen);

/* Reads all, each up to @size_max bytes. False when one that is there could not be read. */
bool watched_files_read(struct watched_files *files, size_t size_max);

/* Forgets the texts. */
void watched_files_wipe(struct watched_files *files);

#define WATCHED_FILES_DIGEST_SIZE 32 /* SHA-256 */

/* Of all texts, each with its length and what kept it from being read. */
void watched_files_digest(const struct watched_files *files,
                          unsigned char out[WATCHED_FILES_DIGEST_SIZE]);
