/* SPDX-License-Identifier: Apache-2.0
 *
 * encode - bytes as text and back: hexadecimal, base64, percent escapes.
 */
#pragma once

#include "lib/base/cleanup.h"
#include "lib/base/span.h"
#include "lib/base/str.h"

#include <stdbool.h>
#include <stdint.h>

/* Lower-case hexadecimal, two characters a byte; @out gets 2*len characters and a NUL. */
void encode_hex(const uint8_t *bytes, size_t len, char *out);

/* Strictly lower-case hexadecimal; false unless text.len is 2*len and every character fits. */
bool decode_hex(struct span text, uint8_t *out, size_t len);

/* RFC 4648 section 5 (URL-safe alphabet), with padding. */
void encode_base64url(struct str *str, struct span bytes);

/* Appends the decoded bytes; false (with @str in any state) for the other alphabet, missing or
 * misplaced padding, or anything else that is not padded base64url. */
must_check bool decode_base64url(struct str *str, struct span text);

/* The same without padding, as in tokens. */
void encode_base64url_bare(struct str *str, struct span bytes);
must_check bool decode_base64url_bare(struct str *str, struct span text);

/* As decode_base64url, for the standard alphabet (RFC 4648 section 4). */
must_check bool decode_base64(struct str *str, struct span text);

/* Percent-decoding of a URL path or query part; `+` becomes a blank when @plus. False on a broken
 * escape. NUL bytes pass: callers compare spans, not C strings. */
must_check bool decode_percent(struct str *str, struct span text, bool plus);

/* Form encoding of a query value: letters, digits and `-._~` stay, a blank becomes `+`. */
void encode_query(struct str *str, struct span text);

/* Digits only, at least one; false for a sign, a blank, or what exceeds an int64_t. */
must_check bool decode_decimal(struct span text, int64_t *out);
