/* SPDX-License-Identifier: Apache-2.0
 *
 * redis_tls - see redis_tls.h.
 */
#include "lib/redis/redis_tls.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>

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

static int load_roots(SSL_CTX *context, const struct redis_options *options, struct error *err)
{
    if (options->tls.root_count == 0 && SSL_CTX_set_default_verify_paths(context) != 1)
        return complain("authorities", "of the system", err);
    for (size_t i = 0; i < options->tls.root_count; i++) {
        if (SSL_CTX_load_verify_file(context, options->tls.roots[i]) != 1)
            return complain("redis.tls.rootcas", options->tls.roots[i], err);
    }
    return 0;
}

static int load_own(SSL_CTX *context, const struct redis_options *options, struct error *err)
{
    if (options->tls.certificate[0] == '\0' && options->tls.key[0] == '\0')
        return 0;
    if (options->tls.certificate[0] == '\0' || options->tls.key[0] == '\0')
        return error_set(err, ERROR_INVALID, "redis.tls.certificate and .key go together");
    if (SSL_CTX_use_certificate_chain_file(context, options->tls.certificate) != 1)
        return complain("redis.tls.certificate", options->tls.certificate, err);
    if (SSL_CTX_use_PrivateKey_file(context, options->tls.key, SSL_FILETYPE_PEM) != 1)
        return complain("redis.tls.key", options->tls.key, err);
    return 0;
}

int redis_tls_new(const struct redis_options *options, SSL_CTX **out, struct error *err)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());

    if (context == NULL || SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) != 1)
        abort();
    ERR_clear_error();
    SSL_CTX_set_default_passwd_cb(context, on_passphrase);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    if (load_roots(context, options, err) < 0 || load_own(context, options, err) < 0) {
        SSL_CTX_free(context);
        return -1;
    }
    *out = context;
    return 0;
}

static bool is_address(const char *host)
{
    unsigned char ignored[sizeof(struct in6_addr)];

    return inet_pton(AF_INET, host, ignored) == 1 || inet_pton(AF_INET6, host, ignored) == 1;
}

SSL *redis_tls_session(SSL_CTX *context, char *host)
{
    SSL *session = SSL_new(context);

    if (session == NULL)
        abort();
    if (is_address(host)) {
        if (X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(session), host) != 1)
            abort();
    } else if (SSL_set1_host(session, host) != 1 || SSL_set_tlsext_host_name(session, host) != 1) {
        abort();
    }
    return session;
}

void redis_tls_describe(SSL *session, unsigned long code, char *out, size_t size)
{
    const char *reason = ERR_reason_error_string(code);
    long verified = SSL_get_verify_result(session);

    if (verified != X509_V_OK)
        snprintf(out, size, "certificate verify failed: %s",
                 X509_verify_cert_error_string(verified));
    else
        snprintf(out, size, "TLS: %s", reason != NULL ? reason : "failed");
    ERR_clear_error();
}
