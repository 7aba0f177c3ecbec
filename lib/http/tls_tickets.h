/* SPDX-License-Identifier: Apache-2.0
 *
 * tls_tickets - the keys of session tickets: made here, never written anywhere, changed every day.
 * They outlive the certificate, so that sessions are resumed after a renewal too. Loop thread only.
 */
#pragma once

#include <openssl/ssl.h>

struct tls_tickets;

struct tls_tickets *tls_tickets_new(void); /* given: tls_tickets_free */
void tls_tickets_free(struct tls_tickets *tickets);

/* Tickets of connections of @ctx use these keys. Kept: @tickets outlives @ctx's connections. */
void tls_tickets_use(struct tls_tickets *tickets, SSL_CTX *ctx);
