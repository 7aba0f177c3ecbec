/* SPDX-License-Identifier: Apache-2.0
 *
 * address - "host:port" texts and socket addresses.
 */
#pragma once

#include "lib/base/error.h"

#include <sys/socket.h>

#define ADDRESS_TEXT_SIZE 64 /* holds "[<IPv6>%scope]:65535" */

/* One way to listen: an address of each family that is wanted. */
struct address {
    struct sockaddr_storage storage;
    socklen_t len;
};

/*
 * address_parse - read "host:port", "[v6]:port", ":port" or ":0" for listening.
 *
 * Without a host: the IPv6 wildcard, which takes IPv4 too where the system has IPv6, else IPv4's.
 * Names are looked up (this may block: at start only). Errors: INVALID.
 */
must_check int address_parse(const char *text, struct address *out, struct error *err);

/* "127.0.0.1:5000" or "[::1]:5000"; IPv4 in IPv6 clothes is shown as IPv4; "@" for the client of a
 * Unix socket, "unknown" for anything else. @out_host, if not NULL, gets the part without port and
 * brackets. */
void address_format(const struct sockaddr *address, char out[ADDRESS_TEXT_SIZE],
                    char out_host[ADDRESS_TEXT_SIZE]);
