/* SPDX-License-Identifier: Apache-2.0
 *
 * request_head - what a request says before its body: URL and headers, signed as the service wants.
 * Private to the folder.
 */
#pragma once

#include "drivers/s3/s3_request.h"
#include "drivers/s3/sign_v2.h"

#define REQUEST_HEAD_LINES_MAX (REQUEST_HEADERS_MAX + 4) /* that are signed */

/* All that is sent, as text; `headers` point into it. */
struct request_head {
    struct sign_header signed_headers[REQUEST_HEAD_LINES_MAX];
    size_t count;
    char date[SIGN_V2_DATE_SIZE];
    char hash[SIGN_HASH_SIZE];
    struct str url;
    struct str path;
    struct str authorization;
    struct str lines[REQUEST_HEAD_LINES_MAX + 2];
    const char *headers[REQUEST_HEAD_LINES_MAX + 3];
    size_t line_count;
};

/* Caller's storage; request_head_fini also after a failure. May suspend, for the credentials. */
must_check int request_head_init(struct request_head *head, struct service *service,
                                 const struct s3_request *request, struct error *err);
void request_head_fini(struct request_head *head);
