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

struct access_control;
struct config_pairs;
struct health;

/* Everything is lent for the api's life; headers only for the call, which copies them. */
struct api_options {
    struct registry *registry;
    struct access_control *access; /* NULL: everybody may do everything */
    const struct health *health;   /* NULL: always healthy */
    struct span secret;            /* http.secret, raw bytes */
    const char *host;              /* http.host, "" for none */
    const char *prefix;            /* http.prefix, begins and ends with "/" */
    bool is_relative_urls;         /* http.relativeurls */
    int64_t catalog_entries_max;   /* catalog.maxentries */
};

/* What may change while requests run: each is served by what held when it began. */
struct api_settings {
    const struct config_pairs *headers; /* http.headers */
    bool is_read_only;                  /* storage.maintenance.readonly */
    bool is_access_log_disabled;
};

struct api *api_new(const struct api_options *options, const struct api_settings *settings);
void api_reload(struct api *api, const struct api_settings *settings);
void api_drain(struct api *api); /* from now on /readyz says no: the server is about to drain */
void api_free(struct api *api);  /* no request may be in flight */

/* The http_handler_cb of the server; @arg is the struct api. May suspend. */
void api_handle(struct http_request *req, void *arg);
