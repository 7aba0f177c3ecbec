/* SPDX-License-Identifier: Apache-2.0
 *
 * server_metrics - gauges of what lives in rooms that know nothing of metrics: connections, tasks,
 * helpers, health.
 */
#pragma once

#include "lib/debug/debug.h"

/* @options: lent until server_metrics_stop. */
void server_metrics_start(struct debug_options *options);
void server_metrics_stop(struct debug_options *options);
