/* SPDX-License-Identifier: Apache-2.0
 *
 * cached - opening and reading as far as the kernel can do it from memory, without waiting for a
 * disk or a network. Safe on the loop: whatever would block is refused with CACHED_MISS, and the
 * caller asks a helper thread.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define CACHED_MISS (-2)

/* openat2 with RESOLVE_CACHED; @flags as for open. A descriptor, -1 with errno (ENOENT, ENOTDIR,
 * ENAMETOOLONG, EACCES, ELOOP: the truth), or CACHED_MISS. */
int cached_open(const char *path, int flags);

/* pread without waiting: bytes read (maybe fewer than are there), 0 at the end, or CACHED_MISS. */
ssize_t cached_read(int fd, void *buffer, size_t len, int64_t offset);
