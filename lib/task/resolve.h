/* SPDX-License-Identifier: Apache-2.0
 *
 * resolve - addresses of "host:port", without holding up the loop or taking all helpers.
 */
#pragma once

#include "lib/base/error.h"

#include <netdb.h>

/*
 * resolve - the addresses of @address. May suspend.
 *
 * @address  "host:port", "[v6]:port", ":port" (this machine); names of hosts and of services
 *
 * A numeric address is taken as it is; names are looked up by a helper, one at a time, as a name
 * server that does not answer holds its helper for a while. Given: freeaddrinfo. Errors: INVALID
 * (no port), NOT_FOUND, CANCELED.
 */
must_check int resolve(const char *address, struct addrinfo **out, struct error *err);

/* The host in @address without its brackets, "localhost" where there is none. Given: free. */
char *resolve_host(const char *address);
