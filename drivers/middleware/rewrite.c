/* SPDX-License-Identifier: Apache-2.0
 *
 * rewrite - middleware: another scheme, another host, or less path in the URLs the storage gives.
 */
#include "drivers/middleware/kinds.h"
#include "drivers/middleware/url_parts.h"
#include "lib/base/memory.h"
#include "lib/config/config.h"
#include "lib/storage/store.h"

#include <stdlib.h>

#include "lib/base/banned.h"

struct rewrite {
    struct middleware middleware;
    char *scheme; /* these three: "" leaves it as it is */
    char *host;
    char *prefix; /* percent-encoded as in a URL */
};

/* What a URL with these parts would be cut into again. */
static int check_parts(const struct config_storage_middleware *config, struct error *err)
{
    auto_str url = STR_INIT(STORE_URL_MAX);
    struct url_parts parts;

    str_append_format(&url, "%s://%s/", config->scheme[0] != '\0' ? config->scheme : "https",
                      config->host[0] != '\0' ? config->host : "localhost");
    if (str_overflowed(&url) || !url_parts_cut(str_span(&url), &parts) ||
        (config->scheme[0] != '\0' && !span_is(parts.scheme, config->scheme)))
        return error_set(err, ERROR_INVALID, "scheme %s is not one of a URL", config->scheme);
    if (config->host[0] != '\0' && !span_is(parts.host, config->host))
        return error_set(err, ERROR_INVALID, "host %s is not one of a URL", config->host);
    return 0;
}

static int rewrite_open(const struct config_storage_middleware *config, struct middleware **out,
                        struct error *err)
{
    struct rewrite *rewrite;

    if (check_parts(config, err) < 0)
        return -1;
    rewrite = xcalloc(1, sizeof(*rewrite));
    rewrite->scheme = xstrdup(config->scheme);
    rewrite->host = xstrdup(config->host);
    rewrite->prefix = xstrdup(config->trim_path_prefix);
    *out = &rewrite->middleware;
    return 0;
}

static void rewrite_close(struct middleware *middleware)
{
    struct rewrite *rewrite = (struct rewrite *)middleware;

    free(rewrite->scheme);
    free(rewrite->host);
    free(rewrite->prefix);
    free(rewrite);
}

/* A path that does not begin with a slash any more gets one. */
static void append_path(struct str *out, struct span path, struct span prefix)
{
    if (span_starts_with(path, prefix))
        path = span_from(path, prefix.len);
    if (!span_starts_with(path, SPAN("/")))
        str_append_char(out, '/');
    str_append(out, path);
}

static int rewrite_url_for(struct middleware *middleware, const struct url_request *request,
                           struct str *out, struct error *err)
{
    const struct rewrite *rewrite = (const struct rewrite *)middleware;
    auto_str inner = STR_INIT(STORE_URL_MAX);
    struct url_parts parts;
    int rc = store_inner_url(middleware, request, &inner, err);

    if (rc <= 0)
        return rc;
    if (str_overflowed(&inner) || !url_parts_cut(str_span(&inner), &parts))
        return error_set(err, ERROR_INTERNAL, "rewrite: the storage's URL does not parse");
    str_append(out, rewrite->scheme[0] != '\0' ? span_of(rewrite->scheme) : parts.scheme);
    str_append_text(out, "://");
    str_append(out, rewrite->host[0] != '\0' ? span_of(rewrite->host) : parts.host);
    append_path(out, parts.path, span_of(rewrite->prefix));
    str_append(out, parts.rest);
    return 1;
}

const struct middleware_kind rewrite_middleware = {
    .name = "rewrite",
    .open = rewrite_open,
    .close = rewrite_close,
    .url_for = rewrite_url_for,
};
