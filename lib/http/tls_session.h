/* SPDX-License-Identifier: Apache-2.0
 *
 * tls_session - the TLS side of a connection, between tls_handshake.c, which opens it, and
 * transport_tls.c, which moves its bytes. Nobody else includes this.
 */
#pragma once

#include "lib/http/connection.h"

#include <openssl/ssl.h>
#include <stdbool.h>

struct tls_session {
    SSL *ssl;
    int fd;
    struct event *readable; /* added: the handshake, or watching */
    struct event *writable; /* added: the socket is full; active: there is new output */
    bool is_watched;
    bool is_open;    /* the handshake is done */
    bool is_ended;   /* our last word is said */
    bool is_broken;  /* the session cannot be used any more */
    bool is_refused; /* plain text: it is answered, and the rest not read */
};

/* After a call that did not succeed, by its SSL_get_error: what it waits for, or 0 when it failed
 * or the stream ended. */
static inline enum connection_want tls_session_want(int error)
{
    if (error == SSL_ERROR_WANT_READ)
        return CONNECTION_READABLE;
    return error == SSL_ERROR_WANT_WRITE ? CONNECTION_WRITABLE : (enum connection_want)0;
}
