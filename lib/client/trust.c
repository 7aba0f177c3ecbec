/* SPDX-License-Identifier: Apache-2.0
 *
 * trust - see trust.h.
 */
#include "lib/client/trust.h"

#include "lib/base/log.h"
#include "lib/base/memory.h"

#include <assert.h>
#include <curl/curl.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <stdlib.h>

#include "lib/base/banned.h"

#define FILE_MAX     (16 * 1024 * 1024) /* bytes; the bundles of systems have a quarter of one MiB */
#define PROBLEMS_MAX 1024               /* bytes of them in the log */

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

static void set_places(struct trust *trust, const char *ca_file)
{
    const char *file = named("SSL_CERT_FILE"), *more = named("SSL_CERT_DIR");

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

/* ---- reading, on a helper ---- */

struct reading {
    X509_STORE *store;    /* given */
    size_t problem_count; /* files that could not be used */
    struct error problem; /* of the first of them */
    struct str problems;  /* of all, for the log */
};

static void note_problem(struct reading *reading, const struct error *problem)
{
    if (reading->problem_count++ == 0)
        reading->problem = *problem;
    else
        str_append(&reading->problems, SPAN("; "));
    str_append(&reading->problems, span_of(problem->message));
}

/* All certificates of @file, what else is in it is left alone. Returns how many there were, or -1
 * with @err: INVALID. */
static int add_text(X509_STORE *store, const struct watched_file *file, struct error *err)
{
    BIO *bio = BIO_new_mem_buf(str_text(&file->text), (int)file->text.len);
    STACK_OF(X509_INFO) * infos;
    bool is_fine = true;
    int count = 0;

    if (bio == NULL)
        abort();
    ERR_clear_error();
    infos = PEM_X509_INFO_read_bio(bio, NULL, on_passphrase, NULL);
    BIO_free(bio);
    if (infos == NULL)
        return complain("authorities", file->path, err);
    for (int i = 0; i < sk_X509_INFO_num(infos) && is_fine; i++) {
        X509 *certificate = sk_X509_INFO_value(infos, i)->x509;

        is_fine = certificate == NULL || X509_STORE_add_cert(store, certificate) == 1;
        count += certificate != NULL;
    }
    sk_X509_INFO_pop_free(infos, X509_INFO_free);
    return is_fine ? count : complain("authorities", file->path, err);
}

/* A file that was named has to give something; in a directory there may be anything. */
static int add_file(X509_STORE *store, const struct watched_file *file, struct error *err)
{
    int count;

    if (file->err.code != ERROR_NONE && file->is_listed)
        return 0;
    if (file->err.code != ERROR_NONE) {
        *err = file->err;
        return error_wrap(err, "authorities");
    }
    count = add_text(store, file, err);
    if (count != 0 || file->is_listed)
        return count < 0 ? -1 : 0;
    return error_set(err, ERROR_INVALID, "authorities %s: no certificate", file->path);
}

static int count_of(X509_STORE *store)
{
    return sk_X509_OBJECT_num(X509_STORE_get0_objects(store));
}

static int read_authorities(struct watched_file *files, size_t count, void *arg, struct error *err)
{
    struct reading *reading = arg;

    reading->store = X509_STORE_new();
    if (reading->store == NULL)
        abort();
    for (size_t i = 0; i < count; i++) {
        struct error problem = ERROR_INIT;

        if (add_file(reading->store, &files[i], &problem) < 0)
            note_problem(reading, &problem);
    }
    ERR_clear_error();
    if (count_of(reading->store) > 0)
        return 0;
    X509_STORE_free(reading->store);
    reading->store = NULL;
    if (reading->problem_count == 0)
        return error_set(err, ERROR_INVALID, "authorities: no certificate anywhere");
    *err = reading->problem;
    return error_translate(err, ERROR_INVALID);
}

/* ---- reading, as seen from the loop ---- */

/* What was fine before and is broken now is somebody's mistake, or not yet whole: better the old
 * authorities than a part of the new ones. */
static void take(struct trust *trust, struct reading *reading)
{
    bool is_first = trust->store == NULL;

    if (!is_first && reading->problem_count > trust->problem_count) {
        log_warn("%s; the authorities read before stay", str_text(&reading->problems));
        X509_STORE_free(reading->store);
        return;
    }
    X509_STORE_free(trust->store); /* connections hold theirs */
    trust->store = reading->store;
    trust->problem_count = reading->problem_count;
    if (reading->problem_count > 0)
        log_warn("%s; the others count", str_text(&reading->problems));
    if (!is_first)
        log_info("read the authorities again, %d certificates: %s", count_of(trust->store),
                 trust->file);
}

static void reading_main(void *arg)
{
    struct trust *trust = arg;
    struct reading reading = {.problems = STR_INIT(PROBLEMS_MAX)};
    bool is_read = true;
    int rc;

    trust->failed = ERROR_INIT;
    if (trust->store == NULL)
        rc = watched_read(trust->files, &reading, &trust->failed);
    else
        rc = watched_look(trust->files, 0, &reading, &is_read, &trust->failed);
    if (rc == 0 && is_read)
        take(trust, &reading);
    else if (rc < 0 && trust->store != NULL)
        log_warn("%s; the authorities read before stay", trust->failed.message);
    str_fini(&reading.problems);
    while (gate_line_serve(&trust->line))
        ;
}

/* Those who come while others are read again go on with what there is. */
int trust_load(struct trust *trust, struct error *err)
{
    bool is_served;

    if (trust->store != NULL && !is_watched_due(trust->files, trust->look_ms))
        return 0;
    if (!is_background_running(&trust->reading))
        background_start(&trust->reading, "authorities", reading_main, trust);
    if (gate_line_wait(&trust->line, &is_served, err) < 0)
        return -1;
    if (trust->store != NULL)
        return 0;
    *err = trust->failed;
    return -1;
}

/* ---- birth and death ---- */

static struct watched *watch(const struct trust *trust)
{
    size_t count = 1;
    auto_free const char **paths = xcalloc(strlen(trust->more) + 2, sizeof(*paths));
    auto_free char *more = xstrdup(trust->more);
    char *place, *rest = more;

    paths[0] = trust->file;
    while ((place = strsep(&rest, ":")) != NULL) {
        if (place[0] != '\0')
            paths[count++] = place;
    }
    return watched_new(&(struct watched_options){
        .paths = paths,
        .count = count,
        .may_be_directories = true,
        .size_max = FILE_MAX,
        .read = read_authorities,
    });
}

void trust_init(struct trust *trust, const char *ca_file)
{
    *trust = (struct trust){.look_ms = TRUST_LOOK_MS};
    gate_line_init(&trust->line);
    set_places(trust, ca_file);
    trust->files = watch(trust);
}

void trust_fini(struct trust *trust)
{
    assert(!is_background_running(&trust->reading));
    watched_free(trust->files);
    free(trust->file);
    free(trust->more);
    X509_STORE_free(trust->store);
}
