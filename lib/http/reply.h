/* SPDX-License-Identifier: Apache-2.0
 *
 * reply - what request.c and reply.c share.
 */
#pragma once

#include <stdbool.h>

struct http_request;

const char *reply_phrase(int status); /* "Not Found"; static */

/* Whether the connection must end with this reply, as things stand when the reply begins. */
bool request_should_close(const struct http_request *req);
