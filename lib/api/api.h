/* SPDX-License-Identifier: Apache-2.0
 *
 * api - the V2 endpoints: the only place that knows HTTP, auth and the domain together.
 *
 * Follow a request: api.c (entry, access log) -> routes.c (path to route) -> one file per resource
 * verb (blob_get.c, manifest_put.c, upload_patch.c ...) -> errors.c (envelope).
 */
#pragma once

#include "lib/http/request.h"
#include "lib/registry/registry.h"

struct api;

struct api_header {
    const char *name;
    const char *value;
};

struct api_options {
    struct registry *registry;        /* lent for the api's life */
    struct span secret;               /* http.secret, raw bytes; lent likewise */
    const char *host;                 /* http.host, "" for none; lent */
    const char *prefix;               /* http.prefix, begins and ends with "/"; lent */
    bool is_relative_urls;            /* http.relativeurls */
    const struct api_header *headers; /* http.headers; lent */
    size_t header_count;
    int64_t catalog_entries_max; /* catalog.maxentries */
    bool is_access_log_disabled;
};

struct api *api_new(const struct api_options *options); /* given: api_free; copied */
void api_free(struct api *api);

/* The http_handler_cb of the server; @arg is the struct api. May suspend. */
void api_handle(struct http_request *req, void *arg);
