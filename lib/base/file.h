/* SPDX-License-Identifier: Apache-2.0
 *
 * file - writing to descriptors of files. Blocks: for helpers, and for programs without a loop.
 */
#pragma once

#include "lib/base/error.h"
#include "lib/base/span.h"

/* All of @content, whatever pieces the system takes it in. Errors: as error_set_sys. */
must_check int file_write_all(int fd, struct span content, struct error *err);
