/* SPDX-License-Identifier: Apache-2.0
 *
 * instance - see instance.h. Parts are made in the order of instance_open and taken down in the
 * order of instance_close; each knows only what was made before it.
 */
#include "cmd/registry/instance.h"

#include "auth/auth.h"
#include "cmd/registry/systemd.h"
#include "drivers/drivers.h"
#include "drivers/middleware/kinds.h"
#include "lib/api/api.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/memory.h"
#include "lib/base/random.h"
#include "lib/cache/descriptor_cache.h"
#include "lib/debug/debug.h"
#include "lib/health/health.h"
#include "lib/http/server.h"
#include "lib/http/tls.h"
#include "lib/registry/purge_schedule.h"
#include "lib/task/task.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/banned.h"

#define SECRET_LEN 32 /* bytes of a random http.secret */

struct instance {
    const struct config *config; /* lent */
    char random_secret[SECRET_LEN];
    struct url_policy *url_policy; /* NULL: no layer may be elsewhere */
    struct store *store;
    struct registry registry;
    struct access_control *access; /* NULL: everybody may do everything */
    struct health *health;
    struct purge_schedule *purge; /* NULL: uploads are not purged */
    struct api *api;
    struct http_tls *tls; /* NULL: plain text */
    struct http_server *server;
    struct debug_options debug;
    struct http_server *debug_server; /* NULL: none */
};

struct instance *instance_new(const struct config *config, char *const *command_line)
{
    struct instance *instance = xcalloc(1, sizeof(*instance));

    instance->config = config;
    instance->debug.command_line = command_line;
    instance->debug.version = KIST_VERSION;
    return instance;
}

/* ---- the domain ---- */

static void fill_secret(struct instance *instance)
{
    if (instance->config->http.secret[0] != '\0')
        return;
    random_fill(instance->random_secret, SECRET_LEN);
    log_warn("No HTTP secret provided - generated random secret. An upload can only go on at this "
             "process until it ends; registries behind one load balancer need the same http.secret "
             "in the configuration file or in REGISTRY_HTTP_SECRET");
}

static struct span secret_of(const struct instance *instance)
{
    const char *secret = instance->config->http.secret;

    return secret[0] != '\0' ? span_of(secret) : span_make(instance->random_secret, SECRET_LEN);
}

static struct url_expressions expressions_of(const struct config_texts *texts)
{
    return (struct url_expressions){(const char *const *)texts->items, texts->count};
}

/* No rules at all: no URLs at all, unless validation is off. */
static int make_url_policy(struct instance *instance, struct error *err)
{
    const struct config *config = instance->config;
    struct url_expressions allow = expressions_of(&config->validation.url_allow);
    struct url_expressions deny = expressions_of(&config->validation.url_deny);

    if (config->validation.is_disabled && !config->validation.is_enabled)
        allow.count = deny.count = 0;
    else if (allow.count == 0 && deny.count == 0)
        return 0;
    return url_policy_new(allow, deny, &instance->url_policy, err);
}

static int open_store(struct instance *instance, struct error *err)
{
    const struct config *config = instance->config;
    const char *name = config->storage.driver;
    const struct storage_driver *driver = driver_find(name);

    if (driver == NULL)
        return error_set(err, ERROR_INVALID, "storage driver %s is not part of this program", name);
    if (store_open(driver, config, &instance->store, err) < 0)
        return error_wrap(err, "storage driver %s", name);
    instance->registry.store = instance->store;
    instance->registry.is_delete_enabled = config->storage.is_delete_enabled;
    instance->registry.is_redirect_disabled = config->storage.is_redirect_disabled;
    instance->registry.url_policy = instance->url_policy;
    if (config->storage.is_redirect_disabled)
        log_info("backend redirection disabled");
    if (kinds_open(&config->middleware.storage, instance->store, err) < 0)
        return -1;
    return descriptor_cache_open(config, &instance->registry.cache, err);
}

static void start_purging(struct instance *instance)
{
    const struct config *config = instance->config;

    if (!config->storage.purge.is_enabled)
        return;
    instance->purge = purge_schedule_start(&instance->registry,
                                           &(struct purge_options){
                                               .age_ns = config->storage.purge.age_ns,
                                               .interval_ns = config->storage.purge.interval_ns,
                                               .is_dry_run = config->storage.purge.is_dry_run,
                                           });
}

