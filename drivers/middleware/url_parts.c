/* SPDX-License-Identifier: Apache-2.0
 *
 * url_parts - see url_parts.h.
 */
#include "drivers/middleware/url_parts.h"

#include "lib/base/ascii.h"

#include "lib/base/banned.h"

static bool is_made_of(struct span text, const char *others)
{
    for (size_t i = 0; i < text.len; i++) {
        if (!is_ascii_alnum_or(text.data[i], others))
            return false;
    }
    return true;
}

/* Cuts what comes before the first of @marks off the front of @rest. */
static struct span cut_before(struct span *rest, const char *marks)
{
    struct span head = {rest->data, 0};

    while (head.len < rest->len && strchr(marks, rest->data[head.len]) == NULL)
        head.len++;
    *rest = span_from(*rest, head.len);
    return head;
}

/* Each percent sign has two digits behind it. */
static bool is_escaped(struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] == '%' && (i + 2 >= text.len || ascii_hex_value(text.data[i + 1]) < 0 ||
                                    ascii_hex_value(text.data[i + 2]) < 0))
            return false;
    }
    return true;
}

/* Nothing, or a colon and digits, or the colon alone. */
static bool is_port(struct span text)
{
    if (text.len == 0)
        return true;
    for (size_t i = 1; i < text.len; i++) {
        if (!is_ascii_digit(text.data[i]))
            return false;
    }
    return text.data[0] == ':';
}

/* A name or an address, in brackets one of IPv6 with its zone; and a port. */
static bool is_host(struct span text)
{
    struct span port = text;
    struct span name;

    if (!span_starts_with(text, SPAN("["))) {
        name = cut_before(&port, ":");
        return name.len > 0 && is_made_of(name, "-._~!$&'()*+,;=%") && is_port(port);
    }
    name = span_from(cut_before(&port, "]"), 1);
    return port.len > 0 && memchr(name.data, ':', name.len) != NULL && is_made_of(name, "-._~:%") &&
           is_port(span_from(port, 1));
}

/* The scheme, cut off together with its colon; empty when @rest begins otherwise. */
static struct span cut_scheme(struct span *rest)
{
    struct span after = *rest;
    struct span scheme = cut_before(&after, ":/?#");

    if (scheme.len == 0 || after.len == 0 || after.data[0] != ':' || !is_made_of(scheme, "+-.") ||
        !(is_ascii_lower(scheme.data[0]) || is_ascii_upper(scheme.data[0])))
        return SPAN("");
    *rest = span_from(after, 1);
    return scheme;
}

bool url_parts_cut(struct span text, struct url_parts *out)
{
    struct url_parts parts = {.host = SPAN("")};
    struct span authority = SPAN("");

    if (!is_made_of(text, "-._~:/?#[]@!$&'()*+,;=%") || !is_escaped(text))
        return false;
    parts.scheme = cut_scheme(&text);
    if (span_starts_with(text, SPAN("//"))) {
        text = span_from(text, 2);
        authority = cut_before(&text, "/?#");
        parts.host = cut_before(&authority, "@");
        if (authority.len > 0)
            parts.host = span_from(authority, 1);
        if ((parts.host.len > 0 || authority.len > 0) && !is_host(parts.host))
            return false;
    }
    parts.path = cut_before(&text, "?#");
    parts.rest = text;
    *out = parts;
    return true;
}

void url_parts_encode(struct str *out, struct span path)
{
    for (size_t i = 0; i < path.len; i++) {
        if (is_ascii_alnum_or(path.data[i], "-._~/"))
            str_append_char(out, path.data[i]);
        else
            str_append_format(out, "%%%02X", (unsigned)(unsigned char)path.data[i]);
    }
}
