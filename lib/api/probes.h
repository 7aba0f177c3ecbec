/* SPDX-License-Identifier: Apache-2.0
 *
 * probes - /livez and /readyz, for whatever starts, stops and feeds this process: outside of /v2/,
 * without authentication, at the root whatever http.prefix says.
 *
 *     /livez   200 "ok": the loop runs
 *     /readyz  200 "ok", or 503 with the names of the failing checks or "draining": send requests
 *              elsewhere
 */
#pragma once

#include "lib/api/exchange.h"

/* Answers if the path is a probe's; false: it is not. */
must_check bool probes_serve(struct exchange *ex, bool is_draining);
