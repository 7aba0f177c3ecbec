/* SPDX-License-Identifier: Apache-2.0
 *
 * endpoint - see endpoint.h.
 *
 * Source: "Amazon Simple Storage Service endpoints and quotas" of the AWS General Reference, and
 * "Bucket naming rules" of the Amazon S3 user guide.
 */
#include "drivers/s3/endpoint.h"

#include "drivers/s3/sign.h"
#include "lib/base/ascii.h"
#include "lib/base/memory.h"
#include "lib/config/config.h"

#include <stdlib.h>

#include "lib/base/banned.h"

/* Bytes of names; what is longer exists nowhere. */
#define HOST_MAX       300
#define REGION_MAX     63
#define BUCKET_MAX     255
#define DEFAULT_REGION "us-east-1" /* of services that have no regions */

static bool is_made_of(struct span text, const char *others, size_t max)
{
    for (size_t i = 0; i < text.len; i++) {
        if (!is_ascii_alnum_or(text.data[i], others))
            return false;
    }
    return text.len > 0 && text.len <= max;
}

/* Names of hosts have no case. */
static bool is_below(struct span host, struct span domain)
{
    return host.len > domain.len &&
           span_equals_nocase(span_from(host, host.len - domain.len), domain);
}

/* ---- Amazon ---- */

/* "s3.eu-west-1.amazonaws.com" and its variants. */
static void append_amazon_host(const struct config_s3 *config, const char *region, struct str *out)
{
    bool is_china = span_starts_with(span_of(region), SPAN("cn-"));

    if (config->is_accelerated) {
        str_append_text(out, config->is_dual_stack ? "s3-accelerate.dualstack.amazonaws.com"
                                                   : "s3-accelerate.amazonaws.com");
        return;
    }
    if (strcmp(region, DEFAULT_REGION) == 0 && !config->is_dual_stack && !config->is_fips) {
        str_append_text(out, "s3.amazonaws.com");
        return;
    }
    str_append_format(out, "s3%s.%s%s.amazonaws.com%s", config->is_fips ? "-fips" : "",
                      config->is_dual_stack ? "dualstack." : "", region, is_china ? ".cn" : "");
}

/* Whether the name can stand before a host name: and under TLS, without being two names. */
static bool is_host_name(const char *bucket, bool is_https)
{
    struct span name = span_of(bucket);

    for (size_t i = 0; i < name.len; i++) {
        if (name.data[i] >= 'A' && name.data[i] <= 'Z')
            return false;
    }
    return name.len >= 3 && is_made_of(name, is_https ? "-" : "-.", 63) && name.data[0] != '-' &&
           name.data[name.len - 1] != '-' && strstr(bucket, "..") == NULL;
}

static int locate_at_amazon(struct endpoint *endpoint, const struct config_s3 *config,
                            struct error *err)
{
    auto_str host = STR_INIT(HOST_MAX);
    bool is_virtual = is_host_name(endpoint->bucket, config->is_secure);

    if (!config->is_v4_auth)
        return error_set(
            err, ERROR_INVALID,
            "on Amazon S3 this storage driver can only be used with v4 authentication");
    if (config->is_accelerated && (!is_virtual || config->is_path_style_forced || config->is_fips))
        return error_set(err, ERROR_INVALID,
                         "accelerate needs a bucket whose name is part of the host name, and goes "
                         "neither with forcepathstyle nor with usefipsendpoint");
    endpoint->is_path_style = config->is_path_style_forced || !is_virtual;
    if (!endpoint->is_path_style)
        str_append_format(&host, "%s.", endpoint->bucket);
    append_amazon_host(config, endpoint->region, &host);
    endpoint->scheme = xstrdup(config->is_secure ? "https" : "http");
    endpoint->host = str_take(&host);
    return 0;
}

/* ---- everywhere else ---- */

/* The port that goes without saying is not in the Host header either. */
static struct span without_own_port(struct span host, bool is_https)
{
    struct span port = is_https ? SPAN(":443") : SPAN(":80");

