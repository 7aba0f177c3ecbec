/* SPDX-License-Identifier: Apache-2.0
 *
 * file_descriptor - opening and closing files without the loop ever waiting for a disk: from the
 * kernel's memory (cached.h) where that will do, else by a helper.
 */
#pragma once

#include "lib/base/error.h"

#include <stdbool.h>
#include <stdint.h>

/* Opens a file (not a directory: NOT_FOUND) for reading. May suspend. Given: a descriptor, or -1.
 */
must_check int file_descriptor_open(const char *path, int64_t *out_size, struct error *err);

/* Closes a descriptor; where that may block (the last one of a big removed file, or written bytes a
 * network filesystem keeps back) a helper does it. May suspend, also in a canceled task. */
void file_descriptor_close(int fd, bool is_dirty);

/* Sets NOT_FOUND: a directory, a socket or the like is where a file should be. Always -1. */
int file_descriptor_refuse(struct error *err);
