/* SPDX-License-Identifier: Apache-2.0
 *
 * routes - see routes.h.
 */
#include "lib/api/routes.h"

#include "lib/base/ascii.h"
#include "lib/oci/reference.h"

#include <string.h>

#include "lib/base/banned.h"

/* Sorted, as they go into the Allow header. */
static const struct {
    const char *all;
    const char *read_only;
} allowed[ROUTE_COUNT] = {
    [ROUTE_BASE] = {NULL, NULL},
    [ROUTE_CATALOG] = {"GET", "GET"},
    [ROUTE_TAGS] = {"GET", "GET"},
    [ROUTE_MANIFEST] = {"DELETE, GET, HEAD, PUT", "GET, HEAD"},
    [ROUTE_BLOB] = {"DELETE, GET, HEAD", "GET, HEAD"},
    [ROUTE_UPLOADS] = {"DELETE, GET, HEAD, PATCH, POST, PUT", "GET, HEAD"},
    [ROUTE_UPLOAD] = {"DELETE, GET, HEAD, PATCH, POST, PUT", "GET, HEAD"},
    [ROUTE_REFERRERS] = {"GET", "GET"},
    [ROUTE_TOKEN] = {"GET, POST", "GET, POST"},
};

const char *route_allow(enum route route, bool is_read_only)
{
    return is_read_only ? allowed[route].read_only : allowed[route].all;
}

bool is_route_method(enum route route, bool is_read_only, const char *method)
{
    struct span rest = span_of(route_allow(route, is_read_only));

    if (rest.data == NULL)
        return true;
    while (rest.data != NULL) {
        if (span_is(span_trim(span_cut(&rest, ',')), method))
            return true;
    }
    return false;
}

/* ---- the target ---- */

static const char *find(struct span text, char c)
{
    return text.len > 0 ? memchr(text.data, c, text.len) : NULL;
}

/* Moves "scheme://authority" from the front of @rest to @out. */
static void cut_origin(struct span *rest, struct target *out)
{
    const char *colon = find(*rest, ':');
    struct span after;
    size_t len = 0;

    if (colon == NULL ||
        !span_starts_with(span_from(*rest, (size_t)(colon - rest->data)), SPAN("://")))
        return;
    out->scheme = span_make(rest->data, (size_t)(colon - rest->data));
    after = span_from(*rest, out->scheme.len + 3);
    while (len < after.len && after.data[len] != '/' && after.data[len] != '?')
        len++;
    out->authority = span_make(after.data, len);
    *rest = span_from(after, len);
}

void target_parse(struct span text, struct target *out)
{
    *out = (struct target){.path = SPAN("/")};
    if (text.len > 0 && text.data[0] != '/')
        cut_origin(&text, out);
    if (text.len == 0)
        return;
    if (text.data[0] == '?')
        span_cut(&text, '?');
    else
        out->path = span_cut(&text, '?');
    out->query = text;
}

/* ---- paths ---- */

/* Takes the last component away, and the slash before it. */
static void drop_component(struct str *out, size_t from)
{
    while (out->len > from && out->data[out->len - 1] != '/')
        out->len--;
    if (out->len > from)
        out->len--;
    out->data[out->len] = '\0';
}

void path_clean(struct str *out, struct span path)
{
    size_t start = out->len;
    struct span rest = path;
    bool is_directory;

    while (rest.data != NULL) {
        struct span component = span_cut(&rest, '/');

        if (component.len == 0 || span_is(component, "."))
            continue;
        if (span_is(component, "..")) {
            if (out->len > start)
                drop_component(out, start);
            continue;
        }
        str_append_char(out, '/');
        str_append(out, component);
    }
    is_directory = path.len > 0 && path.data[path.len - 1] == '/';
    if (out->len == start || is_directory)
        str_append_char(out, '/');
}

static bool is_path_char(char c)
{
    return is_ascii_alnum_or(c, "-._~/$&+,:;=@");
}

