/* SPDX-License-Identifier: Apache-2.0
 *
 * query - see query.h.
 */
#include "lib/base/query.h"

#include "lib/base/encode.h"

#include <string.h>

#include "lib/base/banned.h"

static bool is_name(struct span encoded, const char *name)
{
    auto_str decoded = STR_INIT(encoded.len);

    return decode_percent(&decoded, encoded, true) && span_is(str_span(&decoded), name);
}

bool query_get(struct span query, const char *name, struct str *out)
{
    while (query.data != NULL) {
        struct span value = span_cut(&query, '&');
        bool is_odd = value.len > 0 && memchr(value.data, ';', value.len) != NULL;
        struct span key = span_cut(&value, '=');
        auto_str decoded = STR_INIT(value.len);

        if (is_odd || !is_name(key, name) || !decode_percent(&decoded, value, true))
            continue;
        str_append(out, str_span(&decoded));
        return !str_overflowed(out);
    }
    return false;
}