    if (span_ends_with(host, port))
        host.len -= port.len;
    return host;
}

static int locate_at(struct endpoint *endpoint, const struct config_s3 *config, struct error *err)
{
    struct span host = span_of(config->region_endpoint);
    bool is_https = config->is_secure;

    if (span_starts_with(host, SPAN("https://")) || span_starts_with(host, SPAN("http://"))) {
        is_https = span_starts_with(host, SPAN("https://"));
        host = span_from(host, is_https ? 8 : 7);
    }
    while (span_ends_with(host, SPAN("/")))
        host.len--;
    if (!is_made_of(host, ".-_:[]", HOST_MAX) || host.data[0] == ':')
        return error_set(err, ERROR_INVALID,
                         "regionendpoint is not a host, host:port, or URL of one");
    if (!config->is_v4_auth && strstr(config->region_endpoint, "s3.amazonaws.com") != NULL)
        return error_set(
            err, ERROR_INVALID,
            "on Amazon S3 this storage driver can only be used with v4 authentication");
    if (config->is_accelerated || config->is_dual_stack || config->is_fips)
        return error_set(err, ERROR_INVALID,
                         "accelerate, usedualstack and usefipsendpoint choose "
                         "an endpoint of Amazon: not with regionendpoint");
    host = without_own_port(host, is_https);
    endpoint->scheme = xstrdup(is_https ? "https" : "http");
    endpoint->host = xstrndup(host.data, host.len);
    endpoint->is_path_style = true;
    return 0;
}

int endpoint_init(struct endpoint *endpoint, const struct config_s3 *config, struct error *err)
{
    bool is_amazon = config->region_endpoint[0] == '\0';
    const char *region = config->region[0] == '\0' && !is_amazon ? DEFAULT_REGION : config->region;
    struct endpoint fresh = {0};

    if (region[0] == '\0')
        return error_set(err, ERROR_INVALID, "no region parameter provided");
    if (!is_made_of(span_of(region), "-_", REGION_MAX))
        return error_set(err, ERROR_INVALID, "invalid region provided: %.60s", region);
    if (config->bucket[0] == '\0')
        return error_set(err, ERROR_INVALID, "no bucket parameter provided");
    if (!is_made_of(span_of(config->bucket), "-._", BUCKET_MAX) ||
        strspn(config->bucket, ".") == strlen(config->bucket))
        return error_set(err, ERROR_INVALID, "not a name of a bucket: %.60s", config->bucket);
    fresh.bucket = xstrdup(config->bucket);
    fresh.region = xstrdup(region);
    if ((is_amazon ? locate_at_amazon(&fresh, config, err) : locate_at(&fresh, config, err)) < 0) {
        endpoint_fini(&fresh);
        return -1;
    }
    *endpoint = fresh;
    return 0;
}

void endpoint_fini(struct endpoint *endpoint)
{
    free(endpoint->scheme);
    free(endpoint->host);
    free(endpoint->bucket);
    free(endpoint->region);
    *endpoint = (struct endpoint){0};
}

bool is_endpoint_https(const struct endpoint *endpoint)
{
    return strcmp(endpoint->scheme, "https") == 0;
}

bool is_endpoint_amazon(const struct endpoint *endpoint)
{
    struct span rest = span_of(endpoint->host);
    struct span host = span_cut(&rest, ':');

    return is_below(host, SPAN(".amazonaws.com")) || is_below(host, SPAN(".amazonaws.com.cn"));
}

void endpoint_resource(const struct endpoint *endpoint, const char *key, struct str *out)
{
    if (!endpoint->is_path_style)
        str_append_format(out, "/%s", endpoint->bucket);
    endpoint_path(endpoint, key, out);
}

void endpoint_path(const struct endpoint *endpoint, const char *key, struct str *out)
{
    if (endpoint->is_path_style)
        str_append_format(out, "/%s", endpoint->bucket);
    if (key == NULL && endpoint->is_path_style)
        return;
    str_append_char(out, '/');
    sign_encode(out, span_of(key), true);
}
