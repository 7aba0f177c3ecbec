/* SPDX-License-Identifier: Apache-2.0
 *
 * redis_tls - TLS towards a Redis server. Private to lib/redis.
 */
#pragma once

#include "lib/redis/redis.h"

#include <openssl/types.h>

/* Reads the PEM files. Given: SSL_CTX_free. Errors: INVALID, with the name of the file. */
must_check int redis_tls_new(const struct redis_options *options, SSL_CTX **out, struct error *err);

/* A session that takes no server but @host ("redis.example.com", "10.0.0.1", "::1"). Given:
 * SSL_free. */
SSL *redis_tls_session(SSL_CTX *context, char *host);

/* Why a handshake failed. Takes OpenSSL's queue of errors. @out: of @size bytes. */
void redis_tls_describe(SSL *session, unsigned long code, char *out, size_t size);
