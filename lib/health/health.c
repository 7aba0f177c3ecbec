/* SPDX-License-Identifier: Apache-2.0
 *
 * health - see health.h. From the configuration to checks, and what they say together.
 */
#include "lib/health/health.h"

#include "lib/base/clock.h"
#include "lib/base/json.h"
#include "lib/base/log.h"
#include "lib/base/memory.h"
#include "lib/base/redact.h"
#include "lib/client/client.h"
#include "lib/health/check.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/banned.h"

struct health {
    struct check *checks;  /* by name */
    struct client *client; /* of the http checks; NULL: there are none */
};

/* ---- making ---- */

/* @probe: taken. Errors: INVALID. */
static int add(struct health *health, const char *name, struct probe *probe, int64_t interval_ns,
               int64_t threshold, struct error *err)
{
    struct check **at = &health->checks;
    struct check *check;

    while (*at != NULL && strcmp((*at)->name, name) < 0)
        at = &(*at)->next;
    if (*at != NULL && strcmp((*at)->name, name) == 0) {
        probe->free(probe);
        return error_set(err, ERROR_INVALID, "Check already exists: %s",
                         str_text(&(*at)->shown_name));
    }
    check = check_new(name, probe, interval_ns, threshold);
    check->next = *at;
    *at = check;
    return 0;
}

/* "configuring TCP health check addr=db:5432, interval=10, threshold=3"; @threshold 0: no word of
 * it. */
static void announce(const char *kind, const char *what, const char *name, int64_t interval_ns,
                     int64_t threshold)
{
    auto_str shown = redact_copy(name);

    if (threshold != 0)
        log_info("configuring %s health check %s=%s, interval=%" PRId64 ", threshold=%" PRId64,
                 kind, what, str_text(&shown), interval_ns / CLOCK_SECOND_NS, threshold);
    else
        log_info("configuring %s health check %s=%s, interval=%" PRId64, kind, what,
                 str_text(&shown), interval_ns / CLOCK_SECOND_NS);
}

static int add_storage(struct health *health, const struct config *config, struct store *store,
                       struct error *err)
{
    auto_str name = STR_INIT(256);

    if (!config->health.storage_driver.is_enabled)
        return 0;
    str_append_format(&name, "storagedriver_%s", config->storage.driver);
    return add(health, str_text(&name), probe_storage_new(store),
               config->health.storage_driver.interval_ns, config->health.storage_driver.threshold,
               err);
}

/* The threshold of a file check is read and has no effect. */
static int add_files(struct health *health, const struct config *config, struct error *err)
{
    const struct config_file_check *checks = config->health.file.items;

    for (size_t i = 0; i < config->health.file.count; i++) {
        announce("file", "path", checks[i].file, checks[i].interval_ns, 0);
        if (add(health, checks[i].file, probe_file_new(checks[i].file), checks[i].interval_ns, 0,
                err) < 0)
            return -1;
    }
    return 0;
}

static int add_https(struct health *health, const struct config *config, struct error *err)
{
    const struct config_http_check *checks = config->health.http.items;

    if (config->health.http.count > 0 &&
        client_new(&(struct client_options){0}, &health->client, err) < 0)
        return -1;
    for (size_t i = 0; i < config->health.http.count; i++) {
        announce("HTTP", "uri", checks[i].uri, checks[i].interval_ns, checks[i].threshold);
        if (add(health, checks[i].uri, probe_http_new(&checks[i], health->client),
                checks[i].interval_ns, checks[i].threshold, err) < 0)
            return -1;
    }
    return 0;
}

static int add_tcps(struct health *health, const struct config *config, struct error *err)
{
    const struct config_tcp_check *checks = config->health.tcp.items;

    for (size_t i = 0; i < config->health.tcp.count; i++) {
        announce("TCP", "addr", checks[i].addr, checks[i].interval_ns, checks[i].threshold);
        if (add(health, checks[i].addr, probe_tcp_new(&checks[i]), checks[i].interval_ns,
                checks[i].threshold, err) < 0)
            return -1;
    }
    return 0;
}

int health_new(const struct config *config, struct store *store, struct health **out,
               struct error *err)
{
    struct health *health = xcalloc(1, sizeof(*health));

    if (add_storage(health, config, store, err) < 0 || add_files(health, config, err) < 0 ||
        add_https(health, config, err) < 0 || add_tcps(health, config, err) < 0) {
        health_free(health);
        return -1;
    }
    *out = health;
    return 0;
}

void health_free(struct health *health)
{
    if (health == NULL)
        return;
    while (health->checks != NULL) {
        struct check *check = health->checks;

        health->checks = check->next;
        check_free(check);
    }
    client_free(health->client);
    free(health);
}

/* ---- running ---- */

void health_start(struct health *health)
{
    for (struct check *check = health->checks; check != NULL; check = check->next)
        check_start(check);
}

void health_stop(struct health *health)
{
    for (struct check *check = health->checks; check != NULL; check = check->next)
        check_cancel(check);
    for (struct check *check = health->checks; check != NULL; check = check->next)
        check_wait(check);
}

/* ---- what they say ---- */

static const struct check *next_failing(const struct check *check)
{
    while (check != NULL && check->fault == NULL)
        check = check->next;
    return check;
}

static const struct check *first_failing(const struct health *health)
{
    return health != NULL ? next_failing(health->checks) : NULL;
}

bool is_healthy(const struct health *health)
{
    return first_failing(health) == NULL;
}

void health_print(const struct health *health, struct str *out)
{
    char before = '{';

    for (const struct check *c = first_failing(health); c != NULL; c = next_failing(c->next)) {
        str_append_char(out, before);
        json_append_string(out, span_of(c->name));
        str_append_char(out, ':');
        json_append_string(out, span_of(c->fault));
        before = ',';
    }
    str_append_text(out, before == '{' ? "{}" : "}");
}

/* Without all of a URI's query: who asks is nobody we know. */
static void append_public_name(struct str *out, const struct check *check)
{
    struct span rest = str_span(&check->shown_name);
    bool is_uri = rest.len > 0 && memmem(rest.data, rest.len, "://", 3) != NULL;

    str_append(out, is_uri ? span_cut(&rest, '?') : rest);
}

void health_print_names(const struct health *health, struct str *out)
{
    for (const struct check *c = first_failing(health); c != NULL; c = next_failing(c->next)) {
        append_public_name(out, c);
        str_append_char(out, '\n');
    }
}
