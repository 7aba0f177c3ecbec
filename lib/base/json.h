/* SPDX-License-Identifier: Apache-2.0
 *
 * json - the little that cJSON does not do: a strict check before parsing, and strings written as
 * upstream's encoder writes them. Parsing itself is cJSON's.
 */
#pragma once

#include "lib/base/cleanup.h"
#include "lib/base/span.h"
#include "lib/base/str.h"

#include <stdbool.h>

/* Appends @text as a quoted JSON string; `<`, `>`, `&`, U+2028 and U+2029 are escaped as \u003c
 * ..., bytes that are not UTF-8 become U+FFFD. Source: upstream's encoder. */
void json_append_string(struct str *str, struct span text);

/* The same without the quotes. */
void json_append_characters(struct str *str, struct span text);

enum json_fault { JSON_FINE, JSON_SYNTAX, JSON_TOO_DEEP, JSON_TOO_MANY };

struct json_limits {
    size_t depth;  /* nesting of brackets and braces; each level costs some stack */
    size_t values; /* numbers, strings, objects ...; a parsed one costs cJSON some 100 bytes */
};

/*
 * json_prepare - make text from outside safe for cJSON, which is lenient and cuts strings at NUL.
 *
 * Checks that @text is one JSON value with blanks around it and nothing else (RFC 8259; strings may
 * hold bytes that are not UTF-8), within @limits. Then, without changing its length, rewrites what
 * cJSON would misread: an escaped NUL or half a surrogate pair becomes U+FFFD, and a number that is
 * not written as an integer, or is beyond 2^53, becomes an empty object. So every string is whole
 * and every number an exact integer, or they are visibly something else.
 *
 * @text        changed in place, even on failure
 * @out_offset  on a fault: bytes read when it showed
 */
must_check enum json_fault json_prepare(char *text, size_t len, struct json_limits limits,
                                        size_t *out_offset);
