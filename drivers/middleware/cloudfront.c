/* SPDX-License-Identifier: Apache-2.0
 *
 * cloudfront - middleware: clients fetch content from Amazon CloudFront, by signed URLs. For
 * storage in a bucket; clients within Amazon's network may go to the bucket itself.
 */
#include "drivers/middleware/ip_filter.h"
#include "drivers/middleware/kinds.h"
#include "drivers/middleware/url_parts.h"
#include "drivers/middleware/url_signer.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/memory.h"
#include "lib/base/redact.h"
#include "lib/config/config.h"
#include "lib/storage/store.h"

#include <stdlib.h>

#include "lib/base/banned.h"

struct cloudfront {
    struct middleware middleware;
    struct str base; /* ends with a slash */
    int64_t duration_s;
    struct url_signer *signer;
    struct ip_filter *filter; /* NULL: everybody goes to CloudFront */
};

/* ---- opening ---- */

/* Without a scheme it is https. What is before the host is nothing for clients. Upstream's words.
 */
static int read_base(const char *base_url, struct str *out, struct error *err)
{
    auto_str url = STR_INIT(STORE_URL_MAX);
    auto_str shown = redact_copy(base_url);
    struct url_parts parts;

    if (strstr(base_url, "://") == NULL)
        str_append_text(&url, "https://");
    str_append_text(&url, base_url);
    if (!span_ends_with(str_span(&url), SPAN("/")))
        str_append_char(&url, '/');
    if (str_overflowed(&url) || !url_parts_cut(str_span(&url), &parts) || parts.host.len == 0 ||
        parts.rest.len > 0)
        return error_set(err, ERROR_INVALID,
                         "invalid baseurl: %s is not a URL with a host and without a query",
                         str_text(&shown));
    str_append_format(out, "%.*s://%.*s%.*s", SPAN_ARGS(parts.scheme), SPAN_ARGS(parts.host),
                      SPAN_ARGS(parts.path));
    return 0;
}

static int check_given(const struct config_storage_middleware *config, struct error *err)
{
    if (config->base_url[0] == '\0')
        return error_set(err, ERROR_INVALID, "no baseurl provided");
    if (config->private_key[0] == '\0')
        return error_set(err, ERROR_INVALID, "no privatekey provided");
    if (config->key_pair_id[0] == '\0')
        return error_set(err, ERROR_INVALID, "no keypairid provided");
    return 0;
}

static void cloudfront_close(struct middleware *middleware)
{
    struct cloudfront *cloudfront = (struct cloudfront *)middleware;

    str_fini(&cloudfront->base);
    url_signer_free(cloudfront->signer);
    ip_filter_free(cloudfront->filter);
    free(cloudfront);
}

static int cloudfront_open(const struct config_storage_middleware *config, struct middleware **out,
                           struct error *err)
{
    struct cloudfront *cloudfront;

    if (check_given(config, err) < 0)
        return -1;
    cloudfront = xcalloc(1, sizeof(*cloudfront));
    cloudfront->base = STR_INIT(STORE_URL_MAX);
    cloudfront->duration_s = config->duration_ns / CLOCK_SECOND_NS;
    if (read_base(config->base_url, &cloudfront->base, err) < 0 ||
        url_signer_new(config->private_key, config->key_pair_id, &cloudfront->signer, err) < 0 ||
        ip_filter_new(config, &cloudfront->filter, err) < 0) {
        cloudfront_close(&cloudfront->middleware);
        return -1;
    }
    *out = &cloudfront->middleware;
    return 0;
}

static void cloudfront_start(struct middleware *middleware)
{
    struct cloudfront *cloudfront = (struct cloudfront *)middleware;

    ip_filter_start(cloudfront->filter);
}

static void cloudfront_stop(struct middleware *middleware)
{
    struct cloudfront *cloudfront = (struct cloudfront *)middleware;

    ip_filter_stop(cloudfront->filter);
}

/* ---- URLs ---- */

static int cloudfront_url_for(struct middleware *middleware, const struct url_request *request,
                              struct str *out, struct error *err)
{
    const struct cloudfront *cloudfront = (const struct cloudfront *)middleware;
    auto_str name = STR_INIT(STORE_URL_MAX);
    auto_str url = STR_INIT(STORE_URL_MAX);
    int64_t expires_at = clock_now().tv_sec + cloudfront->duration_s;

    if (!store_object_name(middleware->store, request->key, &name)) {
        log_warn("the CloudFront middleware does not support this backend storage driver");
        return store_inner_url(middleware, request, out, err);
    }
    if (ip_filter_has(cloudfront->filter, request->client))
        return store_inner_url(middleware, request, out, err);
    str_append(&url, str_span(&cloudfront->base));
    url_parts_encode(&url, str_span(&name));
    if (str_overflowed(&name) || str_overflowed(&url))
        return error_set(err, ERROR_INTERNAL, "cloudfront: a name too long for a URL");
    return url_signer_sign(cloudfront->signer, str_text(&url), expires_at, out, err) < 0 ? -1 : 1;
}

const struct middleware_kind cloudfront_middleware = {
    .name = "cloudfront",
    .open = cloudfront_open,
    .close = cloudfront_close,
    .start = cloudfront_start,
    .stop = cloudfront_stop,
    .url_for = cloudfront_url_for,
};
