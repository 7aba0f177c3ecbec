/* SPDX-License-Identifier: Apache-2.0
 *
 * call_check - what a caller may ask for. Pure.
 */
#pragma once

#include "lib/client/client.h"

/* Whether the call can be made at all. Errors: INVALID: method, URL or header. */
must_check int call_check(const struct client_call *call, struct error *err);
