/* SPDX-License-Identifier: Apache-2.0
 *
 * request_metrics - see request_metrics.h. Series are found once and kept in tables by route,
 * method and status: a request compares no texts but its method's.
 */
#include "lib/api/request_metrics.h"

#include "lib/api/errors.h"
#include "lib/base/clock.h"
#include "lib/metrics/metrics.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/banned.h"

#define KEPT_STATUSES 16 /* of a route and method; rarer ones are looked up */

static const double seconds[] = {.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 25, 60};

#define KIB(n) ((n)*1024.0)
static const double sizes[] = {KIB(1),       KIB(2),      KIB(4),      KIB(8),      KIB(16),
                               KIB(32),      KIB(64),     KIB(128),    KIB(256),    KIB(512),
                               KIB(1024),    KIB(2048),   KIB(4096),   KIB(8192),   KIB(16384),
                               KIB(32768),   KIB(65536),  KIB(131072), KIB(262144), KIB(524288),
                               KIB(1048576), KIB(2097152)};

/* ---- families ---- */

static struct metric_family in_flight_family =
    METRIC_GAUGE("registry_http_in_flight_requests", "The in-flight HTTP requests", "handler");
static struct metric_family total_family =
    METRIC_COUNTER("registry_http_requests_total", "Total number of HTTP requests made.", "code",
                   "handler", "method");
static struct metric_family duration_family =
    METRIC_HISTOGRAM("registry_http_request_duration_seconds",
                     "The HTTP request latencies in seconds.", seconds, "handler", "method");
static struct metric_family request_size_family = METRIC_HISTOGRAM(
    "registry_http_request_size_bytes", "The HTTP request sizes in bytes.", sizes, "handler");
static struct metric_family response_size_family = METRIC_HISTOGRAM(
    "registry_http_response_size_bytes", "The HTTP response sizes in bytes.", sizes, "handler");

/* ---- labels ---- */

/* NULL: not counted. */
static const char *const handlers[ROUTE_COUNT] = {
    [ROUTE_BASE] = "base",
    [ROUTE_CATALOG] = "catalog",
    [ROUTE_TAGS] = "tags",
    [ROUTE_MANIFEST] = "manifest",
    [ROUTE_BLOB] = "blob",
    [ROUTE_UPLOADS] = "blob_upload",
    [ROUTE_UPLOAD] = "blob_upload_chunk",
    [ROUTE_REFERRERS] = "referrers",
    [ROUTE_TOKEN] = "token",
};

/* As sent, and as the label has it; upstream takes the latter from clients as well. */
static const struct {
    const char *method;
    const char *label;
} methods[] = {
    {"GET", "get"},     {"HEAD", "head"},     {"PUT", "put"},         {"POST", "post"},
    {"PATCH", "patch"}, {"DELETE", "delete"}, {"OPTIONS", "options"}, {"CONNECT", "connect"},
    {"TRACE", "trace"}, {"NOTIFY", "notify"}, {NULL, "unknown"},
};

#define METHOD_COUNT array_count(methods)

static size_t method_index(const char *method)
{
    size_t i = 0;

    while (methods[i].method != NULL && strcmp(methods[i].method, method) != 0 &&
           strcmp(methods[i].label, method) != 0)
        i++;
    return i;
}

/* ---- series that were used before ---- */

struct kept_status {
    int status;
    struct metric_series *series;
};

struct kept_method {
    struct metric_series *duration;
    struct kept_status totals[KEPT_STATUSES]; /* filled from the front */
};

static struct kept_route {
    struct metric_series *in_flight;
    struct metric_series *request_size;
    struct metric_series *response_size;
    struct kept_method methods[METHOD_COUNT];
} kept[ROUTE_COUNT];

static struct metric_series *find(struct metric_series **place, struct metric_family *family,
                                  const char *handler, const char *method)
{
    if (*place == NULL)
        *place = metric_series(family, handler, method);
    return *place;
}

static struct metric_series *find_total(enum route route, size_t method, int status)
{
    struct kept_status *totals = kept[route].methods[method].totals;
    struct metric_series *series;
    char code[12];
    size_t i = 0;

    while (i < KEPT_STATUSES && totals[i].series != NULL) {
        if (totals[i].status == status)
            return totals[i].series;
        i++;
    }
    snprintf(code, sizeof(code), "%d", status);
    series = metric_series(&total_family, code, handlers[route], methods[method].label);
    if (i < KEPT_STATUSES)
        totals[i] = (struct kept_status){status, series};
    return series;
}

static struct metric_series *find_in_flight(enum route route)
{
    return find(&kept[route].in_flight, &in_flight_family, handlers[route], NULL);
}

/* ---- counting ---- */

void request_metrics_init(void)
{
    for (size_t i = 0; i < ROUTE_COUNT; i++) {
        if (handlers[i] != NULL)
            find_in_flight((enum route)i);
    }
}

void request_metrics_begin(const struct exchange *ex)
{
    if (handlers[ex->match.route] != NULL)
        metric_add(find_in_flight(ex->match.route), 1);
}

static void observe_size(struct metric_series **place, struct metric_family *family,
                         const char *handler, int64_t size)
{
    metric_observe(family, find(place, family, handler, NULL), (double)size);
}

void request_metrics_end(const struct exchange *ex)
{
    enum route route = ex->match.route;
    const char *handler = handlers[route];
    size_t method = method_index(http_request_method(ex->http));
    int status = http_reply_status(ex->http);
    int64_t duration_ns = clock_monotonic_ns() - http_request_started_ns(ex->http);
    struct metric_series **duration = &kept[route].methods[method].duration;

    if (handler == NULL)
        return;
    metric_add(find_in_flight(route), -1);
    metric_add(find_total(route, method, status != 0 ? status : ERRORS_STATUS_GONE), 1);
    metric_observe(&duration_family,
                   find(duration, &duration_family, handler, methods[method].label),
                   (double)duration_ns / 1e9);
    observe_size(&kept[route].request_size, &request_size_family, handler,
                 http_request_size(ex->http));
    observe_size(&kept[route].response_size, &response_size_family, handler,
                 http_reply_body_sent(ex->http));
}
