/* SPDX-License-Identifier: Apache-2.0
 *
 * span - see span.h.
 */
#include "lib/base/span.h"

#include "lib/base/ascii.h"

#include "lib/base/banned.h"

bool span_starts_with(struct span span, struct span prefix)
{
    return span.len >= prefix.len && span_equals(span_make(span.data, prefix.len), prefix);
}

bool span_ends_with(struct span span, struct span suffix)
{
    return span.len >= suffix.len && span_equals(span_from(span, span.len - suffix.len), suffix);
}

bool span_equals_nocase(struct span a, struct span b)
{
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++) {
        if (ascii_lower(a.data[i]) != ascii_lower(b.data[i]))
            return false;
    }
    return true;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

struct span span_trim(struct span span)
{
    while (span.len > 0 && is_blank(span.data[0]))
        span = span_from(span, 1);
    while (span.len > 0 && is_blank(span.data[span.len - 1]))
        span.len--;
    return span;
}

struct span span_cut(struct span *rest, char separator)
{
    const char *found = rest->len > 0 ? memchr(rest->data, separator, rest->len) : NULL;
    struct span head = *rest;

    if (found == NULL) {
        *rest = (struct span){NULL, 0};
        return head;
    }
    head.len = (size_t)(found - rest->data);
    *rest = span_from(*rest, head.len + 1);
    return head;
}

int span_compare(struct span a, struct span b)
{
    size_t common = a.len < b.len ? a.len : b.len;
    int order = common > 0 ? memcmp(a.data, b.data, common) : 0;

    if (order != 0)
        return order;
    return a.len < b.len ? -1 : a.len > b.len ? 1 : 0;
}
