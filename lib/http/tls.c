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
#include "lib/task/loop.h"
#include "lib/task/offload.h"
#include "lib/task/task.h"

#include <assert.h>
#include <event2/event.h>
#include <string.h>
#include <sys/stat.h>

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
    uint64_t state;     /* what the files looked like just before @ctx was read */
    uint64_t begun;     /* readings that were begun, by number */
    uint64_t installed; /* the one @ctx comes from */

    struct task *watcher; /* NULL: the files are not watched */
    struct task_wait watcher_ended;

    struct timeval turn;   /* of the loop, that last shook hands */
    int64_t turn_began_ns; /* when it began to; clock_monotonic_ns */

    int64_t log_from;  /* see is_log_due; clock_monotonic_ns */
    uint64_t unlogged; /* those that were not, since */
};

/* ---- reading: on a helper, or at the start ---- */

struct reading {
    const struct http_tls_options *options;
    uint64_t state;
    SSL_CTX *ctx; /* given */
};

static uint64_t mix(uint64_t digest, uint64_t value)
{
    return (digest ^ value) * 0x100000001b3; /* FNV-1a, by words */
}

/* What a path leads to now; nothing counts as something too. inotify would not see a mount, nor a
 * symbolic link far above the file, which is how orchestrators renew secrets. */
static uint64_t look_at(uint64_t digest, const char *path)
{
    struct stat info;

    if (stat(path, &info) < 0)
        return mix(digest, 1);
    digest = mix(mix(digest, info.st_dev), info.st_ino);
    digest = mix(mix(digest, (uint64_t)info.st_size), (uint64_t)info.st_mtim.tv_sec);
    return mix(digest, (uint64_t)info.st_mtim.tv_nsec);
}

static uint64_t look(const struct http_tls_options *options)
{
    uint64_t digest = look_at(look_at(0xcbf29ce484222325, options->certificate), options->key);

    for (size_t i = 0; i < options->client_ca_count; i++)
        digest = look_at(digest, options->client_cas[i]);
    return digest;
}

static int run_look(void *arg, struct error *err)
{
    struct reading *reading = arg;

    (void)err;
    reading->state = look(reading->options);
    return 0;
}

/* Looks first: what changes while it is read is read again at the next look. */
static int run_reading(void *arg, struct error *err)
{
    struct reading *reading = arg;

    reading->state = look(reading->options);
    return tls_context_new(reading->options, &reading->ctx, err);
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

/* A reading that was overtaken by a later one is dropped. */
static bool install(struct http_tls *tls, struct reading *reading, uint64_t number)
{
    if (number < tls->installed) {
        SSL_CTX_free(reading->ctx);
        return false;
    }
    SSL_CTX_free(tls->ctx); /* connections hold theirs */
    tls->ctx = reading->ctx;
    tls->state = reading->state;
    tls->installed = number;
    tls_tickets_use(tls->tickets, tls->ctx);
    return true;
}

static int read_again(struct http_tls *tls, uint64_t *out_state, struct error *err)
{
    struct reading reading = {.options = &tls->options};
    uint64_t number = ++tls->begun;
    struct timespec end;
    char text[CLOCK_RFC3339_SIZE];
    int rc = offload(run_reading, &reading, err);

    *out_state = reading.state;
    if (rc < 0)
        return -1;
    if (!install(tls, &reading, number))
        return 0;
    end = (struct timespec){.tv_sec = tls_context_expires_at(tls->ctx)};
    clock_format_rfc3339(end, text);
    log_info("reloaded the TLS certificate, valid until %s", text);
    warn_of_expiry(tls);
    return 0;
}

int http_tls_reload(struct http_tls *tls, struct error *err)
{
    uint64_t state;

    return read_again(tls, &state, err);
}

/* ---- watching ---- */

/* As long as what is there cannot be used, every look tries it: a certificate may come before its
 * key. It is logged once for each state of the files. */
static int look_again(struct http_tls *tls, uint64_t *complained, struct error *err)
{
    struct reading reading = {.options = &tls->options};
    struct error problem = ERROR_INIT;
    uint64_t state;

    if (task_sleep(LOOK_MS, err) < 0 || offload(run_look, &reading, err) < 0)
        return -1;
    if (reading.state == tls->state || read_again(tls, &state, &problem) == 0)
        return 0;
    if (problem.code == ERROR_CANCELED) {
        *err = problem;
        return -1;
    }
    if (state != *complained)
        log_error("the TLS certificate stays as it is: %s", problem.message);
    *complained = state;
    return 0;
}

static void watch_main(void *arg)
{
    struct http_tls *tls = arg;
    struct error err = ERROR_INIT;
    uint64_t complained = 0;
    unsigned looks = 0;

    while (look_again(tls, &complained, &err) == 0) {
        if (++looks % LOOKS_A_DAY == 0)
            warn_of_expiry(tls);
    }
    task_wake(&tls->watcher_ended);
}

void http_tls_watch(struct http_tls *tls)
{
    assert(tls->watcher == NULL);
    tls->watcher_ended = TASK_WAIT_INIT;
    tls->watcher = task_spawn("tls-watch", watch_main, tls);
}

void http_tls_unwatch(struct http_tls *tls)
{
    struct error ignored = ERROR_INIT;
    int rc;

    if (tls->watcher == NULL)
        return;
    task_cancel(tls->watcher);
    task_shield();
    rc = task_wait(&tls->watcher_ended, TASK_NO_TIMEOUT, &ignored);
    task_unshield();
    assert(rc == 0);
    (void)rc;
    tls->watcher = NULL;
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
    if (log_rules(&tls->options, err) < 0 || run_reading(&reading, err) < 0) {
        http_tls_free(tls);
        return -1;
    }
    tls->tickets = tls_tickets_new();
    install(tls, &reading, 0);
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
    assert(tls->watcher == NULL);
    SSL_CTX_free(tls->ctx);
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
