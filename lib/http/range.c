/* SPDX-License-Identifier: Apache-2.0
 *
 * range - see range.h.
 */
#include "lib/http/range.h"

#include "lib/base/encode.h"

#include "lib/base/banned.h"

/* The last @text bytes. */
static enum range_verdict parse_suffix(struct span text, int64_t size, struct range *out)
{
    int64_t len;

    if (!decode_decimal(text, &len))
        return RANGE_INVALID;
    if (len > size)
        len = size;
    *out = (struct range){size - len, len};
    return RANGE_PARTS;
}

/* One member of the set, "first-last", "first-" or "-suffix", trimmed. */
static enum range_verdict parse_member(struct span member, int64_t size, struct range *out)
{
    struct span rest = member;
    struct span from = span_trim(span_cut(&rest, '-'));
    struct span to = span_trim(rest);
    int64_t first;
    int64_t last = size - 1;

    if (rest.data == NULL)
        return RANGE_INVALID; /* no dash */
    if (from.len == 0)
        return parse_suffix(to, size, out);
    if (!decode_decimal(from, &first))
        return RANGE_INVALID;
    if (first >= size)
        return RANGE_OUTSIDE;
    if (to.len > 0 && (!decode_decimal(to, &last) || last < first))
        return RANGE_INVALID;
    if (last >= size)
        last = size - 1;
    *out = (struct range){first, last - first + 1};
    return RANGE_PARTS;
}

/* What follows `bytes=`. Members behind the end are left out while there are others. */
static enum range_verdict parse_set(struct span rest, int64_t size, struct range_set *out)
{
    bool is_some_outside = false;
    bool is_too_much = false;
    int64_t wanted = 0; /* bytes in all */

    out->count = 0;
    while (rest.data != NULL) {
        struct span member = span_trim(span_cut(&rest, ','));
        struct range range = {0, 0};
        enum range_verdict verdict;

        if (member.len == 0)
            continue;
        verdict = parse_member(member, size, &range);
        if (verdict == RANGE_INVALID)
            return RANGE_INVALID;
        is_some_outside |= verdict == RANGE_OUTSIDE;
        if (verdict == RANGE_OUTSIDE)
            continue;
        is_too_much |= range.len > size - wanted || out->count == RANGE_COUNT_MAX;
        if (!is_too_much) {
            out->items[out->count++] = range;
            wanted += range.len;
        }
    }
    if (size == 0)
        return RANGE_WHOLE; /* of nothing there are no parts, and asking is no mistake */
    if (out->count == 0 && is_some_outside)
        return RANGE_OUTSIDE;
    return out->count == 0 || is_too_much ? RANGE_WHOLE : RANGE_PARTS;
}

enum range_verdict range_parse(struct span header, int64_t size, struct range_set *out)
{
    static const struct span unit = SPAN("bytes=");
    enum range_verdict verdict;
    struct range_set set;

    if (header.len == 0)
        return RANGE_WHOLE;
    if (!span_starts_with(header, unit))
        return RANGE_INVALID;
    verdict = parse_set(span_from(header, unit.len), size, &set);
    if (verdict == RANGE_PARTS)
        *out = set;
    return verdict;
}
