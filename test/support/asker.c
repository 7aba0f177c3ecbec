/* SPDX-License-Identifier: Apache-2.0
 *
 * asker - see asker.h.
 */
#include "test/support/asker.h"

#include "lib/base/memory.h"
#include "lib/task/loop.h"
#include "test/support/assertions.h"

#include <arpa/inet.h>
#include <assert.h>
#include <netdb.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/base/banned.h"

struct client *asker_client;
struct origin *asker_origin;

/* ---- names ---- */

/* The lookups of slow.test: none ends before it may. */
static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool may_end;
    unsigned count;
} slow = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, .may_end = true};

static void look_up_slowly(void)
{
    pthread_mutex_lock(&slow.lock);
    slow.count++;
    while (!slow.may_end)
        pthread_cond_wait(&slow.changed, &slow.lock);
    slow.count--;
    pthread_cond_broadcast(&slow.changed);
    pthread_mutex_unlock(&slow.lock);
}

static void hold_lookups(void)
{
    pthread_mutex_lock(&slow.lock);
    slow.may_end = false;
    pthread_mutex_unlock(&slow.lock);
}

static void end_lookups(void)
{
    pthread_mutex_lock(&slow.lock);
    slow.may_end = true;
    pthread_cond_broadcast(&slow.changed);
    while (slow.count > 0)
        pthread_cond_wait(&slow.changed, &slow.lock);
    pthread_mutex_unlock(&slow.lock);
}

unsigned asker_lookups(void)
{
    unsigned count;

    pthread_mutex_lock(&slow.lock);
    count = slow.count;
    pthread_mutex_unlock(&slow.lock);
    return count;
}

/* libcurl calls this in place of the C library's, on threads of its own. */
int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints,
                struct addrinfo **out)
{
    struct addrinfo *info;
    struct sockaddr_in *at;

    if (strcmp(name, "slow.test") == 0)
        look_up_slowly();
    else if (strcmp(name, "a.test") != 0 && strcmp(name, "b.test") != 0)
        return EAI_NONAME;
    info = calloc(1, sizeof(*info) + sizeof(*at)); /* one piece, as the C library frees it */
    at = (struct sockaddr_in *)(void *)(info + 1);
    at->sin_family = AF_INET;
    at->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    at->sin_port = htons((uint16_t)strtol(service != NULL ? service : "0", NULL, 10));
    info->ai_family = AF_INET;
    info->ai_socktype = hints != NULL ? hints->ai_socktype : SOCK_STREAM;
    info->ai_protocol = hints != NULL ? hints->ai_protocol : 0;
    info->ai_addr = (struct sockaddr *)at;
    info->ai_addrlen = sizeof(*at);
    *out = info;
    return 0;
}

/* ---- running ---- */

struct errand {
    asker_cb *body;
    void *arg;
};

static void errand_main(void *arg)
{
    struct errand *errand = arg;

    errand->body(errand->arg);
}

void asker_run(const struct asker *asker, asker_cb *body, void *arg)
{
    struct errand errand = {body, arg};
    struct error err = ERROR_INIT;
    int rc;

    signal(SIGPIPE, SIG_IGN); /* OpenSSL on the origin's threads */
    hold_lookups();
    if (asker->handler != NULL)
        asker_origin = origin_start(asker->handler, asker->handler_arg, asker->tls);
    rc = loop_open(1, &err);
    assert(rc == 0);
    rc = client_new(&asker->options, &asker_client, &err);
    if (rc < 0)
        fprintf(stderr, "client_new: %s\n", err.message);
    assert(rc == 0);
    (void)rc;
    task_spawn("test", errand_main, &errand);
    assertions_loop_run();
    assert(task_count() == 0);
    client_free(asker_client);
    end_lookups();
    loop_close();
    origin_stop(asker_origin);
    asker_client = NULL;
    asker_origin = NULL;
    assertions_pass_on();
}

