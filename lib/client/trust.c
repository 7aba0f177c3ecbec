/* SPDX-License-Identifier: Apache-2.0
 *
 * trust - see trust.h.
 */
#include "lib/client/trust.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/memory.h"
#include "lib/base/str.h"
#include "lib/task/offload.h"

#include <curl/curl.h>
#include <dirent.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "lib/base/banned.h"

#define AGE_MAX_NS (24LL * 3600 * 1000000000)

/* Nobody is there to be asked for a passphrase. */
static int on_passphrase(char *out, int size, int is_writing, void *arg)
{
    (void)out, (void)size, (void)is_writing, (void)arg;
    return 0;
}

/* Why OpenSSL has refused a file. */
static const char *reason_of_refusal(void)
{
    unsigned long first = ERR_peek_error();
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());

    if (ERR_SYSTEM_ERROR(first))
        return strerrordesc_np(ERR_GET_REASON(first));
    return reason != NULL ? reason : "cannot be used";
}

static int complain(const char *what, const char *file, struct error *err)
{
    error_set(err, ERROR_INVALID, "%s %s: %s", what, file, reason_of_refusal());
    ERR_clear_error();
    return -1;
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

/* ---- where the system's authorities are ---- */

/* What the environment says, "" for nothing. */
static const char *named(const char *variable)
{
    const char *value = getenv(variable);

    return value != NULL ? value : "";
}

static const char *system_file(void)
{
    const curl_version_info_data *info = curl_version_info(CURLVERSION_NOW);

    return info->cainfo != NULL ? info->cainfo : "/etc/ssl/certs/ca-certificates.crt";
}

void trust_init(struct trust *trust, const char *ca_file)
{
    const char *file = named("SSL_CERT_FILE"), *more = named("SSL_CERT_DIR");

    *trust = (struct trust){0};
    if (ca_file != NULL) {
        trust->file = xstrdup(ca_file);
        trust->more = xstrdup("");
        return;
    }
    if (more[0] == '\0' && file[0] != '\0' && strcmp(file, system_file()) != 0)
        more = system_file();
    trust->file = xstrdup(file[0] != '\0' ? file : system_file());
    trust->more = xstrdup(more);
}

void trust_fini(struct trust *trust)
{
    free(trust->file);
    free(trust->more);
    X509_STORE_free(trust->store);
}

/* ---- reading ---- */

struct reading {
    const struct trust *trust;
    X509_STORE *store;
    struct error problem; /* something could not be read, though something else could */
};

static int read_file(X509_STORE *store, const char *path, struct error *err)
{
    ERR_clear_error();
    if (X509_STORE_load_file(store, path) != 1)
        return complain("authorities", path, err);
    return 0;
}

static bool is_kind(const char *path, mode_t kind)
{
    struct stat status;

    return stat(path, &status) == 0 && (status.st_mode & S_IFMT) == kind;
}

/* All files of a directory. Those that hold no certificate are nothing to complain of. */
static int read_directory(X509_STORE *store, const char *path, struct error *err)
{
    DIR *directory = opendir(path);
    struct error ignored = ERROR_INIT;
    struct dirent *entry;

    if (directory == NULL)
        return error_set(err, ERROR_INVALID, "authorities %s: cannot be read", path);
    while ((entry = readdir(directory)) != NULL) {
        auto_str file = STR_INIT(PATH_MAX);

        str_append_format(&file, "%s/%s", path, entry->d_name);
        if (is_kind(str_text(&file), S_IFREG))
            (void)read_file(store, str_text(&file), &ignored);
    }
    closedir(directory);
    return 0;
}

static void read_place(struct reading *reading, const char *path)
{
    struct error problem = ERROR_INIT;
    int rc = is_kind(path, S_IFDIR) ? read_directory(reading->store, path, &problem)
                                    : read_file(reading->store, path, &problem);

    if (rc < 0 && reading->problem.code == ERROR_NONE)
        reading->problem = problem;
}

static void read_places(struct reading *reading)
{
    struct span rest = span_of(reading->trust->more);

    read_place(reading, reading->trust->file);
    while (rest.len > 0) {
        struct span place = span_cut(&rest, ':');
        auto_free char *path = xstrndup(place.data, place.len);

        if (place.len > 0)
            read_place(reading, path);
    }
}

/* Pure: runs on a helper. */
static int read_authorities(void *arg, struct error *err)
{
    struct reading *reading = arg;

    reading->store = X509_STORE_new();
    if (reading->store == NULL)
        abort();
    read_places(reading);
    ERR_clear_error();
    if (sk_X509_OBJECT_num(X509_STORE_get0_objects(reading->store)) > 0)
        return 0;
    X509_STORE_free(reading->store);
    if (reading->problem.code == ERROR_NONE)
        return error_set(err, ERROR_INVALID, "authorities: none in %s", reading->trust->file);
    *err = reading->problem;
    return -1;
}

/* Two tasks may read at once; the later one wins, both are right. */
int trust_load(struct trust *trust, struct error *err)
{
    struct reading reading = {.trust = trust};
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
        if (reading.problem.code != ERROR_NONE)
            log_warn("%s; the others count", reading.problem.message);
        X509_STORE_free(trust->store);
        trust->store = reading.store;
    }
    trust->loaded_ns = clock_monotonic_ns();
    return 0;
}
