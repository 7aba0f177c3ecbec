/* SPDX-License-Identifier: Apache-2.0
 *
 * tls_private - what the transport needs of tls.c. Only lib/http includes this.
 */
#pragma once

#include "lib/http/tls.h"

#include <openssl/ssl.h>

/* The server's side of a new connection, under the newest certificate. Given: SSL_free. */
SSL *tls_private_session(struct http_tls *tls);

/* Whether this turn of the loop has time for one more handshake. Who asks for one may have paid
 * nothing for it - a hello can be sent again and again - and each costs us a signature. */
bool tls_private_may_shake_hands(struct http_tls *tls);

/* Logs a handshake that failed; many of them in a short time become one line with their number. */
void tls_private_log_failure(struct http_tls *tls, const char *peer, const char *reason);