const char *asker_url(const char *scheme, const char *host, const char *path)
{
    static char urls[8][4096];
    static unsigned next;
    char *url = urls[next++ % 8];

    snprintf(url, sizeof(urls[0]), "%s://%s:%d%s", scheme, host, origin_port(asker_origin), path);
    return url;
}

void asker_result_fini(struct asker_result *result)
{
    str_fini(&result->body);
}

struct asker_result asker_do(const struct client_call *call)
{
    struct asker_result result = {.body = STR_INIT(1 << 20), .err = ERROR_INIT};

    result.rc = client_do(asker_client, call, &result.status, &result.body, &result.err);
    return result;
}

struct asker_result asker_get(const char *path)
{
    return asker_do(
        &(struct client_call){.method = "GET", .url = asker_url("http", "127.0.0.1", path)});
}

/* ---- certificates ---- */

static char pem_folder[] = "/tmp/kist-pems-XXXXXX";

struct identity {
    EVP_PKEY *key;
    X509 *certificate;
};

static void extend(X509 *certificate, int nid, const char *value)
{
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, nid, value);

    assert(extension != NULL);
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
}

/* @issuer NULL: signed by itself, an authority; else for the names of @alternatives. */
static struct identity make_identity(const char *name, const struct identity *issuer,
                                     const char *alternatives)
{
    static long serial = 1;
    struct identity made = {EVP_EC_gen("P-256"), X509_new()};
    X509_NAME *subject = X509_get_subject_name(made.certificate);
    X509 *by = issuer != NULL ? issuer->certificate : made.certificate;

    X509_set_version(made.certificate, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(made.certificate), serial++);
    X509_gmtime_adj(X509_getm_notBefore(made.certificate), -3600);
    X509_gmtime_adj(X509_getm_notAfter(made.certificate), 86400);
    X509_set_pubkey(made.certificate, made.key);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0);
    X509_set_issuer_name(made.certificate, X509_get_subject_name(by));
    extend(made.certificate, NID_basic_constraints,
           issuer != NULL ? "critical,CA:FALSE" : "critical,CA:TRUE");
    if (alternatives != NULL)
        extend(made.certificate, NID_subject_alt_name, alternatives);
    X509_sign(made.certificate, issuer != NULL ? issuer->key : made.key, EVP_sha256());
    return made;
}

static void free_identity(struct identity *identity)
{
    EVP_PKEY_free(identity->key);
    X509_free(identity->certificate);
}

static void save(const struct identity *identity, const char *name, char path[128])
{
    FILE *file;

    snprintf(path, 128, "%s/%s.pem", pem_folder, name);
    file = fopen(path, "w");
    assert(file != NULL);
    PEM_write_X509(file, identity->certificate);
    PEM_write_PrivateKey(file, identity->key, NULL, NULL, 0, NULL, NULL);
    fclose(file);
}

static struct asker_pems pems;

static void remove_pems(void)
{
    unlink(pems.ca);
    unlink(pems.server);
    unlink(pems.other);
    unlink(pems.client);
    unlink(pems.foreign_ca);
    rmdir(pem_folder);
}

static void make_pems(void)
{
    struct identity ca = make_identity("Trusted authority", NULL, NULL);
    struct identity foreign = make_identity("Foreign authority", NULL, NULL);
    struct identity server = make_identity("server", &ca, "DNS:localhost,DNS:a.test,IP:127.0.0.1");
    struct identity other = make_identity("other", &ca, "DNS:other.test");
    struct identity someone = make_identity("client", &ca, NULL);

    save(&ca, "ca", pems.ca);
    save(&foreign, "foreign", pems.foreign_ca);
    save(&server, "server", pems.server);
    save(&other, "other", pems.other);
    save(&someone, "client", pems.client);
    free_identity(&ca);
    free_identity(&foreign);
    free_identity(&server);
    free_identity(&other);
    free_identity(&someone);
}

const struct asker_pems *asker_pems(void)
{
    if (pems.ca[0] == '\0') {
        char *made = mkdtemp(pem_folder);

        assert(made != NULL);
        (void)made;
        make_pems();
        atexit(remove_pems);
    }
    return &pems;
}
