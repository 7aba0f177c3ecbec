/* SPDX-License-Identifier: Apache-2.0
 *
 * json - the little that cJSON does not do: a depth limit checked before parsing, and strings
 * written as upstream's encoder writes them. Parsing itself is cJSON's.
 */
#pragma once

#include "lib/base/span.h"
#include "lib/base/str.h"

#include <stdbool.h>

/* Appends @text as a quoted JSON string; `<`, `>`, `&`, U+2028 and U+2029 are escaped as \u003c
 * ..., bytes that are not UTF-8 become U+FFFD. Source: upstream's encoder. */
void json_append_string(struct str *str, struct span text);

/* False when brackets and braces outside strings nest deeper than @max. Says nothing about whether
 * the text is JSON otherwise. */
bool json_depth_is_within(struct span text, size_t max);
