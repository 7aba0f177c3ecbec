/* SPDX-License-Identifier: Apache-2.0
 *
 * debug - see debug.h. Paths, methods and types are upstream's: /debug/health takes GET only, the
 * others take anything.
 */
#include "lib/debug/debug.h"

#include "lib/base/str.h"
#include "lib/debug/loop_lag.h"
#include "lib/debug/process_metrics.h"
#include "lib/debug/server_metrics.h"
#include "lib/debug/vars.h"
#include "lib/health/health.h"
#include "lib/metrics/metrics.h"

#include <string.h>

#include "lib/base/banned.h"

#define ANSWER_MAX (16 << 20) /* bytes; some 100000 lines of metrics */

#define JSON_TYPE    "application/json; charset=utf-8"
#define TEXT_TYPE    "text/plain; charset=utf-8"
#define METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"

static void answer(struct http_request *req, int status, const char *type, const struct str *body)
{
    http_reply_header(req, "Content-Type", type);
    if (str_overflowed(body))
        http_reply_send(req, 500, SPAN("the answer is too large\n"));
    else
        http_reply_send(req, status, str_span(body));
}

static void answer_health(struct http_request *req, const struct debug_options *options)
{
    auto_str body = STR_INIT(ANSWER_MAX);

    health_print(options->health, &body);
    answer(req, is_healthy(options->health) ? 200 : 503, JSON_TYPE, &body);
}

static void answer_vars(struct http_request *req, const struct debug_options *options)
{
    auto_str body = STR_INIT(ANSWER_MAX);

    vars_print(options->command_line, &body);
    answer(req, 200, JSON_TYPE, &body);
}

static void answer_metrics(struct http_request *req)
{
    auto_str body = STR_INIT(ANSWER_MAX);

    metrics_print(&body);
    answer(req, 200, METRICS_TYPE, &body);
}

static void answer_not_found(struct http_request *req)
{
    http_reply_header(req, "Content-Type", TEXT_TYPE);
    http_reply_header(req, "X-Content-Type-Options", "nosniff");
    http_reply_send(req, 404, SPAN("404 page not found\n"));
}

void debug_handle(struct http_request *req, void *arg)
{
    const struct debug_options *options = arg;
    struct span rest = span_of(http_request_target(req));
    struct span path = span_cut(&rest, '?');
    bool is_get = strcmp(http_request_method(req), "GET") == 0;

    if (span_is(path, "/debug/health") && is_get)
        answer_health(req, options);
    else if (span_is(path, "/debug/vars"))
        answer_vars(req, options);
    else if (options->metrics_path != NULL && span_is(path, options->metrics_path))
        answer_metrics(req);
    else
        answer_not_found(req);
}

void debug_start(struct debug_options *options)
{
    if (options->metrics_path == NULL)
        return;
    process_metrics_start(options->version);
    server_metrics_start(options);
    loop_lag_start();
}

void debug_stop(struct debug_options *options)
{
    if (options->metrics_path == NULL)
        return;
    loop_lag_stop();
    server_metrics_stop(options);
    process_metrics_stop();
}
