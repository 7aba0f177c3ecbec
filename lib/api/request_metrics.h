/* SPDX-License-Identifier: Apache-2.0
 *
 * request_metrics - counts the requests of each route, under upstream's names.
 *
 *     registry_http_in_flight_requests{handler}
 *     registry_http_requests_total{code,handler,method}
 *     registry_http_request_duration_seconds{handler,method}
 *     registry_http_request_size_bytes{handler}
 *     registry_http_response_size_bytes{handler}
 *
 * What matches no route is not counted; a method upstream does not know is "unknown".
 */
#pragma once

#include "lib/api/exchange.h"

/* Makes what shows without any request, as upstream's: the gauges of requests in flight. */
void request_metrics_init(void);

/* Around the handling of a request whose route is known; the second after the whole answer. */
void request_metrics_begin(const struct exchange *ex);
void request_metrics_end(const struct exchange *ex);
