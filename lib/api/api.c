/* SPDX-License-Identifier: Apache-2.0
 *
 * api - see api.h. The way of a request from its target to its handler, and its logs.
 */
#include "lib/api/api.h"

#include "lib/api/authorize.h"
#include "lib/api/errors.h"
#include "lib/api/exchange.h"
#include "lib/api/handlers.h"
#include "lib/api/probes.h"
#include "lib/api/request_log.h"
#include "lib/api/request_metrics.h"
#include "lib/api/routes.h"
#include "lib/api/settings.h"
#include "lib/base/json.h"
#include "lib/base/memory.h"
#include "lib/health/health.h"
#include "lib/task/task.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/banned.h"

#define LOCATION_MAX (256 << 10) /* bytes; a target's worth, percent-encoded */

struct api {
    struct api_options options;
    struct settings *settings; /* for requests that begin now */
    bool is_draining;
};

struct api *api_new(const struct api_options *options, const struct api_settings *settings)
{
    struct api *api = xcalloc(1, sizeof(*api));

    api->options = *options;
    api_reload(api, settings);
    log_set_context(request_log_context);
    request_metrics_init();
    return api;
}

void api_reload(struct api *api, const struct api_settings *settings)
{
    if (api->settings != NULL)
        settings_release(api->settings);
    api->settings = settings_new(settings);
    api->options.registry->is_read_only = settings->is_read_only;
}

void api_drain(struct api *api)
{
    api->is_draining = true;
}

void api_free(struct api *api)
{
    if (api == NULL)
        return;
    log_set_context(NULL);
    settings_release(api->settings);
    free(api);
}

/* ---- redirects ---- */

static void append_html(struct str *out, struct span text)
{
    static const char special[] = "&<>\"'";
    static const char *const escaped[] = {"&amp;", "&lt;", "&gt;", "&#34;", "&#39;"};

    for (size_t i = 0; i < text.len; i++) {
        const char *found = text.data[i] != '\0' ? strchr(special, text.data[i]) : NULL;

        if (found != NULL)
            str_append_text(out, escaped[found - special]);
        else
            str_append_char(out, text.data[i]);
    }
}

/* 301 to @path with the query kept; with a link in HTML for those who GET, if @has_link. */
static void redirect(struct exchange *ex, struct span path, bool has_link)
{
    auto_str location = STR_INIT(LOCATION_MAX);
    auto_str body = STR_INIT(2 * LOCATION_MAX);

    path_encode(&location, path);
    if (ex->target.query.data != NULL) {
        str_append_char(&location, '?');
        str_append(&location, ex->target.query);
    }
    http_reply_header(ex->http, "Location", str_text(&location));
    if (has_link && (is_exchange_method(ex, "GET") || is_exchange_method(ex, "HEAD"))) {
        http_reply_header(ex->http, "Content-Type", "text/html; charset=utf-8");
        str_append_text(&body, "<a href=\"");
        append_html(&body, str_span(&location));
        str_append_text(&body, "\">Moved Permanently</a>.\n\n");
    }
    http_reply_send(ex->http, 301, str_span(&body));
}

static void redirect_slash(struct exchange *ex)
{
    bool has_slash = span_ends_with(str_span(&ex->path), SPAN("/"));
    auto_str path = STR_INIT(LOCATION_MAX);

    str_append(&path, str_span(&ex->path));
    if (!has_slash)
        str_append_char(&path, '/');
    redirect(ex, span_make(path.data, has_slash ? path.len - 1 : path.len), true);
}

/* ---- dispatch ---- */

static int check_name(struct exchange *ex, struct error *err)
{
    struct span name = ex->match.repository;
    auto_str json = STR_INIT(sizeof(err->detail));

    if (name.len == 0)
        return 0;
    if (is_repository(name)) {
        memcpy(ex->repository, name.data, name.len);
        ex->repository[name.len] = '\0';
        return 0;
    }
    error_set(err, ERROR_NAME_INVALID, "repository name of %zu bytes cannot be stored", name.len);
    json_append_string(&json, name);
    if (!str_overflowed(&json))
        error_detail_json(err, "{\"Name\":%s,\"Reason\":{}}", str_text(&json));
    return -1;
}

/* The handler has failed: answers if there is anybody to answer, and nothing was answered yet. What
 * is canceled has no client any more, or is about to lose it. */
