/* SPDX-License-Identifier: Apache-2.0
 *
 * head - strict reading of a request head: RFC 9112, with everything doubtful refused.
 *
 * evhttp parses the header lines, but it is lax, and it has no way to hand over a body piece by
 * piece. So the head is checked here first, the body's framing is taken from it, and the headers
 * that would make evhttp wait for a body are renamed in place: `~ontent-Length`,
 * `~ransfer-Encoding`, `~xpect`. Pure; fuzzed.
 */
#pragma once

#include "lib/base/span.h"

#include <stdbool.h>
#include <stdint.h>

#define HEAD_SIZE_MAX (64 * 1024) /* bytes, request line and final empty line included */

#define HEAD_BODY_CHUNKED ((int64_t)-1)

struct head {
    int status;         /* 0: fine; else the status to refuse it with */
    const char *reason; /* static text for the refusal; NULL when fine */
    struct span method; /* lent from the head, as are the others */
    struct span target;
    int version_minor;   /* HTTP/1.<0 or 1> */
    int64_t body_length; /* bytes; HEAD_BODY_CHUNKED; 0 without a body */
    bool is_continue_expected;
    bool is_close_asked; /* `Connection: close` among its tokens */
    size_t line_len;     /* bytes of the request line with its CRLF */
    size_t len;          /* bytes of all of it */
};

enum head_end { HEAD_INCOMPLETE, HEAD_COMPLETE, HEAD_BROKEN };

/*
 * head_find_end - look for the empty line that ends a head.
 *
 * @text      all bytes that have come so far
 * @from      bytes known not to contain the end; grows
 * @out_len   HEAD_COMPLETE: bytes of the head, empty line included
 *
 * HEAD_BROKEN: a line ends without CR, or a NUL came: there is no point in waiting for more.
 */
enum head_end head_find_end(struct span text, size_t *from, size_t *out_len);

/* Reads a complete head, renaming in place. Always sets all of @out. */
void head_parse(char *text, size_t len, struct head *out);
