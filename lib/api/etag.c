/* SPDX-License-Identifier: Apache-2.0
 *
 * etag - see etag.h.
 */
#include "lib/api/etag.h"

#include <string.h>

#include "lib/base/banned.h"

/* Cuts one tag off the front of @rest. False: what is there is no tag. */
static bool take_tag(struct span *rest, struct span *out, bool *out_weak)
{
    const char *end;

    *out_weak = span_starts_with(*rest, SPAN("W/"));
    if (*out_weak)
        *rest = span_from(*rest, 2);
    if (!span_starts_with(*rest, SPAN("\"")))
        return false;
    *rest = span_from(*rest, 1);
    end = rest->len > 0 ? memchr(rest->data, '"', rest->len) : NULL;
    if (end == NULL)
        return false;
    *out = span_make(rest->data, (size_t)(end - rest->data));
    *rest = span_from(*rest, out->len + 1);
    return true;
}

/* What stands unquoted up to the next comma. */
static struct span take_bare(struct span *rest)
{
    const char *end = rest->len > 0 ? memchr(rest->data, ',', rest->len) : NULL;
    struct span bare = {rest->data, end != NULL ? (size_t)(end - rest->data) : rest->len};

    *rest = span_from(*rest, bare.len);
    return span_trim(bare);
}

static struct span skip_commas(struct span rest)
{
    rest = span_trim(rest);
    while (rest.len > 0 && rest.data[0] == ',')
        rest = span_trim(span_from(rest, 1));
    return rest;
}

bool etag_list_has(struct span list, struct span tag, enum etag_comparison comparison)
{
    struct span rest = skip_commas(list);

    if (span_is(rest, "*"))
        return true;
    while (rest.len > 0) {
        struct span found;
        bool is_weak = false;

        if (comparison == ETAG_LOOSE && rest.data[0] != '"' && rest.data[0] != 'W')
            found = take_bare(&rest);
        else if (!take_tag(&rest, &found, &is_weak))
            return false;
        if (span_equals(found, tag) && !(is_weak && comparison == ETAG_STRONG))
            return true;
        rest = skip_commas(rest);
    }
    return false;
}

bool etag_is(struct span value, struct span tag)
{
    struct span rest = span_trim(value);
    struct span found;
    bool is_weak;

    return take_tag(&rest, &found, &is_weak) && rest.len == 0 && !is_weak &&
           span_equals(found, tag);
}
