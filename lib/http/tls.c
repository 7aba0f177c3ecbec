/* SPDX-License-Identifier: Apache-2.0
 *
 * tls - see tls.h. How a connection uses it is in transport_tls.c.
 */
#include "lib/http/tls.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/memory.h"
#include "lib/base/str.h"
#include "lib/http/tls_context.h"
#include "lib/http/tls_names.h"
#include "lib/http/tls_private.h"
#include "lib/http/tls_tickets.h"
#include "lib/task/background.h"
#include "lib/task/loop.h"
#include "lib/task/task.h"
#include "lib/task/watched.h"

#include <assert.h>
#include <event2/event.h>
#include <string.h>

#include "lib/base/banned.h"

#define LOOK_MS          2000
#define LOOKS_A_DAY      (24 * 3600 * 1000 / LOOK_MS)
#define EXPIRY_WARNING_S (7 * 24 * 3600)
#define LOG_BURST        10         /* failed handshakes that are logged at once, after a rest */
#define LOG_EVERY_NS     1000000000 /* then one in this time */
#define SUBJECT_SIZE_MAX 512
#define HANDSHAKES_NS    5000000 /* of a turn of the loop: others want to be served too */

struct http_tls {
    struct http_tls_options options; /* texts and lists owned */
    struct tls_tickets *tickets;
    SSL_CTX *ctx;
    struct watched *files;

    struct background watcher;

    struct timeval turn;   /* of the loop, that last shook hands */
    int64_t turn_began_ns; /* when it began to; clock_monotonic_ns */

    int64_t log_from;  /* see is_log_due; clock_monotonic_ns */
    uint64_t unlogged; /* those that were not, since */
};

/* ---- reading ---- */

struct reading {
    const struct http_tls_options *options;
    SSL_CTX *ctx; /* given */
};

/* On a helper, or at the start. */
static int read_files(struct watched_file *files, size_t count, void *arg, struct error *err)
{
    struct reading *reading = arg;

    (void)count;
    return tls_context_new(reading->options, files, &reading->ctx, err);
}

static struct watched *watch_files(const struct http_tls_options *options)
{
    size_t count = TLS_CONTEXT_CLIENT_CAS + options->client_ca_count;
    auto_free const char **paths = xcalloc(count, sizeof(*paths));

    paths[TLS_CONTEXT_CERTIFICATE] = options->certificate;
    paths[TLS_CONTEXT_KEY] = options->key;
    for (size_t i = 0; i < options->client_ca_count; i++)
        paths[TLS_CONTEXT_CLIENT_CAS + i] = options->client_cas[i];
    return watched_new(&(struct watched_options){
        .paths = paths,
        .count = count,
        .size_max = TLS_CONTEXT_FILE_MAX,
        .read = read_files,
    });
}

/* ---- what was read is used ---- */

static void warn_of_expiry(const struct http_tls *tls)
{
    struct timespec end = {.tv_sec = tls_context_expires_at(tls->ctx)};
    time_t now = clock_now().tv_sec;
    char text[CLOCK_RFC3339_SIZE];

    clock_format_rfc3339(end, text);
    if (end.tv_sec < now)
        log_warn("the TLS certificate %s has expired: it was valid until %s",
                 tls->options.certificate, text);
    else if (end.tv_sec - now < EXPIRY_WARNING_S)
        log_warn("the TLS certificate %s expires soon: it is valid until %s",
                 tls->options.certificate, text);
}

static void install(struct http_tls *tls, SSL_CTX *ctx)
{
    SSL_CTX_free(tls->ctx); /* connections hold theirs */
    tls->ctx = ctx;
    tls_tickets_use(tls->tickets, tls->ctx);
}

static void install_again(struct http_tls *tls, SSL_CTX *ctx)
{
    struct timespec end;
    char text[CLOCK_RFC3339_SIZE];

    install(tls, ctx);
    end = (struct timespec){.tv_sec = tls_context_expires_at(tls->ctx)};
    clock_format_rfc3339(end, text);
    log_info("reloaded the TLS certificate, valid until %s", text);
    warn_of_expiry(tls);
}

int http_tls_reload(struct http_tls *tls, struct error *err)
{
    struct reading reading = {.options = &tls->options};

    if (watched_read(tls->files, &reading, err) < 0)
        return -1;
    install_again(tls, reading.ctx);
    return 0;
}

/* ---- watching ---- */

/* A certificate may come before its key: that is told, and the next look finds both. */
static int look_again(struct http_tls *tls, struct error *err)
{
    struct reading reading = {.options = &tls->options};
    struct error problem = ERROR_INIT;
    bool is_read = false;

    if (task_sleep(LOOK_MS, err) < 0)
        return -1;
    if (watched_look(tls->files, 0, &reading, &is_read, &problem) == 0) {
        if (is_read)
            install_again(tls, reading.ctx);
        return 0;
    }
    if (problem.code == ERROR_CANCELED) {
        *err = problem;
        return -1;
    }
    log_error("the TLS certificate stays as it is: %s", problem.message);
    return 0;
}

static void watch_main(void *arg)
{
    struct http_tls *tls = arg;
    struct error err = ERROR_INIT;
    unsigned looks = 0;

    while (look_again(tls, &err) == 0) {
        if (++looks % LOOKS_A_DAY == 0)
            warn_of_expiry(tls);
    }
}

void http_tls_watch(struct http_tls *tls)
{
    background_start(&tls->watcher, "tls-watch", watch_main, tls);
}

void http_tls_unwatch(struct http_tls *tls)
{
    background_stop(&tls->watcher);
}

/* ---- birth and death ---- */

