/* SPDX-License-Identifier: Apache-2.0
 *
 * multipart - see multipart.h.
 */
#include "lib/api/multipart.h"

#include <inttypes.h>

#include "lib/base/banned.h"

#define HEAD_MAX 512 /* bytes around one part */

void multipart_append(struct str *out, const struct multipart *multipart, size_t index)
{
    const struct range *range;

    if (index > 0)
        str_append_text(out, "\r\n");
    if (index == multipart->ranges->count) {
        str_append_format(out, "--%s--\r\n", multipart->boundary.text);
        return;
    }
    range = &multipart->ranges->items[index];
    str_append_format(out, "--%s\r\n", multipart->boundary.text);
    str_append_format(out, "Content-Range: bytes %" PRId64 "-%" PRId64 "/%" PRId64 "\r\n",
                      range->first, range->first + range->len - 1, multipart->size);
    str_append_text(out, "Content-Type: application/octet-stream\r\n\r\n");
}

int64_t multipart_length(const struct multipart *multipart)
{
    int64_t length = 0;

    for (size_t i = 0; i <= multipart->ranges->count; i++) {
        auto_str head = STR_INIT(HEAD_MAX);

        multipart_append(&head, multipart, i);
        length += (int64_t)head.len;
        if (i < multipart->ranges->count)
            length += multipart->ranges->items[i].len;
    }
    return length;
}
