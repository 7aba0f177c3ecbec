/* SPDX-License-Identifier: Apache-2.0
 *
 * process_metrics - what the kernel says of this process, under the names all client libraries of
 * Prometheus use, and which version it runs.
 */
#pragma once

void process_metrics_start(const char *version); /* copied; NULL: not told */
void process_metrics_stop(void);
