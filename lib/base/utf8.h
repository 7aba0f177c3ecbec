/* SPDX-License-Identifier: Apache-2.0
 *
 * utf8 - text from outside, one code point at a time.
 */
#pragma once

#include "lib/base/span.h"
#include "lib/base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Length of the well-formed UTF-8 sequence at the start of @text, which is not empty; 0 if there is
 * none; the code point goes to @out_point. Source: RFC 3629 (no overlong forms, no surrogates, at
 * most U+10FFFF).
 */
size_t utf8_next(struct span text, uint32_t *out_point);

/* Appends \" \\ \n \r or \t for a code point that has such an escape, in JSON as in the log; false
 * for all others, with nothing appended. */
bool utf8_append_short_escape(struct str *str, uint32_t point);
