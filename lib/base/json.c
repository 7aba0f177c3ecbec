/* SPDX-License-Identifier: Apache-2.0
 *
 * json - see json.h.
 */
#include "lib/base/json.h"

#include <stdint.h>

#include "lib/base/banned.h"

/*
 * Length of the well-formed UTF-8 sequence at the start of @text, 0 if there is none; the code
 * point goes to @out_point. Source: RFC 3629 (no overlong forms, no surrogates, at most U+10FFFF).
 */
static size_t utf8_next(struct span text, uint32_t *out_point)
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

static bool needs_escape(uint32_t point)
{
    return point < 0x20 || point == '<' || point == '>' || point == '&' || point == 0x2028 ||
           point == 0x2029;
}

static void append_point(struct str *str, uint32_t point, struct span bytes)
{
    if (point == '"' || point == '\\')
        str_append_format(str, "\\%c", (char)point);
    else if (point == '\n')
        str_append_text(str, "\\n");
    else if (point == '\r')
        str_append_text(str, "\\r");
    else if (point == '\t')
        str_append_text(str, "\\t");
    else if (needs_escape(point))
        str_append_format(str, "\\u%04x", (unsigned)point);
    else
        str_append(str, bytes);
}

void json_append_string(struct str *str, struct span text)
{
    str_append_char(str, '"');
    while (text.len > 0) {
        uint32_t point = 0;
        size_t len = utf8_next(text, &point);

        if (len == 0) {
            str_append_text(str, "\\ufffd");
            len = 1;
        } else {
            append_point(str, point, span_make(text.data, len));
        }
        text = span_from(text, len);
    }
    str_append_char(str, '"');
}

bool json_depth_is_within(struct span text, size_t max)
{
    size_t depth = 0;
    bool in_string = false;

    for (size_t i = 0; i < text.len; i++) {
        char c = text.data[i];

        if (in_string) {
            if (c == '\\')
                i++;
            else if (c == '"')
                in_string = false;
        } else if (c == '"') {
            in_string = true;
        } else if (c == '{' || c == '[') {
            if (++depth > max)
                return false;
        } else if ((c == '}' || c == ']') && depth > 0) {
            depth--;
        }
    }
    return true;
}
