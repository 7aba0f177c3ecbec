/* SPDX-License-Identifier: Apache-2.0
 *
 * file_version - what tells one state of a file from another without reading it. Blocks: for
 * helpers, and at the start.
 *
 * Not one time alone: edits in the same moment, and links that are swapped between files of the
 * same time (as orchestrators do), would be missed. And the clock of a filesystem has a grain: a
 * file that has just changed may change again and look the same.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#define FILE_VERSION_GRAIN_MS 2000 /* the coarsest clock there is, of FAT */

struct file_version {
    int sys; /* errno of one that cannot be looked at; 0 fine */
    dev_t device;
    ino_t inode;
    off_t size;
    struct timespec modified; /* its content; anybody may set this */
    struct timespec changed;  /* its content, owner, name ... */
    bool is_young;            /* changed so lately that the next change may not show */
};

/* What @path leads to now. */
struct file_version file_version_look(const char *path);

/* Whether the file may be another than the one @seen shows. */
bool has_file_changed(const struct file_version *now, const struct file_version *seen);

/* Milliseconds since the content was written; negative in the future. */
int64_t file_version_age_ms(const struct file_version *version);
