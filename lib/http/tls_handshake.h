/* SPDX-License-Identifier: Apache-2.0
 *
 * tls_handshake - what happens on a TLS connection in CONNECTION_OPENING: the handshake, or the
 * answer to a client that speaks plain HTTP. Only transport_tls.c uses this.
 *
 * Each call ends in connection_ready, in connection_close, which frees @conn, or with an event of
 * the session added that brings the next one.
 */
#pragma once

#include "lib/http/connection.h"

void tls_handshake_on_readable(struct connection *conn);
void tls_handshake_on_writable(struct connection *conn);
