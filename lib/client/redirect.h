/* SPDX-License-Identifier: Apache-2.0
 *
 * redirect - the rules of following a redirect: with which method, and what is not sent along.
 * Pure. Where it leads is target_resolve's.
 */
#pragma once

#include "lib/base/span.h"

#include <stdbool.h>

bool is_redirect(int status); /* 301, 302, 303, 307, 308 */

/* The method to follow with; lent: @method or static. GET (HEAD for HEAD) for 303, and for a POST
 * answered with 301 or 302; then the body is not sent again. Source: RFC 9110 section 15.4. */
const char *redirect_method(int status, const char *method);

/* A header line that proves who asks: not for another server. */
bool is_redirect_secret(struct span line);

/* A header line that describes a body: not for a request that has lost it. */
bool is_redirect_content(struct span line);
