/* SPDX-License-Identifier: Apache-2.0
 *
 * checks - what some values must be beyond their type: the `check` column of the table. Each is an
 * option_check_cb: it looks at the value, says what is wrong, or puts it into its normal form.
 */
#pragma once

#include "lib/config/options.h"

option_check_cb check_addr;
option_check_cb check_entries;
option_check_cb check_expressions;
option_check_cb check_headers;
option_check_cb check_host;
option_check_cb check_interval;
option_check_cb check_log_fields;
option_check_cb check_metrics_path;
option_check_cb check_prefix;
option_check_cb check_redis_timeout;
option_check_cb check_root;
option_check_cb check_status;
option_check_cb check_threads;
option_check_cb check_threshold;
option_check_cb check_url;

/* Untrusted text for a message: without control characters, cut visibly to @size bytes. The second
 * puts it into double quotes. */
void check_escape(const char *text, char *out, size_t size);
void check_quote(const char *text, char *out, size_t size);
