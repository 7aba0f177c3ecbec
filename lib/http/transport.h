/* SPDX-License-Identifier: Apache-2.0
 *
 * transport - how bytes move between a connection's socket and its buffers: as they are, or
 * through TLS. Only lib/http includes this.
 *
 *                     plain                                     TLS
 *      heads          the bufferevent reads the socket          we decrypt into the bufferevent's
 *                                                               input; it has no socket of its own
 *      bodies         the task receives into conn->held         the task decrypts into conn->held
 *      replies        the bufferevent writes its output         we encrypt its output
 *      files          sendfile, by the task                     read into the output
 *
 * Both tell connection.c of what comes by itself through connection_on_input and
 * connection_on_end.
 */
#pragma once

#include "lib/http/connection.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct transport {
    /* The socket is there. Ends, now or later, in connection_ready or connection_close. */
    void (*start)(struct connection *conn);

    /* Whether what the client sends is read into the bufferevent's input as it comes. While a body
     * is read it must be off: then the task asks. */
    void (*watch)(struct connection *conn, bool is_on);

    /* Moves what has come, at most @max bytes, to the end of conn->held. Bytes; 0 at the end of the
     * stream; -1 with errno: EAGAIN (wait for @out_want), anything else is the end. */
    ssize_t (*receive)(struct connection *conn, size_t max, enum connection_want *out_want);

    /* Sends now what the socket takes of the output; the rest goes by itself as it can. */
    void (*push)(struct connection *conn);

    /* Our last word, once the output is empty; nothing is sent or read after it. */
    void (*end)(struct connection *conn);

    bool has_sendfile; /* the socket takes a file's bytes as they are */
};

extern const struct transport transport_plain;
extern const struct transport transport_tls;

struct tls_session;

/* Closes the socket too. NULL is fine. */
void transport_tls_free(struct tls_session *session);
