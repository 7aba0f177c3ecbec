/* SPDX-License-Identifier: Apache-2.0
 *
 * page - see page.h.
 */
#include "lib/api/page.h"

#include "lib/base/encode.h"
#include "lib/base/json.h"

#include <inttypes.h>

#include "lib/base/banned.h"

#define LINK_MAX (256 << 10) /* bytes; a target's worth, percent-encoded */

int page_get_count(const struct exchange *ex, struct str *text, int64_t *out)
{
    if (!exchange_query(ex, "n", text) || text->len == 0)
        return 0;
    return decode_decimal(str_span(text), out) ? 1 : -1;
}

int page_refuse(struct span n, bool is_number, struct error *err)
{
    auto_str json = STR_INIT(sizeof(err->detail) / 2);

    error_set(err, ERROR_PAGINATION_NUMBER_INVALID, "page of %.*s entries", SPAN_ARGS(n));
    if (is_number)
        str_append(&json, n);
    else
        json_append_string(&json, n);
    if (!str_overflowed(&json))
        error_detail_json(err, "{\"n\":%s}", str_text(&json));
    return -1;
}

void page_set_link_with(struct exchange *ex, const char *name, struct span value, const char *last,
                        int64_t n)
{
    auto_str link = STR_INIT(LINK_MAX);

    str_append_char(&link, '<');
    path_encode(&link, str_span(&ex->path));
    str_append_char(&link, '?');
    if (value.len > 0) {
        str_append_format(&link, "%s=", name);
        encode_query(&link, value);
        str_append_char(&link, '&');
    }
    str_append_text(&link, "last=");
    encode_query(&link, span_of(last));
    str_append_format(&link, "&n=%" PRId64 ">; rel=\"next\"", n);
    http_reply_header(ex->http, "Link", str_text(&link));
}

void page_set_link(struct exchange *ex, const char *last, int64_t n)
{
    page_set_link_with(ex, "", SPAN(""), last, n);
}
