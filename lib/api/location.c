/* SPDX-License-Identifier: Apache-2.0
 *
 * location - see location.h.
 */
#include "lib/api/location.h"

#include "lib/base/ascii.h"

#include <string.h>

#include "lib/base/banned.h"

/* ---- Forwarded ---- */

static bool is_token_char(char c)
{
    return (unsigned char)c > 0x20 && (unsigned char)c < 0x7f &&
           strchr("\"(),/:;<=>?@[\\]{}", c) == NULL;
}

static struct span take_token(struct span *rest)
{
    struct span token = {rest->data, 0};

    while (token.len < rest->len && is_token_char(rest->data[token.len]))
        token.len++;
    *rest = span_from(*rest, token.len);
    return token;
}

/* Appends the content of a quoted string to @out; @rest begins behind the opening quote. */
static bool take_quoted(struct span *rest, struct str *out)
{
    size_t i = 0;

    while (i < rest->len && rest->data[i] != '"') {
        if (rest->data[i] == '\\')
            i++;
        if (i == rest->len)
            return false;
        str_append_char(out, rest->data[i++]);
    }
    if (i == rest->len)
        return false;
    *rest = span_from(*rest, i + 1);
    return !str_overflowed(out);
}

static bool take_value(struct span *rest, struct str *out)
{
    if (rest->len > 0 && rest->data[0] == '"') {
        *rest = span_from(*rest, 1);
        return take_quoted(rest, out);
    }
    str_append(out, take_token(rest));
    return out->len > 0 && !str_overflowed(out);
}

/* Names that came already, to find the ones that come twice. */
struct seen {
    struct span names[8];
    size_t count;
};

static bool note_name(struct seen *seen, struct span name)
{
    for (size_t i = 0; i < seen->count; i++) {
        if (span_equals_nocase(seen->names[i], name))
            return false;
    }
    if (seen->count == array_count(seen->names))
        return false;
    seen->names[seen->count++] = name;
    return true;
}

/* One `name=value`; only proto and host are kept. */
static bool take_pair(struct span *rest, struct seen *seen, struct forwarded *out)
{
    struct span name = take_token(rest);
    auto_str value = STR_INIT(FORWARDED_VALUE_MAX);

    if (name.len == 0 || rest->len == 0 || rest->data[0] != '=' || !note_name(seen, name))
        return false;
    *rest = span_from(*rest, 1);
    if (!take_value(rest, &value))
        return false;
    if (span_equals_nocase(name, SPAN("proto")))
        str_append(&out->proto, str_span(&value));
    else if (span_equals_nocase(name, SPAN("host")))
        str_append(&out->host, str_span(&value));
    return true;
}

bool forwarded_parse(struct span header, struct forwarded *out)
{
    struct span rest = span_trim(header);
    struct seen seen = {.count = 0};

    *out = (struct forwarded){STR_INIT(FORWARDED_VALUE_MAX), STR_INIT(FORWARDED_VALUE_MAX)};
    for (;;) {
        if (!take_pair(&rest, &seen, out))
            return false;
        rest = span_trim(rest);
        if (rest.len == 0 || rest.data[0] == ',')
            return true; /* the elements behind the first are none of ours */
        if (rest.data[0] != ';')
            return false;
        rest = span_trim(span_from(rest, 1));
    }
}

void forwarded_fini(struct forwarded *forwarded)
{
    str_fini(&forwarded->proto);
    str_fini(&forwarded->host);
}

/* ---- the base ---- */

/* A scheme is taken verbatim (upstream does not split "https,http"), but for what no proxy means.
 */
static bool is_scheme_safe(struct span scheme)
{
    for (size_t i = 0; i < scheme.len; i++) {
        if (!is_ascii_alnum_or(scheme.data[i], "+-., "))
            return false;
    }
    return scheme.len > 0;
}

static bool is_host_char(char c)
{
    return is_ascii_alnum_or(c, "-._~%!$&'()*+,;=:[]");
}

/* Source: RFC 3986 section 3.2.2; what a host cannot hold is percent-encoded. */
static void append_host(struct str *out, struct span host)
{
    for (size_t i = 0; i < host.len; i++) {
        if (is_host_char(host.data[i]))
            str_append_char(out, host.data[i]);
        else
            str_append_format(out, "%%%02X", (unsigned)(unsigned char)host.data[i]);
    }
}

static void append_origin(struct str *out, struct span scheme, struct span host)
{
    str_append(out, scheme);
    str_append_text(out, "://");
    append_host(out, host);
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

/* As resolving "v2/..." against http.host: its last path segment and its query are dropped. False
 * unless it has a scheme and a host. Source: RFC 3986 section 5.2.3. */
static bool append_configured(struct str *out, struct span host)
{
    struct span rest = host;
    struct span scheme = cut_before(&rest, ":");
    struct span authority;
    struct span path;

    if (!is_scheme_safe(scheme) || !span_starts_with(rest, SPAN("://")))
        return false;
    rest = span_from(rest, 3);
    authority = cut_before(&rest, "/?#");
    if (authority.len == 0)
        return false;
    path = cut_before(&rest, "?#");
    while (path.len > 0 && path.data[path.len - 1] != '/')
        path.len--;
    append_origin(out, scheme, authority);
    str_append(out, path.len > 0 ? path : SPAN("/"));
    return true;
}

/* What a Forwarded header replaces; nothing when it does not parse. */
static void apply_forwarded(struct forwarded *forwarded, struct span header, struct span *scheme,
                            struct span *host)
{
    if (!forwarded_parse(header, forwarded))
        return;
    if (is_scheme_safe(str_span(&forwarded->proto)))
        *scheme = str_span(&forwarded->proto);
    if (forwarded->host.len > 0)
        *host = str_span(&forwarded->host);
}

static void apply_x_forwarded(const struct location_request *request, struct span *scheme,
                              struct span *host)
{
    struct span hosts = request->forwarded_host;

    if (is_scheme_safe(request->forwarded_proto))
        *scheme = request->forwarded_proto;
    if (hosts.len > 0)
        *host = span_trim(span_cut(&hosts, ','));
}

void location_base(struct str *out, const struct location_rules *rules,
                   const struct location_request *request)
{
    struct forwarded forwarded = {STR_INIT(0), STR_INIT(0)};
    struct span scheme = SPAN("http");
    struct span host = request->host;

    if (append_configured(out, rules->host))
        return;
    if (!rules->is_relative) {
        if (request->target_scheme.len > 0) {
            scheme = request->target_scheme;
            host = request->target_authority;
        }
        if (request->is_tls)
            scheme = SPAN("https");
        if (request->has_forwarded)
            apply_forwarded(&forwarded, request->forwarded, &scheme, &host);
        else
            apply_x_forwarded(request, &scheme, &host);
        append_origin(out, scheme, host);
        forwarded_fini(&forwarded);
    }
    str_append(out, rules->prefix);
}