static void answer_failure(struct exchange *ex, const struct error *err)
{
    if (is_http_reply_begun(ex->http) || err->code == ERROR_CLIENT_GONE ||
        err->code == ERROR_CANCELED) {
        request_log_broken(err);
        return;
    }
    if (ex->error_count == 0)
        exchange_add_error(ex, err);
    exchange_send_errors(ex);
}

static void call_handler(struct exchange *ex)
{
    handler_cb *handler = handler_find(ex->match.route, http_request_method(ex->http));
    struct error err = ERROR_INIT;

    if (check_name(ex, &err) < 0 || handler(ex, &err) < 0)
        answer_failure(ex, &err);
}

static void add_configured_headers(struct exchange *ex)
{
    const struct settings *settings = ex->settings;

    for (size_t i = 0; i < settings->header_count; i++)
        http_reply_header(ex->http, settings->headers[i].name, settings->headers[i].value);
}

/* A path that is a route: who asks decides, then the method. The token endpoint is asked by those
 * who are nobody yet. May suspend. */
static void dispatch(struct exchange *ex)
{
    const char *method = http_request_method(ex->http);
    bool is_read_only = ex->settings->is_read_only;

    ex->reference = ex->match.reference.len > 0 ? ex->match.reference.data : "";
    add_configured_headers(ex);
    if (ex->match.route != ROUTE_TOKEN && !authorize(ex))
        return;
    if (is_route_method(ex->match.route, is_read_only, method)) {
        call_handler(ex);
        return;
    }
    http_reply_header(ex->http, "Allow", route_allow(ex->match.route, is_read_only));
    if (is_exchange_method(ex, "OPTIONS"))
        exchange_send_empty(ex, 200);
    else
        exchange_send_text(ex, 405, "Method not allowed\n");
}

static bool find_route(struct exchange *ex, struct span path)
{
    return route_match(path, span_of(ex->options->prefix), &ex->match) &&
           (ex->match.route != ROUTE_TOKEN || is_token_offered(ex->options));
}

static void serve_route(struct exchange *ex)
{
    request_metrics_begin(ex);
    dispatch(ex);
    request_metrics_end(ex);
}

static void serve_path(struct exchange *ex)
{
    struct span path = str_span(&ex->path);
    auto_str clean = STR_INIT(ex->path.max + 1);

    ex->is_routed = true;
    http_reply_header(ex->http, "Docker-Distribution-Api-Version", "registry/2.0");
    path_clean(&clean, path);
    if (!span_equals(str_span(&clean), path))
        redirect(ex, str_span(&clean), false);
    else if (!find_route(ex, path))
        exchange_send_text(ex, 404, "404 page not found\n");
    else if (ex->match.is_slash_wrong)
        redirect_slash(ex);
    else
        serve_route(ex);
}

static void serve_alive(struct exchange *ex)
{
    http_reply_header(ex->http, "Cache-Control", "no-cache");
    exchange_send_empty(ex, 200);
}

/* While a check fails nothing else is said, whatever is asked. The access log has it; a line in the
 * other log for each request would bury the one that tells what is wrong. */
static void serve_unhealthy(struct exchange *ex)
{
    auto_str body = STR_INIT(4096);
    struct error err;

    error_set(&err, ERROR_UNAVAILABLE, "a health check fails");
    error_detail_string(&err, SPAN("health check failed: please see /debug/health"));
    errors_envelope(&body, &err, 1);
    http_reply_header(ex->http, "Docker-Distribution-Api-Version", "registry/2.0");
    exchange_send_json(ex, errors_row_of(err.code)->status, str_span(&body));
}

static void serve(struct exchange *ex, bool is_draining)
{
    struct span path = str_span(&ex->path);

    if (probes_serve(ex, is_draining))
        return;
    if (!is_healthy(ex->options->health))
        serve_unhealthy(ex);
    else if (span_is(path, "/"))
        serve_alive(ex);
    else if (span_is(path, "*"))
        exchange_send_empty(ex, 200); /* OPTIONS *: of the server, not of a resource */
    else
        serve_path(ex);
}

void api_handle(struct http_request *req, void *arg)
{
    const struct api *api = arg;
    struct exchange ex;
    bool is_decoded = exchange_init(&ex, &api->options, api->settings, req);

    task_set_context(&ex);
    if (is_decoded)
        serve(&ex, api->is_draining);
    else
        exchange_send_text(&ex, 400, "400 Bad Request");
    request_log_completed(&ex);
    if (!ex.settings->is_access_log_disabled && is_decoded && ex.path.data[0] == '/')
        request_log_access(&ex);
    task_set_context(NULL);
    exchange_fini(&ex);
}
