/* SPDX-License-Identifier: Apache-2.0
 *
 * tls_handshake - see tls_handshake.h.
 */
#include "lib/http/tls_handshake.h"

#include "lib/base/ascii.h"
#include "lib/base/log.h"
#include "lib/http/tls_private.h"
#include "lib/http/tls_session.h"

#include <errno.h>
#include <openssl/err.h>
#include <stdio.h>
#include <sys/socket.h>

#include "lib/base/banned.h"

#define REFUSED_MS 5000 /* how long bytes in plain text are read before closing */
#define REASON_MAX 160

/* Why a handshake failed, in words for the log. */
static void describe(SSL *ssl, int error, int sys, char out[REASON_MAX])
{
    unsigned long code = ERR_peek_last_error();
    const char *reason = ERR_reason_error_string(code);
    long verified = SSL_get_verify_result(ssl);

    if (code == 0 && error == SSL_ERROR_SYSCALL && sys != 0)
        snprintf(out, REASON_MAX, "%s", strerror(sys));
    else if (code == 0)
        snprintf(out, REASON_MAX, "EOF");
    else if (ERR_GET_REASON(code) == SSL_R_CERTIFICATE_VERIFY_FAILED && verified != X509_V_OK)
        snprintf(out, REASON_MAX, "certificate verify failed: %s",
                 X509_verify_cert_error_string(verified));
    else
        snprintf(out, REASON_MAX, "%s", reason != NULL ? reason : "unknown");
    ERR_clear_error();
}

/* Who connects and leaves without a word only wanted to see whether somebody listens. */
static void fail_handshake(struct connection *conn, const char *reason)
{
    if (BIO_number_read(SSL_get_rbio(conn->tls->ssl)) == 0)
        log_debug("http: TLS handshake error from %s: %s", conn->peer, reason);
    else
        tls_private_log_failure(server_options(conn->server)->tls, conn->peer, reason);
    connection_close(conn);
}

static void discard_plain(struct connection *conn)
{
    char scratch[4096];
    ssize_t got = recv(conn->fd, scratch, sizeof(scratch), MSG_DONTWAIT);

    if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR))
        connection_close(conn);
}

/* Upstream's answer to HTTP without TLS. What the client goes on to send is read for a while, so
 * that the answer reaches it. */
static void refuse_plain(struct connection *conn)
{
    static const char answer[] = "HTTP/1.0 400 Bad Request\r\n\r\n"
                                 "Client sent an HTTP request to an HTTPS server.\n";

    tls_private_log_failure(server_options(conn->server)->tls, conn->peer,
                            "client sent an HTTP request to an HTTPS server");
    if (send(conn->fd, answer, sizeof(answer) - 1, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ||
        shutdown(conn->fd, SHUT_WR) < 0) {
        connection_close(conn);
        return;
    }
    conn->tls->is_refused = true;
    connection_start_timer(conn, REFUSED_MS);
}

/* TLS begins with the byte 22, a request with a method's letter. */
static bool is_plain_text(struct connection *conn)
{
    char first;

    return recv(conn->fd, &first, 1, MSG_PEEK | MSG_DONTWAIT) == 1 && is_ascii_upper(first);
}

static void shake_hands(struct connection *conn)
{
    struct tls_session *tls = conn->tls;
    char reason[REASON_MAX];
    int rc;
    int error;
    int sys;

    ERR_clear_error();
    rc = SSL_accept(tls->ssl);
    sys = errno;
    if (rc == 1) {
        tls->is_open = true;
        connection_ready(conn);
        return;
    }
    error = SSL_get_error(tls->ssl, rc);
    if (tls_session_want(error) == CONNECTION_WRITABLE) {
        event_del(tls->readable);
        event_add(tls->writable, NULL);
    } else if (tls_session_want(error) == CONNECTION_READABLE) {
        event_add(tls->readable, NULL);
    } else {
        describe(tls->ssl, error, sys, reason);
        tls->is_broken = true;
        fail_handshake(conn, reason);
    }
}

/* The first byte tells whether it is TLS at all. */
void tls_handshake_on_readable(struct connection *conn)
{
    if (!tls_private_may_shake_hands(server_options(conn->server)->tls))
        return; /* the socket stays readable: the next turn asks again */
    if (conn->tls->is_refused)
        discard_plain(conn);
    else if (SSL_in_before(conn->tls->ssl) && is_plain_text(conn))
        refuse_plain(conn);
    else
        shake_hands(conn);
}

void tls_handshake_on_writable(struct connection *conn)
{
    shake_hands(conn);
}
