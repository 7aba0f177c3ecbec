/* SPDX-License-Identifier: Apache-2.0
 *
 * challenge - the two ways to ask a client who it is: for the password itself, or for a token that
 * our own endpoint gives for it. Pure.
 */
#pragma once

#include "lib/auth/access.h"

/* `Basic realm="..."`. @why goes into the log only, in upstream's words. */
void challenge_basic(const char *realm, const char *why, struct access_answer *answer);

/* `Bearer realm="<our address>auth/token",service="...",scope="..."`.
 * @error: "invalid_token", "insufficient_scope" (RFC 6750), or NULL for who showed no token. */
void challenge_bearer(const char *realm, const struct access_request *request, const char *why,
                      const char *error, struct access_answer *answer);
