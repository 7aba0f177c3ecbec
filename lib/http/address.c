/* SPDX-License-Identifier: Apache-2.0
 *
 * address - see address.h.
 */
#include "lib/http/address.h"

#include "lib/base/memory.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/banned.h"

static bool has_ipv6(void)
{
    struct sockaddr_in6 any = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_ANY_INIT};
    auto_close int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);

    return fd >= 0 && bind(fd, (struct sockaddr *)&any, sizeof(any)) == 0;
}

/* Splits at the last colon, which must not be inside brackets; the brackets go. */
static bool split(const char *text, char **out_host, const char **out_port)
{
    const char *colon = strrchr(text, ':');
    const char *bracket = strrchr(text, ']');
    size_t len;

    if (colon == NULL || (bracket != NULL && bracket > colon))
        return false;
    len = (size_t)(colon - text);
    if (len >= 2 && text[0] == '[' && text[len - 1] == ']')
        *out_host = xstrndup(text + 1, len - 2);
    else if (memchr(text, ':', len) != NULL)
        return false; /* a bare IPv6 address: which colon is the port's? */
    else
        *out_host = xstrndup(text, len);
    *out_port = colon + 1;
    return true;
}

int address_parse(const char *text, struct address *out, struct error *err)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    auto_free char *host = NULL;
    const char *port;
    int rc;

    if (!split(text, &host, &port))
        return error_set(err, ERROR_INVALID, "listen tcp %s: not of the form host:port", text);
    hints.ai_family = host[0] != '\0' ? AF_UNSPEC : has_ipv6() ? AF_INET6 : AF_INET;
    rc = getaddrinfo(host[0] != '\0' ? host : NULL, port[0] != '\0' ? port : "0", &hints, &found);
    if (rc != 0)
        return error_set(err, ERROR_INVALID, "listen tcp %s: %s", text, gai_strerror(rc));
    memcpy(&out->storage, found->ai_addr, found->ai_addrlen);
    out->len = found->ai_addrlen;
    freeaddrinfo(found);
    return 0;
}

void address_format(const struct sockaddr *address, char out[ADDRESS_TEXT_SIZE],
                    char out_host[ADDRESS_TEXT_SIZE])
{
    char host[INET6_ADDRSTRLEN] = "";
    unsigned port = 0;
    bool is_v6 = false;

    if (address->sa_family == AF_INET) {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)(const void *)address;

        inet_ntop(AF_INET, &v4->sin_addr, host, sizeof(host));
        port = ntohs(v4->sin_port);
    } else if (address->sa_family == AF_INET6) {
        const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)(const void *)address;

        is_v6 = !IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr);
        if (is_v6)
            inet_ntop(AF_INET6, &v6->sin6_addr, host, sizeof(host));
        else
            inet_ntop(AF_INET, &v6->sin6_addr.s6_addr[12], host, sizeof(host));
        port = ntohs(v6->sin6_port);
    } else { /* "@" is upstream's word for a client that has no address */
        snprintf(out, ADDRESS_TEXT_SIZE, "%s", address->sa_family == AF_UNIX ? "@" : "unknown");
        if (out_host != NULL)
            memcpy(out_host, out, ADDRESS_TEXT_SIZE);
        return;
    }
    snprintf(out, ADDRESS_TEXT_SIZE, is_v6 ? "[%s]:%u" : "%s:%u", host, port);
    if (out_host != NULL)
        snprintf(out_host, ADDRESS_TEXT_SIZE, "%s", host);
}
