/* SPDX-License-Identifier: Apache-2.0
 *
 * request_log - what the logs say of a request: the fields of every line written while it is worked
 * on, a line when it is done, and its line in the access log.
 */
#pragma once

#include "lib/api/exchange.h"
#include "lib/base/log.h"

/* For log_set_context: the running task's context is its exchange. */
bool request_log_context(struct log_line *line);

/* "response completed", or "response completed with error" for each error the client was told. */
void request_log_completed(const struct exchange *ex);

/* The request failed without an answer, or after the answer had begun. */
void request_log_broken(const struct error *err);

/* One line in Apache's combined format. */
void request_log_access(const struct exchange *ex);
