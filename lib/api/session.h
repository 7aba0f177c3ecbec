/* SPDX-License-Identifier: Apache-2.0
 *
 * session - what the requests on an upload session share: its token, its body, its answers.
 */
#pragma once

#include "lib/api/exchange.h"
#include "lib/api/upload_token.h"
#include "lib/registry/upload.h"

/*
 * session_authenticate - the `_state` of the request must be a genuine token for the upload named
 * in its path.
 *
 * @out  what the token says
 *
 * Errors: UPLOAD_INVALID.
 */
must_check int session_authenticate(const struct exchange *ex, struct upload_token *out,
                                    struct error *err);

/*
 * session_resume - authenticate, and open the session where its token says it is. May suspend.
 *
 * Given: session_close. Errors: UPLOAD_INVALID, UPLOAD_UNKNOWN, UPLOAD_BUSY; UPLOAD_OFFSET, with
 * the headers set that tell the client how to go on.
 */
must_check int session_resume(struct exchange *ex, struct upload **out, struct error *err);

/* The Content-Range of a piece, if it came with a body, must fit the session and the body.
 * SIZE_INVALID, or UPLOAD_OFFSET with the headers set that tell the client how to go on. */
must_check int session_check_range(struct exchange *ex, const struct upload *upload,
                                   struct error *err);

/* Appends the request's body. May suspend. What arrived before an error is kept. */
must_check int session_receive(struct exchange *ex, struct upload *upload, struct error *err);

/* Ends the hold on the session; saves what is not saved yet. May suspend. */
void session_close(struct upload *upload);

/* Sets Location (with a fresh token), Range and Docker-Upload-Uuid. */
void session_set_headers(struct exchange *ex, const struct upload_info *info);

/* Answers 201 for a blob that is in place. */
void session_send_created(struct exchange *ex, const struct blob *blob);
