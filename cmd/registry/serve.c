/* SPDX-License-Identifier: Apache-2.0
 *
 * registry serve - puts everything together, runs the loop, takes everything down again.
 *
 *     configuration -> log -> loop -> (task) store -> api -> server listens
 *     SIGTERM, SIGINT -> server drains -> loop stops -> all is freed
 */
#include "cmd/registry/command.h"
#include "drivers/drivers.h"
#include "lib/api/api.h"
#include "lib/base/memory.h"
#include "lib/base/str.h"
#include "lib/base/uuid.h"
#include "lib/config/config.h"
#include "lib/config/scalar.h"
#include "lib/http/server.h"
#include "lib/task/loop.h"
#include "lib/task/task.h"

#include <errno.h>
#include <event2/event.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <unistd.h>

#include "lib/base/banned.h"

#define HELPER_COUNT 4
#define ARENA_COUNT  2  /* malloc arenas; more cost memory and buy nothing with one loop */
#define SECRET_LEN   32 /* bytes of a random http.secret */

static const int signals[] = {SIGTERM, SIGINT, SIGHUP};

struct serve {
    const struct config *config;
    char random_secret[SECRET_LEN];
    struct store *store;
    struct registry registry;
    struct url_policy *url_policy; /* owned; NULL: no layer may be elsewhere */
    struct api *api;
    struct http_server *server;
    struct task *start; /* NULL once it has ended */
    struct event *signal_events[array_count(signals)];
    bool is_stopping;
    int status; /* the exit status */
};

/* ---- what the process needs before the loop ---- */

static void log_message_warn(const char *message, void *arg)
{
    (void)arg;
    log_warn("%s", message);
}

static void log_message_info(const char *message, void *arg)
{
    (void)arg;
    log_info("%s", message);
}

static void log_from_libevent(int severity, const char *message)
{
    if (severity == EVENT_LOG_ERR)
        log_error("libevent: %s", message);
    else if (severity == EVENT_LOG_WARN)
        log_warn("libevent: %s", message);
    else
        log_debug("libevent: %s", message);
}

/* The fields of process-level lines. A name of log.fields replaces ours, as upstream does. */
static void set_up_log(const struct config *config)
{
    struct uuid instance = uuid_new();
    bool has_instance = false;
    bool has_version = false;

    log_set_level(config->log.level);
    for (size_t i = 0; i < config->log.fields.count; i++) {
        const struct config_pair *field = &config->log.fields.items[i];

        log_set_static_field(field->name, field->value);
        has_instance |= strcmp(field->name, "instance.id") == 0;
        has_version |= strcmp(field->name, "version") == 0;
    }
    if (!has_instance)
        log_set_static_field("instance.id", instance.text);
    if (!has_version)
        log_set_static_field("version", KIST_VERSION);
    event_set_log_callback(log_from_libevent);
}

/* As many open files as we are allowed: every connection and every open blob is one. */
static void raise_file_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur == limit.rlim_max)
        return;
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
        log_debug("the limit of open files stays as it is: %s", strerror(errno));
}

static void set_up_process(void)
{
    signal(SIGPIPE, SIG_IGN);
    mallopt(M_ARENA_MAX, ARENA_COUNT);
    raise_file_limit();
}

/* ---- starting, in a task ---- */

static int fill_secret(struct serve *serve, struct error *err)
{
    if (serve->config->http.secret[0] != '\0')
        return 0;
    if (getrandom(serve->random_secret, SECRET_LEN, 0) != SECRET_LEN)
        return error_set_sys(err, errno, "no random bytes for http.secret");
    log_warn("No HTTP secret provided - generated random secret. An upload can only go on at this "
             "process until it ends; registries behind one load balancer need the same http.secret "
             "in the configuration file or in REGISTRY_HTTP_SECRET");
    return 0;
}

static struct url_expressions expressions_of(const struct config_texts *texts)
{
    return (struct url_expressions){(const char *const *)texts->items, texts->count};
}

/* No rules at all: no URLs at all, unless validation is off. */
static int make_url_policy(struct serve *serve, struct error *err)
{
    const struct config *config = serve->config;
    struct url_expressions allow = expressions_of(&config->validation.url_allow);
    struct url_expressions deny = expressions_of(&config->validation.url_deny);

    if (config->validation.is_disabled && !config->validation.is_enabled)
        allow.count = deny.count = 0;
    else if (allow.count == 0 && deny.count == 0)
        return 0;
    return url_policy_new(allow, deny, &serve->url_policy, err);
}

/* May suspend. */
static int open_store(struct serve *serve, struct error *err)
{
    const char *name = serve->config->storage.driver;
    const struct storage_driver *driver = driver_find(name);

    if (driver == NULL)
        return error_set(err, ERROR_INVALID, "storage driver %s is not part of this program", name);
    if (store_open(driver, serve->config->storage.root, &serve->store, err) < 0)
        return error_wrap(err, "storage driver %s", name);
    serve->registry.store = serve->store;
    serve->registry.is_delete_enabled = serve->config->storage.is_delete_enabled;
    serve->registry.url_policy = serve->url_policy;
    return 0;
}

static struct api_settings settings_of(const struct config *config)
{
    return (struct api_settings){
        .headers = &config->http.headers,
        .is_read_only = config->storage.is_read_only,
        .is_access_log_disabled = config->log.is_access_log_disabled,
    };
}

static void make_api(struct serve *serve)
{
    const struct config *config = serve->config;
    const char *secret = config->http.secret;
    struct api_settings settings = settings_of(config);
    struct api_options options = {
        .registry = &serve->registry,
        .secret = secret[0] != '\0' ? span_of(secret) : span_make(serve->random_secret, SECRET_LEN),
        .host = config->http.host,
        .prefix = config->http.prefix,
        .is_relative_urls = config->http.is_relative_urls,
        .catalog_entries_max = config->catalog.entries_max,
    };

    serve->api = api_new(&options, &settings);
}

