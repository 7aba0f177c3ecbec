/* SPDX-License-Identifier: Apache-2.0
 *
 * password_write - a password file written whole: whoever reads it sees the old or the new content,
 * and what returned 0 survives a power loss. All block: for helper threads and commands.
 */
#pragma once

#include "lib/base/cleanup.h"
#include "lib/base/error.h"
#include "lib/base/span.h"

#include <sys/types.h>

/*
 * password_write_new - a file that does not exist yet, with the directories above it (mode 0700).
 *
 * @mode  of the file, whatever the umask
 *
 * Errors: EXISTS (somebody else was faster, or the name is a link that leads nowhere), others.
 */
must_check int password_write_new(const char *path, mode_t mode, struct span content,
                                  struct error *err);

/*
 * password_write_over - another content for the file @path, which keeps its mode and owner.
 *
 * A symbolic link stays and the file it leads to is replaced. Where no new file can take its place
 * (the file is a mount of its own, as with a container's volume, or its directory is not ours) the
 * content is written into the file as it is; then a reader may see half of it for a moment.
 */
must_check int password_write_over(const char *path, struct span content, struct error *err);
