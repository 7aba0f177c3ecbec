/* SPDX-License-Identifier: Apache-2.0
 *
 * content_range - see content_range.h.
 */
#include "lib/api/content_range.h"

#include "lib/base/encode.h"

#include "lib/base/banned.h"

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
    if (!decode_decimal(from, &first) || !decode_decimal(rest, &last))
        return false;
    *out_first = first;
    *out_last = last;
    return true;
}
