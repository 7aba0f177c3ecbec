/* SPDX-License-Identifier: Apache-2.0
 *
 * file - a whole file as text, for the configuration and for secrets. Blocks: at the start only.
 */
#pragma once

#include "lib/base/error.h"
#include "lib/base/str.h"

/*
 * file_read - appends what is in the file.
 *
 * Errors: NOT_FOUND, IO as upstream words them ("open <path>: no such file or directory");
 * TOO_LARGE when it does not fit @out.
 */
must_check int file_read(const char *path, struct str *out, struct error *err);
