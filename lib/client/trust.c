/* SPDX-License-Identifier: Apache-2.0
 *
 * trust - see trust.h.
 */
#include "lib/client/trust.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "lib/base/banned.h"

/* Nobody is there to be asked for a passphrase. */
static int on_passphrase(char *out, int size, int is_writing, void *arg)
{
    (void)out, (void)size, (void)is_writing, (void)arg;
    return 0;
}

static int complain(const char *what, const char *file, struct error *err)
{
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());

    ERR_clear_error();
    return error_set(err, ERROR_INVALID, "%s %s: %s", what, file,
                     reason != NULL ? reason : "cannot be used");
}

static int load(SSL_CTX *ssl, const char *ca_file, const char *certificate, const char *key,
                struct error *err)
{
    ERR_clear_error();
    SSL_CTX_set_default_passwd_cb(ssl, on_passphrase);
    if (ca_file != NULL && SSL_CTX_load_verify_file(ssl, ca_file) != 1)
        return complain("authorities", ca_file, err);
    if (certificate == NULL)
        return 0;
    if (SSL_CTX_use_certificate_chain_file(ssl, certificate) != 1)
        return complain("certificate", certificate, err);
    if (SSL_CTX_use_PrivateKey_file(ssl, key, SSL_FILETYPE_PEM) != 1)
        return complain("key", key, err);
    return 0;
}

int trust_check(const char *ca_file, const char *certificate, const char *key, struct error *err)
{
    SSL_CTX *ssl;
    int rc;

    if ((certificate != NULL) != (key != NULL))
        return error_set(err, ERROR_INVALID, "a client certificate and its key go together");
    ssl = SSL_CTX_new(TLS_client_method());
    if (ssl == NULL)
        abort();
    rc = load(ssl, ca_file, certificate, key, err);
    SSL_CTX_free(ssl);
    return rc;
}
