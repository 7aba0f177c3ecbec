/* SPDX-License-Identifier: Apache-2.0
 *
 * reply - what request.c, reply.c and reply_file.c share.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct http_request;

const char *reply_phrase(int status); /* "Not Found"; static */

/* Whether the connection must end with this reply, as things stand when the reply begins. */
bool request_should_close(const struct http_request *req);

/* So many bytes of the reply's body have been handed over. */
void reply_count(struct http_request *req, size_t len);