void path_encode(struct str *out, struct span path)
{
    for (size_t i = 0; i < path.len; i++) {
        if (is_path_char(path.data[i]))
            str_append_char(out, path.data[i]);
        else
            str_append_format(out, "%%%02X", (unsigned)(unsigned char)path.data[i]);
    }
}

/* ---- matching ---- */

static bool is_upload_id(struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (!is_ascii_alnum_or(text.data[i], "-_.="))
            return false;
    }
    return text.len > 0;
}

static bool is_any_reference(struct span text)
{
    return is_tag(text) || is_digest_shaped(text);
}

/* Anything visible: whoever asks for referrers learns that a digest is malformed, rather than that
 * there is no such page, which would say that referrers are not offered. */
static bool is_visible(struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] <= ' ' || text.data[i] > '~')
            return false;
    }
    return text.len > 0;
}

/* The routes below a repository, by what is left and right of the last slash. */
static const struct suffix {
    enum route route;
    struct span before; /* what comes before the reference */
    bool (*is_reference)(struct span text);
} suffixes[] = {
    {ROUTE_MANIFEST, {"/manifests/", 11}, is_any_reference},
    {ROUTE_BLOB, {"/blobs/", 7}, is_digest_shaped},
    {ROUTE_UPLOAD, {"/blobs/uploads/", 15}, is_upload_id},
    {ROUTE_REFERRERS, {"/referrers/", 11}, is_visible},
};

static bool match_fixed(struct span rest, struct span suffix, enum route route,
                        struct route_match *out)
{
    struct span name = rest;

    if (!span_ends_with(rest, suffix))
        return false;
    name.len -= suffix.len;
    if (!is_repository_shaped(name))
        return false;
    out->route = route;
    out->repository = name;
    return true;
}

static bool match_reference(struct span rest, const struct suffix *suffix, struct route_match *out)
{
    struct span head = rest;
    struct span reference;

    while (head.len > 0 && head.data[head.len - 1] != '/')
        head.len--;
    reference = span_from(rest, head.len);
    if (!suffix->is_reference(reference) || !match_fixed(head, suffix->before, suffix->route, out))
        return false;
    out->reference = reference;
    return true;
}

/* Below "/v2/", in canonical form. */
static bool match_below(struct span rest, struct route_match *out)
{
    if (rest.len == 0) {
        out->route = ROUTE_BASE;
        return true;
    }
    if (span_is(rest, "_catalog")) {
        out->route = ROUTE_CATALOG;
        return true;
    }
    if (match_fixed(rest, SPAN("/tags/list"), ROUTE_TAGS, out) ||
        match_fixed(rest, SPAN("/blobs/uploads/"), ROUTE_UPLOADS, out))
        return true;
    for (size_t i = 0; i < array_count(suffixes); i++) {
        if (match_reference(rest, &suffixes[i], out))
            return true;
    }
    return false;
}

/* The path without its final slash, where there should be none. */
static bool match_without_slash(struct span rest, struct route_match *out)
{
    if (!span_ends_with(rest, SPAN("/")))
        return false;
    rest.len--;
    return rest.len > 0 && match_below(rest, out);
}

bool route_match(struct span path, struct span prefix, struct route_match *out)
{
    struct route_match match = {.route = ROUTE_NONE};
    struct span rest;
    bool is_found;

    if (!span_starts_with(path, prefix))
        return false;
    rest = span_from(path, prefix.len);
    if (span_is(rest, "v2")) {
        match.route = ROUTE_BASE;
        match.is_slash_wrong = true;
        *out = match;
        return true;
    }
    if (span_is(rest, "auth/token")) {
        match.route = ROUTE_TOKEN;
        *out = match;
        return true;
    }
    if (!span_starts_with(rest, SPAN("v2/")))
        return false;
    rest = span_from(rest, 3);
    is_found = match_below(rest, &match);
    if (!is_found) {
        match.is_slash_wrong = true;
        is_found = match_without_slash(rest, &match) ||
                   match_fixed(rest, SPAN("/blobs/uploads"), ROUTE_UPLOADS, &match);
    }
    if (is_found)
        *out = match;
    return is_found;
}
