/* SPDX-License-Identifier: Apache-2.0
 *
 * debug - the second server, for those who watch over the first: /debug/health, /debug/vars and
 * the metrics. Plain text, no authentication, as upstream's.
 */
#pragma once

#include "lib/base/error.h"
#include "lib/http/request.h"

struct health;

struct debug_options {
    const struct health *health; /* lent; NULL: always healthy */
    const char *metrics_path;    /* lent; NULL: no metrics */
    char *const *command_line;   /* argv, NULL at its end; lent */
};

/* The http_handler_cb of the debug server; @arg is the struct debug_options. May suspend. */
void debug_handle(struct http_request *req, void *arg);