/* ---- who may do what ---- */

static int open_access(struct instance *instance, struct error *err)
{
    const char *name = instance->config->auth.controller;
    const struct access_controller *controller;

    if (name == NULL)
        return 0;
    controller = auth_find(name);
    if (controller == NULL)
        error_set(err, ERROR_INVALID, "no access controller registered with name: %s", name);
    else if (controller->open(instance->config, secret_of(instance), &instance->access, err) == 0) {
        log_debug("configured \"%s\" access controller", name);
        return 0;
    }
    return error_wrap(err, "unable to configure authorization (%s)", name);
}

/* 1, for a part that could not be reloaded. That we are about to stop is no mistake to tell. */
static size_t tell_refused(const struct error *err)
{
    if (err->code != ERROR_CANCELED)
        log_error("%s", err->message);
    return 1;
}

static size_t reload_access(struct instance *instance)
{
    struct access_control *access = instance->access;
    struct error err = ERROR_INIT;

    if (access == NULL || access->controller->reload == NULL ||
        access->controller->reload(access, &err) == 0)
        return 0;
    error_wrap(&err, "access control (%s) stays as it is", access->controller->name);
    return tell_refused(&err);
}

static void close_access(struct instance *instance)
{
    if (instance->access != NULL)
        instance->access->controller->close(instance->access);
}

/* ---- the servers ---- */

static struct api_settings settings_of(const struct config *config)
{
    return (struct api_settings){
        .headers = &config->http.headers,
        .is_read_only = config->storage.is_read_only,
        .is_access_log_disabled = config->log.is_access_log_disabled,
    };
}

static void make_api(struct instance *instance)
{
    const struct config *config = instance->config;
    struct api_settings settings = settings_of(config);
    struct api_options options = {
        .registry = &instance->registry,
        .access = instance->access,
        .health = instance->health,
        .secret = secret_of(instance),
        .host = config->http.host,
        .prefix = config->http.prefix,
        .is_relative_urls = config->http.is_relative_urls,
        .catalog_entries_max = config->catalog.entries_max,
    };

    instance->api = api_new(&options, &settings);
}

static int make_tls(struct instance *instance, struct error *err)
{
    const struct config *config = instance->config;

    if (config->http.tls.certificate[0] == '\0')
        return 0;
    return http_tls_new(
        &(struct http_tls_options){
            .certificate = config->http.tls.certificate,
            .key = config->http.tls.key,
            .client_cas = (const char *const *)config->http.tls.client_cas.items,
            .client_ca_count = config->http.tls.client_cas.count,
            .client_auth = config->http.tls.client_auth,
            .minimum = config->http.tls.minimum,
            .cipher_suites = (const char *const *)config->http.tls.cipher_suites.items,
            .cipher_suite_count = config->http.tls.cipher_suites.count,
        },
        &instance->tls, err);
}

static size_t reload_tls(struct instance *instance)
{
    struct error err = ERROR_INIT;

    if (instance->tls == NULL || http_tls_reload(instance->tls, &err) == 0)
        return 0;
    error_wrap(&err, "the TLS certificate stays as it was");
    return tell_refused(&err);
}

static struct http_server *new_server(const struct config *config, struct http_tls *tls,
                                      http_handler_cb *handler, void *arg)
{
    return http_server_new(&(struct http_server_options){
        .handler = handler,
        .arg = arg,
        .tls = tls,
        .header_timeout_ms = clock_wait_ms(config->http.header_timeout_ns),
        .idle_timeout_ms = clock_wait_ms(config->http.idle_timeout_ns),
        .body_timeout_ms = clock_wait_ms(config->http.body_timeout_ns),
    });
}

/* On the sockets the service manager has handed over, if any; else where the configuration says. */
static int open_server(struct instance *instance, struct error *err)
{
    const struct config *config = instance->config;
    const char *addr = config->http.addr[0] != '\0' ? config->http.addr : ":0";
    int adopted;

    instance->server = new_server(config, instance->tls, api_handle, instance->api);
    http_server_set_max_connections(instance->server, (size_t)config->http.connections_max);
    adopted = systemd_adopt(instance->server, NULL, err);
    if (adopted < 0)
        return -1;
    if (adopted == 0 && http_server_listen(instance->server, config->http.net, addr, err) < 0)
        return -1;
    log_info("listening on %s%s", http_server_address(instance->server),
             instance->tls != NULL ? ", tls" : "");
    return 0;
}