static int milliseconds(int64_t ns)
{
    return (int)(ns / 1000000);
}

static int open_server(struct serve *serve, struct error *err)
{
    const struct config *config = serve->config;
    const char *addr = config->http.addr[0] != '\0' ? config->http.addr : ":0";

    serve->server = http_server_new(&(struct http_server_options){
        .handler = api_handle,
        .arg = serve->api,
        .header_timeout_ms = milliseconds(config->http.header_timeout_ns),
        .idle_timeout_ms = milliseconds(config->http.idle_timeout_ns),
        .body_timeout_ms = milliseconds(config->http.body_timeout_ns),
    });
    if (http_server_listen(serve->server, config->http.net, addr, err) < 0)
        return -1;
    log_info("listening on %s", http_server_address(serve->server));
    return 0;
}

static int start(struct serve *serve, struct error *err)
{
    if (fill_secret(serve, err) < 0 || make_url_policy(serve, err) < 0 ||
        open_store(serve, err) < 0)
        return -1;
    make_api(serve);
    return open_server(serve, err);
}

static void start_main(void *arg)
{
    struct serve *serve = arg;
    struct error err = ERROR_INIT;
    int result = start(serve, &err);

    serve->start = NULL;
    if (result == 0 && !serve->is_stopping)
        return;
    if (result < 0 && err.code != ERROR_CANCELED) {
        log_error("%s", err.message);
        serve->status = EXIT_FAILURE;
    }
    loop_stop();
}

/* ---- stopping ---- */

static void on_drained(bool in_time, void *arg)
{
    struct serve *serve = arg;

    if (!in_time && serve->config->http.drain_timeout_ns > 0) {
        log_error("stopped before all requests were done: http.draintimeout has passed");
        serve->status = EXIT_FAILURE;
    }
    loop_stop();
}

/* The second signal: as if there were no handler, so that whoever waits for us sees it. */
static void die_by(int number)
{
    log_warn("stopping at once");
    signal(number, SIG_DFL);
    raise(number);
}

static void stop(struct serve *serve)
{
    int64_t timeout_ns = serve->config->http.drain_timeout_ns;
    auto_str timeout = STR_INIT(64);

    serve->is_stopping = true;
    if (serve->start != NULL) {
        task_cancel(serve->start);
        return;
    }
    scalar_format_duration(timeout_ns, &timeout);
    log_info("stopping server gracefully. Draining connections for %s", str_text(&timeout));
    http_server_drain(serve->server, milliseconds(timeout_ns), on_drained, serve);
}

static void on_signal(evutil_socket_t number, short events, void *arg)
{
    struct serve *serve = arg;

    (void)events;
    if (number == SIGHUP)
        log_info("SIGHUP changes nothing: the configuration is read at the start only");
    else if (serve->is_stopping)
        die_by((int)number);
    else
        stop(serve);
}

static void watch_signals(struct serve *serve)
{
    for (size_t i = 0; i < array_count(signals); i++) {
        serve->signal_events[i] = evsignal_new(loop_base(), signals[i], on_signal, serve);
        if (serve->signal_events[i] == NULL || event_add(serve->signal_events[i], NULL) < 0)
            abort();
    }
}

static void free_all(struct serve *serve)
{
    for (size_t i = 0; i < array_count(signals); i++)
        event_free(serve->signal_events[i]);
    if (serve->server != NULL)
        http_server_free(serve->server);
    if (serve->api != NULL)
        api_free(serve->api);
    store_close(serve->store);
    url_policy_free(serve->url_policy);
}

/* ---- the command ---- */

static int serve_config(const struct config *config)
{
    struct serve serve = {.config = config, .status = EXIT_SUCCESS};
    struct error err = ERROR_INIT;

    set_up_process();
    set_up_log(config);
    config_each_note(config, log_message_info, NULL);
    if (loop_open(HELPER_COUNT, &err) < 0) {
        log_error("%s", err.message);
        log_fini();
        return EXIT_FAILURE;
    }
    watch_signals(&serve);
    serve.start = task_spawn("start", start_main, &serve);
    loop_run();
    free_all(&serve);
    loop_close();
    libevent_global_shutdown();
    if (serve.is_stopping)
        log_info("stopped");
    log_fini();
    return serve.status;
}

static int serve_run(int argc, char **argv)
{
    struct config *config = NULL;
    struct error err = ERROR_INIT;
    const char *path = NULL;
    int status;

    if (command_path(&serve_command, argc, argv, &path, &status) != 0)
        return status;
    if (path == NULL || path[0] == '\0') {
        fputs("configuration error: configuration path unspecified\n"
              "Run 'registry help serve' for usage.\n",
              stderr);
        return EXIT_FAILURE;
    }
    if (config_load(path, environ, log_message_warn, NULL, &config, &err) < 0) {
        fprintf(stderr, "configuration error: %s\n", err.message);
        return EXIT_FAILURE;
    }
    status = serve_config(config);
    config_free(config);
    return status;
}

const struct command serve_command = {
    .name = "serve",
    .arguments = "[path]",
    .summary = "Stores and serves container images",
    .help = "Reads the configuration file, or the one $REGISTRY_CONFIGURATION_PATH names, and\n"
            "REGISTRY_* variables that override it; `registry config example` prints all keys.\n"
            "\n"
            "SIGTERM and SIGINT stop it once the requests that run are done, at the latest\n"
            "after http.draintimeout; a second signal stops it at once.\n",
    .run = serve_run,
};
