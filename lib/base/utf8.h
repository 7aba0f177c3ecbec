/* SPDX-License-Identifier: Apache-2.0
 *
 * utf8 - text from outside, one code point at a time.
 */
#pragma once

#include "lib/base/span.h"

#include <stddef.h>
#include <stdint.h>

/*
 * Length of the well-formed UTF-8 sequence at the start of @text, which is not empty; 0 if there is
 * none; the code point goes to @out_point. Source: RFC 3629 (no overlong forms, no surrogates, at
 * most U+10FFFF).
 */
size_t utf8_next(struct span text, uint32_t *out_point);