static int open_debug_server(struct instance *instance, struct error *err)
{
    const struct config *config = instance->config;
    const char *addr = config->http.debug.addr;
    int adopted;

    if (addr[0] == '\0') {
        if (config->http.debug.is_metrics_enabled)
            log_info("http.debug.prometheus.enabled without http.debug.addr: nothing serves the "
                     "metrics");
        return 0;
    }
    instance->debug.health = instance->health;
    if (config->http.debug.is_metrics_enabled) {
        instance->debug.metrics_path = config->http.debug.metrics_path;
        log_info("providing prometheus metrics on %s", instance->debug.metrics_path);
    }
    instance->debug_server = new_server(config, NULL, debug_handle, &instance->debug);
    adopted = systemd_adopt(instance->debug_server, "debug", err);
    if (adopted < 0)
        return -1;
    if (adopted == 0 && http_server_listen(instance->debug_server, "tcp", addr, err) < 0)
        return error_wrap(err, "error listening on debug interface");
    debug_start(&instance->debug);
    log_info("debug server listening %s", http_server_address(instance->debug_server));
    return 0;
}

/* ---- all of it ---- */

int instance_open(struct instance *instance, struct error *err)
{
    fill_secret(instance);
    if (make_url_policy(instance, err) < 0 || open_store(instance, err) < 0 ||
        open_access(instance, err) < 0 ||
        health_new(instance->config, instance->store, &instance->health, err) < 0)
        return -1;
    make_api(instance);
    if (open_debug_server(instance, err) < 0 || make_tls(instance, err) < 0 ||
        open_server(instance, err) < 0)
        return -1;
    instance->debug.server = instance->server;
    store_start(instance->store);
    health_start(instance->health);
    descriptor_cache_start(instance->registry.cache);
    start_purging(instance);
    if (instance->tls != NULL)
        http_tls_watch(instance->tls);
    instance_ready(instance);
    systemd_watchdog_start();
    return 0;
}

void instance_ready(const struct instance *instance)
{
    systemd_ready(http_server_address(instance->server));
}

size_t instance_reload(struct instance *instance, const struct config *config)
{
    struct api_settings settings = settings_of(config);

    api_reload(instance->api, &settings);
    http_server_set_max_connections(instance->server, (size_t)config->http.connections_max);
    return reload_tls(instance) + reload_access(instance);
}

void instance_drain(struct instance *instance, int timeout_ms,
                    void (*done)(bool in_time, void *arg), void *arg)
{
    systemd_stopping();
    api_drain(instance->api);
    http_server_drain(instance->server, timeout_ms, done, arg);
}

static void wake_on_drained(bool in_time, void *arg)
{
    (void)in_time;
    task_wake(arg);
}

/* The debug server serves until the end; whoever asks it then is cut off. */
static void close_debug_server(struct http_server *server)
{
    struct task_wait drained = TASK_WAIT_INIT;
    struct error err = ERROR_INIT;

    http_server_drain(server, 0, wake_on_drained, &drained);
    while (task_wait(&drained, TASK_NO_TIMEOUT, &err) < 0)
        ;
    http_server_free(server);
}

void instance_close(struct instance *instance)
{
    task_shield();
    systemd_watchdog_stop();
    if (instance->debug_server != NULL) {
        debug_stop(&instance->debug);
        close_debug_server(instance->debug_server);
    }
    if (instance->server != NULL)
        http_server_free(instance->server);
    if (instance->tls != NULL) {
        http_tls_unwatch(instance->tls);
        http_tls_free(instance->tls);
    }
    purge_schedule_stop(instance->purge);
    if (instance->health != NULL)
        health_stop(instance->health);
    descriptor_cache_stop(instance->registry.cache);
    if (instance->store != NULL)
        store_stop(instance->store);
    task_unshield();
}

void instance_free(struct instance *instance)
{
    api_free(instance->api);
    health_free(instance->health);
    close_access(instance);
    descriptor_cache_close(instance->registry.cache);
    store_close(instance->store);
    url_policy_free(instance->url_policy);
    free(instance);
}
