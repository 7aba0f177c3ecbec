/* SPDX-License-Identifier: Apache-2.0
 *
 * target - the URLs that requests go to: what is accepted, what may be shown, where a redirect
 * leads. Pure; parsing itself is libcurl's, so that we and the transfer never disagree.
 */
#pragma once

#include "lib/base/error.h"

#include <stdbool.h>

#define TARGET_SHOWN_SIZE 160 /* bytes that hold what target_show writes */

/* http or https, a host, no control characters or blanks. Errors: INVALID; the message does not
 * repeat the URL. */
must_check int target_check(const char *url, struct error *err);

/* Scheme, host, port and path for messages: no user, password, query or fragment, which may be
 * secrets. Cut visibly; "(no URL)" for what does not parse. */
void target_show(const char *url, char out[TARGET_SHOWN_SIZE]);

bool is_target_tls(const char *url); /* https */

/* Same scheme, host and port: credentials for one are credentials for the other. */
bool is_target_same(const char *a, const char *b);

/* The absolute URL that @location means to who has asked for @base. Given: free. Errors: INVALID,
 * also for anything but http and https. Source: RFC 9110 section 10.2.2. */
must_check int target_resolve(const char *base, const char *location, char **out,
                              struct error *err);
