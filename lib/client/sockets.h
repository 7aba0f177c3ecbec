/* SPDX-License-Identifier: Apache-2.0
 *
 * sockets - those that libcurl has open, pooled ones too: libcurl 7.88 takes what a server has sent
 * while a connection rested for the answer to the next request. Newer ones do not.
 */
#pragma once

#include <curl/curl.h>
#include <stdbool.h>
#include <stddef.h>

struct sockets {
    curl_socket_t *fds; /* owned; the sockets are libcurl's, and some may be closed already */
    size_t count;
};

/* All zero is none. @sockets lives as long as any connection. */
void sockets_attach(CURL *easy, struct sockets *sockets);

/* No connection is there any more. */
void sockets_fini(struct sockets *sockets);

/* Whether bytes wait to be read at the socket with that local port, or at one of them if there are
 * several. */
bool has_sockets_input(const struct sockets *sockets, int local_port);
