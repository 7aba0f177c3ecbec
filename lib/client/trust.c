/* SPDX-License-Identifier: Apache-2.0
 *
 * trust - see trust.h.
 */
#include "lib/client/trust.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/memory.h"
#include "lib/task/offload.h"

#include <curl/curl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <stdlib.h>

#include "lib/base/banned.h"

#define AGE_MAX_NS (24LL * 3600 * 1000000000)

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

/* ---- authorities ---- */

/* As Go's programs, and OpenSSL's, take it. */
static const char *system_file(void)
{
    const char *named = getenv("SSL_CERT_FILE");
    const curl_version_info_data *info = curl_version_info(CURLVERSION_NOW);

    if (named != NULL && named[0] != '\0')
        return named;
    return info->cainfo != NULL ? info->cainfo : "/etc/ssl/certs/ca-certificates.crt";
}

void trust_init(struct trust *trust, const char *ca_file)
{
    *trust = (struct trust){.file = xstrdup(ca_file != NULL ? ca_file : system_file())};
}

void trust_fini(struct trust *trust)
{
    free(trust->file);
    X509_STORE_free(trust->store);
}

struct reading {
    const char *file;
    X509_STORE *store;
};

/* Pure: runs on a helper. */
static int read_authorities(void *arg, struct error *err)
{
    struct reading *reading = arg;

    ERR_clear_error();
    reading->store = X509_STORE_new();
    if (reading->store == NULL)
        abort();
    if (X509_STORE_load_file(reading->store, reading->file) == 1)
        return 0;
    X509_STORE_free(reading->store);
    return complain("authorities", reading->file, err);
}

/* Two tasks may read at once; the later one wins, both are right. */
int trust_load(struct trust *trust, struct error *err)
{
    struct reading reading = {.file = trust->file};
    struct error failed = ERROR_INIT;

    if (trust->store != NULL && clock_monotonic_ns() - trust->loaded_ns < AGE_MAX_NS)
        return 0;
    if (offload(read_authorities, &reading, &failed) < 0) {
        if (trust->store == NULL || failed.code == ERROR_CANCELED) {
            *err = failed;
            return -1;
        }
        log_warn("%s; those read before stay", failed.message);
    } else {
        X509_STORE_free(trust->store);
        trust->store = reading.store;
    }
    trust->loaded_ns = clock_monotonic_ns();
    return 0;
}
