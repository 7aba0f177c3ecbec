/* SPDX-License-Identifier: Apache-2.0
 *
 * server_metrics - see server_metrics.h.
 */
#include "lib/debug/server_metrics.h"

#include "lib/health/health.h"
#include "lib/http/server.h"
#include "lib/metrics/metrics.h"
#include "lib/task/offload.h"
#include "lib/task/task.h"

#include <math.h>
#include <stdint.h>

#include "lib/base/banned.h"

static struct metric_family received_family =
    METRIC_COUNTER("registry_http_received_bytes_total", "Bytes of request bodies.", NULL);
static struct metric_family sent_family =
    METRIC_COUNTER("registry_http_sent_bytes_total", "Bytes of response bodies.", NULL);
static struct metric_family connections_family =
    METRIC_GAUGE("registry_http_open_connections", "Connections of clients.", NULL);
static struct metric_family limit_family =
    METRIC_GAUGE("registry_http_max_connections", "Connections that may be open at once.", NULL);
static struct metric_family requests_family = METRIC_GAUGE(
    "registry_http_open_requests", "Requests that are served, on whatever path.", NULL);
static struct metric_family tasks_family =
    METRIC_GAUGE("registry_tasks", "Tasks of the loop: requests and background jobs.", NULL);
static struct metric_family helpers_family =
    METRIC_GAUGE("registry_helper_threads", "Helper threads, by what they do.", "state");
static struct metric_family queue_family =
    METRIC_GAUGE("registry_helper_queue_length", "Jobs that wait for a helper thread.", NULL);
static struct metric_family healthy_family =
    METRIC_GAUGE("registry_healthy", "1 while no health check fails, else 0.", NULL);

static void collect_server(const struct http_server *server)
{
    size_t limit = http_server_connection_limit(server);

    metric_set_only(&received_family, (double)http_server_bytes_in(server));
    metric_set_only(&sent_family, (double)http_server_bytes_out(server));
    metric_set_only(&connections_family, (double)http_server_connection_count(server));
    metric_set_only(&limit_family, limit == SIZE_MAX ? HUGE_VAL : (double)limit);
    metric_set_only(&requests_family, (double)http_server_request_count(server));
}

static void collect_helpers(void)
{
    struct offload_stats stats;

    offload_stats(&stats);
    metric_set(metric_series(&helpers_family, "busy"), (double)stats.busy);
    metric_set(metric_series(&helpers_family, "idle"), (double)(stats.helpers - stats.busy));
    metric_set_only(&queue_family, (double)stats.queued);
}

static void collect(void *arg)
{
    const struct debug_options *options = arg;

    if (options->server != NULL)
        collect_server(options->server);
    collect_helpers();
    metric_set_only(&tasks_family, (double)task_count());
    metric_set_only(&healthy_family, is_healthy(options->health) ? 1 : 0);
}

void server_metrics_start(struct debug_options *options)
{
    metrics_on_collect(collect, options);
}

void server_metrics_stop(struct debug_options *options)
{
    metrics_off_collect(collect, options);
}
