/* SPDX-License-Identifier: Apache-2.0
 *
 * content_range - see content_range.h.
 */
#include "lib/api/content_range.h"

#include "lib/base/banned.h"

static bool parse_position(struct span text, int64_t *out)
{
    int64_t value = 0;

    for (size_t i = 0; i < text.len; i++) {
        int digit = text.data[i] - '0';

        if (digit < 0 || digit > 9 || value > (INT64_MAX - digit) / 10)
            return false;
        value = value * 10 + digit;
    }
    *out = value;
    return text.len > 0;
}

bool content_range_parse(struct span text, int64_t *out_first, int64_t *out_last)
{
    static const size_t unit_len = sizeof("bytes ") - 1;
    struct span rest = span_trim(text);
    struct span from;
    int64_t first;
    int64_t last;

    if (span_starts_with(rest, SPAN("bytes "))) {
        rest = span_from(rest, unit_len);
        rest = span_trim(span_cut(&rest, '/'));
    }
    from = span_cut(&rest, '-');
    if (!parse_position(from, &first) || !parse_position(rest, &last))
        return false;
    *out_first = first;
    *out_last = last;
    return true;
}
