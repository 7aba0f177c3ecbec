/* SPDX-License-Identifier: Apache-2.0
 *
 * redirect - middleware: clients fetch content below a fixed URL, of a server that has the
 * storage's tree.
 *
 *     baseurl https://cdn.example.com/images/ + /docker/registry/v2/blobs/...
 */
#include "drivers/middleware/kinds.h"
#include "drivers/middleware/url_parts.h"
#include "lib/base/log.h"
#include "lib/base/memory.h"
#include "lib/base/redact.h"
#include "lib/config/config.h"

#include <stdlib.h>

#include "lib/base/banned.h"

#define BASE_MAX 4096 /* bytes; leaves room for a key */

struct redirect {
    struct middleware middleware;
    struct str base; /* what comes before a key: without a slash at its end */
};

/* Upstream's words. */
static int read_base(const char *base_url, struct url_parts *out, struct error *err)
{
    auto_str shown = redact_copy(base_url);

    if (base_url[0] == '\0')
        return error_set(err, ERROR_INVALID, "no baseurl provided");
    if (!url_parts_cut(span_of(base_url), out))
        return error_set(err, ERROR_INVALID, "unable to parse redirect baseurl: %s",
                         str_text(&shown));
    if (out->scheme.len == 0)
        return error_set(err, ERROR_INVALID, "no scheme specified for redirect baseurl");
    if (out->host.len == 0)
        return error_set(err, ERROR_INVALID, "no host specified for redirect baseurl");
    if (strlen(base_url) > BASE_MAX)
        return error_set(err, ERROR_INVALID, "redirect baseurl is longer than %d bytes", BASE_MAX);
    return 0;
}

static int redirect_open(const struct config_storage_middleware *config, struct middleware **out,
                         struct error *err)
{
    struct url_parts parts;
    struct redirect *redirect;

    if (read_base(config->base_url, &parts, err) < 0)
        return -1;
    while (span_ends_with(parts.path, SPAN("/")))
        parts.path.len--;
    redirect = xcalloc(1, sizeof(*redirect));
    redirect->base = STR_INIT(STORE_URL_MAX);
    str_append_format(&redirect->base, "%.*s://%.*s%.*s", SPAN_ARGS(parts.scheme),
                      SPAN_ARGS(parts.host), SPAN_ARGS(parts.path));
    if (parts.path.len > 0)
        log_info("redirect: blobs are fetched below %s; upstream's version 2 drops the path",
                 str_text(&redirect->base));
    *out = &redirect->middleware;
    return 0;
}

static void redirect_close(struct middleware *middleware)
{
    struct redirect *redirect = (struct redirect *)middleware;

    str_fini(&redirect->base);
    free(redirect);
}

static int redirect_url_for(struct middleware *middleware, const struct url_request *request,
                            struct str *out, struct error *err)
{
    const struct redirect *redirect = (const struct redirect *)middleware;

    (void)err;
    str_append(out, str_span(&redirect->base));
    str_append_text(out, request->key);
    return 1;
}

const struct middleware_kind redirect_middleware = {
    .name = "redirect",
    .open = redirect_open,
    .close = redirect_close,
    .url_for = redirect_url_for,
};
