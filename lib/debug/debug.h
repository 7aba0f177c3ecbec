/* SPDX-License-Identifier: Apache-2.0
 *
 * debug - the second server, for those who watch over the first: /debug/health, /debug/vars and
 * the metrics. Plain text, no authentication, as upstream's.
 */
#pragma once

#include "lib/http/request.h"

struct health;
struct http_server;

struct debug_options {
    const struct health *health;      /* lent; NULL: always healthy */
    const struct http_server *server; /* the first one, for its metrics; lent; may be set later */
    const char *metrics_path;         /* lent; NULL: no metrics */
    const char *version;              /* of the program; lent; NULL: not told */
    char *const *command_line;        /* argv, NULL at its end; lent */
};

/* The http_handler_cb of the debug server; @arg is the struct debug_options. Answers at once. */
void debug_handle(struct http_request *req, void *arg);

/* Begins and ends to collect what only the metrics show: process, loop, helpers, @options->server.
 * Without a path of the metrics, nothing. @options: lent until debug_stop, which may be called
 * without debug_start. */
void debug_start(struct debug_options *options);
void debug_stop(struct debug_options *options);
