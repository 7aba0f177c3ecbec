/* SPDX-License-Identifier: Apache-2.0
 *
 * head_gate - holds what arrives for the next request until its head is complete, judges the head,
 * and leaves evhttp one that it takes for sure. Only connection.c uses this.
 *
 *      GET /v2/ HTTP/1.1       -->  GET / HTTP/1.1
 *      Transfer-Encoding: ...       (headers of the body hidden; conn->head has all of it)
 *
 * A head that is refused becomes a bare GET, too: its status is in conn->head, and the request's
 * task answers with it and closes. So all refusals are answered in one place.
 */
#pragma once

#include "lib/http/connection.h"

/* True when the input begins with a whole head that evhttp may read. Until then the phase is
 * CONNECTION_IDLE, or from a head's first byte CONNECTION_HEAD with the header timeout running. */
bool head_gate_opens(struct connection *conn);
