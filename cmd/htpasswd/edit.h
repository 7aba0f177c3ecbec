/* SPDX-License-Identifier: Apache-2.0
 *
 * edit - the text of an htpasswd file with one user more, changed or gone; all else stays byte for
 * byte. Pure.
 */
#pragma once

#include "lib/base/cleanup.h"
#include "lib/base/span.h"
#include "lib/base/str.h"

#include <stddef.h>

/*
 * edit_lines - append @text to @out with @record in the place of @user's line.
 *
 * @record  the new line without its end; empty: the user's lines go
 *
 * A second line of the user goes, so that the first one counts; a user without a line gets one at
 * the end. Returns how many lines the user had.
 */
size_t edit_lines(struct span text, struct span user, struct span record, struct str *out);
