/* SPDX-License-Identifier: Apache-2.0
 *
 * utf8 - see utf8.h.
 */
#include "lib/base/utf8.h"

#include "lib/base/banned.h"

size_t utf8_next(struct span text, uint32_t *out_point)
{
    static const uint32_t least[5] = {0, 0, 0x80, 0x800, 0x10000};
    const unsigned char *bytes = (const unsigned char *)text.data;
    size_t len = bytes[0] < 0x80             ? 1
                 : (bytes[0] & 0xe0) == 0xc0 ? 2
                 : (bytes[0] & 0xf0) == 0xe0 ? 3
                 : (bytes[0] & 0xf8) == 0xf0 ? 4
                                             : 0;
    uint32_t point;

    if (len == 0 || len > text.len)
        return 0;
    point = len == 1 ? bytes[0] : bytes[0] & (0xffu >> (len + 1));
    for (size_t i = 1; i < len; i++) {
        if ((bytes[i] & 0xc0) != 0x80)
            return 0;
        point = point << 6 | (bytes[i] & 0x3fu);
    }
    if (point < least[len] || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff))
        return 0;
    *out_point = point;
    return len;
}

bool utf8_append_short_escape(struct str *str, uint32_t point)
{
    if (point == '"' || point == '\\')
        str_append_format(str, "\\%c", (char)point);
    else if (point == '\n')
        str_append_text(str, "\\n");
    else if (point == '\r')
        str_append_text(str, "\\r");
    else if (point == '\t')
        str_append_text(str, "\\t");
    else
        return false;
    return true;
}
