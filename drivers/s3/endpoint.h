/* SPDX-License-Identifier: Apache-2.0
 *
 * endpoint - where a bucket is: from the configuration to scheme, host and path. Pure.
 *
 *     regionendpoint given:  <scheme>://<endpoint>/<bucket>/<key>            (path style)
 *     Amazon:                https://<bucket>.s3.<region>.amazonaws.com/<key>
 *                            https://s3.<region>.amazonaws.com/<bucket>/<key>
 *                            for buckets whose name cannot be part of a host name
 */
#pragma once

#include "lib/base/error.h"
#include "lib/base/str.h"

#include <stdbool.h>

struct config_s3;

struct endpoint {
    char *scheme; /* "http" or "https" */
    char *host;   /* as the Host header has it: without the scheme's own port; owned like all */
    char *bucket;
    char *region;
    bool is_path_style;
};

/*
 * endpoint_init - from the configuration, checked. Given: endpoint_fini. Errors: INVALID, in
 * upstream's words where it has some.
 */
must_check int endpoint_init(struct endpoint *endpoint, const struct config_s3 *config,
                             struct error *err);
void endpoint_fini(struct endpoint *endpoint);

bool is_endpoint_https(const struct endpoint *endpoint);

/* Whether it is Amazon's own service, by the name of the host. */
bool is_endpoint_amazon(const struct endpoint *endpoint);

/* The path of a request for an object, or for the bucket (@key NULL), percent-encoded. Appends. */
void endpoint_path(const struct endpoint *endpoint, const char *key, struct str *out);

/* The path with the bucket, whatever the style: what signature version 2 signs. Appends. */
void endpoint_resource(const struct endpoint *endpoint, const char *key, struct str *out);
