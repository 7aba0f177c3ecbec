/* SPDX-License-Identifier: Apache-2.0
 *
 * multipart - the text around the parts of a multipart/byteranges body. Pure.
 *
 *     --<boundary>CRLF Content-Range, Content-Type CRLF CRLF <bytes> CRLF   for each part
 *     --<boundary>--CRLF
 *
 * Source: RFC 9110 section 14.6.
 */
#pragma once

#include "lib/base/str.h"
#include "lib/base/uuid.h"
#include "lib/http/range.h"

struct multipart {
    struct uuid boundary;
    const struct range_set *ranges; /* lent */
    int64_t size;                   /* bytes of the whole content */
};

/* Appends what comes before the part @index; with index = ranges->count: what ends the body. */
void multipart_append(struct str *out, const struct multipart *multipart, size_t index);

/* Bytes of the whole body. */
int64_t multipart_length(const struct multipart *multipart);
