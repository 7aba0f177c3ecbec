/* SPDX-License-Identifier: Apache-2.0
 *
 * file - files read whole, and written to their end. Blocks: for helpers, for programs without a
 * loop, and at the start.
 */
#pragma once

#include "lib/base/error.h"
#include "lib/base/span.h"
#include "lib/base/str.h"

/*
 * file_read - appends what is in a regular file; never waits for who writes a pipe.
 *
 * Errors: as upstream words them ("open <path>: no such file or directory"), with the errno in
 * sys; INVALID for what is no regular file; TOO_LARGE when it does not fit @out. All name the file.
 */
must_check int file_read(const char *path, struct str *out, struct error *err);

/* Likewise, but also from a pipe or a device, for as long as they have something to say. */
must_check int file_read_any(const char *path, struct str *out, struct error *err);

/* All of @content, whatever pieces the system takes it in. Errors: as error_set_sys. */
must_check int file_write_all(int fd, struct span content, struct error *err);