static const char **copy_list(const char *const *list, size_t count)
{
    const char **copy = xcalloc(count + 1, sizeof(*copy));

    for (size_t i = 0; i < count; i++)
        copy[i] = xstrdup(list[i]);
    return copy;
}

static void free_list(const char *const *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free((void *)(uintptr_t)list[i]);
    free((void *)(uintptr_t)list);
}

static const char *copy_or(const char *text, const char *otherwise)
{
    return xstrdup(text != NULL && text[0] != '\0' ? text : otherwise);
}

static void copy_options(struct http_tls_options *to, const struct http_tls_options *from)
{
    *to = (struct http_tls_options){
        .certificate = xstrdup(from->certificate),
        .key = copy_or(from->key, ""),
        .client_cas = copy_list(from->client_cas, from->client_ca_count),
        .client_ca_count = from->client_ca_count,
        .client_auth = copy_or(from->client_auth, "require-and-verify-client-cert"),
        .minimum = copy_or(from->minimum, "tls1.2"),
        .cipher_suites = copy_list(from->cipher_suites, from->cipher_suite_count),
        .cipher_suite_count = from->cipher_suite_count,
    };
}

static void free_options(struct http_tls_options *options)
{
    free((void *)(uintptr_t)options->certificate);
    free((void *)(uintptr_t)options->key);
    free((void *)(uintptr_t)options->client_auth);
    free((void *)(uintptr_t)options->minimum);
    free_list(options->client_cas, options->client_ca_count);
    free_list(options->cipher_suites, options->cipher_suite_count);
}

/* What upstream says at this point, and what of the list this OpenSSL does not have. */
static int log_rules(const struct http_tls_options *options, struct error *err)
{
    auto_str list_12 = STR_INIT(TLS_NAMES_LIST_MAX);
    auto_str list_13 = STR_INIT(TLS_NAMES_LIST_MAX);
    auto_str names = STR_INIT(TLS_NAMES_LIST_MAX);
    int minimum;

    if (tls_names_version(options->minimum, &minimum, err) < 0)
        return -1;
    log_info("restricting TLS version to %s or higher", options->minimum);
    if (tls_names_suites(options->cipher_suites, options->cipher_suite_count, &list_12, &list_13,
                         &names, err) < 0)
        return -1;
    log_info("restricting TLS cipher suites to: %s", str_text(&names));
    return 0;
}

static void log_missing_suites(const struct http_tls *tls)
{
    for (size_t i = 0; i < tls->options.cipher_suite_count; i++) {
        const char *name = tls->options.cipher_suites[i];

        if (!has_tls_context_suite(tls->ctx, tls_names_openssl(name)))
            log_warn("TLS cipher suite %s is not available here", name);
    }
}

static void log_authorities(const struct http_tls *tls)
{
    STACK_OF(X509_NAME) *names = SSL_CTX_get_client_CA_list(tls->ctx);
    char subject[SUBJECT_SIZE_MAX];

    for (int i = 0; i < sk_X509_NAME_num(names); i++) {
        X509_NAME_oneline(sk_X509_NAME_value(names, i), subject, sizeof(subject));
        log_debug("CA Subject: %s", subject);
    }
}

int http_tls_new(const struct http_tls_options *options, struct http_tls **out, struct error *err)
{
    struct http_tls *tls = xcalloc(1, sizeof(*tls));
    struct reading reading = {.options = &tls->options};

    copy_options(&tls->options, options);
    tls->files = watch_files(&tls->options);
    if (log_rules(&tls->options, err) < 0 || watched_read(tls->files, &reading, err) < 0) {
        http_tls_free(tls);
        return -1;
    }
    tls->tickets = tls_tickets_new();
    install(tls, reading.ctx);
    log_missing_suites(tls);
    log_authorities(tls);
    warn_of_expiry(tls);
    *out = tls;
    return 0;
}

void http_tls_free(struct http_tls *tls)
{
    if (tls == NULL)
        return;
    assert(!is_background_running(&tls->watcher));
    SSL_CTX_free(tls->ctx);
    watched_free(tls->files);
    tls_tickets_free(tls->tickets);
    free_options(&tls->options);
    free(tls);
}

/* ---- for connections ---- */

SSL *tls_private_session(struct http_tls *tls)
{
    SSL *ssl = SSL_new(tls->ctx);

    if (ssl == NULL)
        abort();
    return ssl;
}

/* A turn of the loop has one time, however long it takes. */
bool tls_private_may_shake_hands(struct http_tls *tls)
{
    struct timeval turn;
    int64_t now = clock_monotonic_ns();

    event_base_gettimeofday_cached(loop_base(), &turn);
    if (turn.tv_sec == tls->turn.tv_sec && turn.tv_usec == tls->turn.tv_usec)
        return now - tls->turn_began_ns < HANDSHAKES_NS;
    tls->turn = turn;
    tls->turn_began_ns = now;
    return true;
}

/* Each line moves log_from on by one step; it may be ahead of now by a burst of them. */
static bool is_log_due(struct http_tls *tls)
{
    int64_t now = clock_monotonic_ns();

    if (tls->log_from > now + (LOG_BURST - 1) * (int64_t)LOG_EVERY_NS)
        return false;
    tls->log_from = (tls->log_from > now ? tls->log_from : now) + LOG_EVERY_NS;
    return true;
}

void tls_private_log_failure(struct http_tls *tls, const char *peer, const char *reason)
{
    if (!is_log_due(tls)) {
        tls->unlogged++;
        return;
    }
    if (tls->unlogged > 0)
        log_info("http: TLS handshake error from %s: %s (and %llu before it, not logged)", peer,
                 reason, (unsigned long long)tls->unlogged);
    else
        log_info("http: TLS handshake error from %s: %s", peer, reason);
    tls->unlogged = 0;
}
