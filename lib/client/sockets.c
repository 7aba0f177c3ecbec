/* SPDX-License-Identifier: Apache-2.0
 *
 * sockets - see sockets.h.
 */
#include "lib/client/sockets.h"

#include "lib/base/memory.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/banned.h"

static void forget(struct sockets *sockets, curl_socket_t fd)
{
    for (size_t i = 0; i < sockets->count; i++) {
        if (sockets->fds[i] == fd) {
            sockets->fds[i] = sockets->fds[--sockets->count];
            return;
        }
    }
}

/* What is canceled while it connects libcurl closes by itself: its number may come again. */
static curl_socket_t on_open(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct sockets *sockets = arg;
    int fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);

    (void)purpose;
    if (fd < 0)
        return CURL_SOCKET_BAD;
    forget(sockets, fd);
    sockets->fds = xrealloc(sockets->fds, (sockets->count + 1) * sizeof(*sockets->fds));
    sockets->fds[sockets->count++] = fd;
    return fd;
}

static int on_close(void *arg, curl_socket_t fd)
{
    forget(arg, fd);
    return close(fd);
}

void sockets_attach(CURL *easy, struct sockets *sockets)
{
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_open);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, sockets);
    curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, on_close);
    curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, sockets);
}

void sockets_fini(struct sockets *sockets)
{
    free(sockets->fds);
}

/* 0: none. */
static int port_of(curl_socket_t fd)
{
    struct sockaddr_storage at = {0};
    socklen_t len = sizeof(at);

    if (getsockname(fd, (struct sockaddr *)&at, &len) < 0)
        return 0;
    if (at.ss_family == AF_INET)
        return ntohs(((struct sockaddr_in *)&at)->sin_port);
    return at.ss_family == AF_INET6 ? ntohs(((struct sockaddr_in6 *)&at)->sin6_port) : 0;
}

static bool has_input(curl_socket_t fd)
{
    char byte;

    return recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

bool has_sockets_input(const struct sockets *sockets, int local_port)
{
    for (size_t i = 0; i < sockets->count; i++) {
        if (port_of(sockets->fds[i]) == local_port && has_input(sockets->fds[i]))
            return true;
    }
    return false;
}
