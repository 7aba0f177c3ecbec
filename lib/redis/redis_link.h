/* SPDX-License-Identifier: Apache-2.0
 *
 * redis_link - one connection to a server. Private to lib/redis.
 */
#pragma once

#include "lib/redis/redis.h"

#include <openssl/types.h>
#include <sys/queue.h>
#include <sys/socket.h>

struct evbuffer;
struct redis_link;

struct redis_address {
    struct sockaddr_storage storage;
    socklen_t len;
};

/* Connects to @address, over TLS if @tls is not NULL; within options->dial_ms. May suspend. Given:
 * redis_link_close. Errors: UNAVAILABLE, TIMEOUT, CANCELED. */
must_check int redis_link_open(const struct redis_options *options, SSL_CTX *tls,
                               const struct redis_address *address, struct redis_link **out,
                               struct error *err);
void redis_link_close(struct redis_link *link);

/* Sends all of @bytes (emptied) and reads until @replies are complete. May suspend. After a failure
 * the link is good for closing only. Errors: UNAVAILABLE, TIMEOUT, CANCELED. */
must_check int redis_link_exchange(struct redis_link *link, struct evbuffer *bytes,
                                   struct redis_replies *replies, struct error *err);

bool is_redis_link_usable(const struct redis_link *link); /* nothing came and it has not ended */
