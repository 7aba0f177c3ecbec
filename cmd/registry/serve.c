/* SPDX-License-Identifier: Apache-2.0
 *
 * registry serve - the life of the process: configuration, log, loop, signals.
 *
 *     configuration -> log -> loop -> (task) instance_open: it serves
 *     SIGHUP          -> (task) reload
 *     SIGTERM, SIGINT -> instance_drain -> (task) instance_close -> loop stops -> all is freed
 *                     -> or the end, where something does not end
 */
#include "cmd/registry/command.h"
#include "cmd/registry/footprint.h"
#include "cmd/registry/instance.h"
#include "cmd/registry/reload.h"
#include "cmd/registry/systemd.h"
#include "lib/base/clock.h"
#include "lib/base/uuid.h"
#include "lib/config/config.h"
#include "lib/task/loop.h"
#include "lib/task/task.h"

#include <errno.h>
#include <event2/event.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "lib/base/banned.h"

#define HELPER_COUNT 4
#define GRACE_S      5 /* after the drain timeout, for what must not be torn apart */
#define LEFT_LOOK_MS 5
#define ARENA_COUNT  2 /* malloc arenas; more cost memory and buy nothing with one loop */

static const int signals[] = {SIGTERM, SIGINT, SIGHUP};

struct serve {
    const char *path;       /* of the configuration file */
    struct config *config;  /* what the parts were made of; owned by the caller */
    struct config *current; /* what holds now: @config, or the last one read again; owned */
    struct instance *instance;
    struct task *work; /* starts, reloads or closes; NULL: nothing to do */
    struct event *signal_events[array_count(signals)];
    struct event *overdue; /* the end, whatever is under way */
    bool is_open;
    bool is_reload_due;
    bool is_stopping;
    bool is_finish_due;
    int status; /* the exit status */
};

static void begin_reload(struct serve *serve);

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

static enum log_format log_format_of(const char *formatter)
{
    if (strcmp(formatter, "json") == 0)
        return LOG_FORMAT_JSON;
    return strcmp(formatter, "logstash") == 0 ? LOG_FORMAT_LOGSTASH : LOG_FORMAT_TEXT;
}

/* The fields of process-level lines. A name of log.fields replaces ours, as upstream does. */
static void set_up_log(const struct config *config)
{
    struct uuid instance = uuid_new();
    bool has_instance = false;
    bool has_version = false;

    log_set_level(config->log.level);
    log_set_format(log_format_of(config->log.formatter));
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
    signal(SIGHUP, SIG_IGN); /* before the loop takes it and after: nothing to read again */
    mallopt(M_ARENA_MAX, ARENA_COUNT);
    raise_file_limit();
}

/* ---- starting, reloading and ending: one task at a time ---- */

/* Until what canceled requests have left to others has ended: files that are being read. */
static void wait_for_tasks(void)
{
    struct error ignored = ERROR_INIT;

    task_shield();
    while (task_count() > 1 && task_sleep(LEFT_LOOK_MS, &ignored) == 0)
        ;
    task_unshield();
}

/* Ends what the task was for; the loop goes on or stops. */
static void close_main(void *arg)
{
    struct serve *serve = arg;

    instance_close(serve->instance);
    wait_for_tasks();
    serve->work = NULL;
    loop_stop();
}

/* The last thing: takes the parts down, after whatever is under way. */
static void finish(struct serve *serve)
{
    serve->is_finish_due = true;
    if (serve->work != NULL)
        task_cancel(serve->work);
    else
        serve->work = task_spawn("close", close_main, serve);
}

/* Called at the end of a task that has left the parts as they are. */
static void end_work(struct serve *serve)
{
    serve->work = NULL;
    if (serve->is_finish_due)
        finish(serve);
    else if (serve->is_reload_due)
        begin_reload(serve);
}

static void start_main(void *arg)
{
    struct serve *serve = arg;
    struct error err = ERROR_INIT;
    int result = instance_open(serve->instance, &err);

    if (result < 0 && err.code != ERROR_CANCELED) {
        log_error("%s", err.message);
        serve->status = EXIT_FAILURE;
    }
    if (result < 0 || serve->is_stopping)
        serve->is_finish_due = true;
    else
        serve->is_open = true;
    footprint_shrink();
    end_work(serve);
}

static void reload_main(void *arg)
{
    struct serve *serve = arg;
    struct config *config;

    serve->is_reload_due = false;
    systemd_reloading();
    config = reload(serve->instance, serve->path, serve->config, serve->current);
    if (config != NULL) {
        if (serve->current != serve->config)
            config_free(serve->current);
        serve->current = config;
    }
    instance_ready(serve->instance);
    end_work(serve);
}

/* A second SIGHUP while the first is worked on is done after it. */
static void begin_reload(struct serve *serve)
{
    serve->is_reload_due = true;
    if (serve->work == NULL && !serve->is_stopping)
        serve->work = task_spawn("reload", reload_main, serve);
}

/* ---- stopping ---- */

static void on_drained(bool in_time, void *arg)
{
    struct serve *serve = arg;

    if (!in_time && serve->config->http.drain_timeout_ns > 0) {
        log_error("stopped before all requests were done: http.draintimeout has passed");
        serve->status = EXIT_FAILURE;
    }
    finish(serve);
}

/* The second signal: as if there were no handler, so that whoever waits for us sees it. */
static void die_by(int number)
{
    log_warn("stopping at once");
    signal(number, SIG_DFL);
    raise(number);
}

/* What must not be torn apart is not canceled either; but a storage that is silent holds it for
 * longer than anybody waits for us. It ends as kill -9 would end it. */
static void on_overdue(evutil_socket_t fd, short events, void *arg)
{
    (void)fd, (void)events, (void)arg;
    log_error("stopped with work under way that had not ended %d s after http.draintimeout",
              GRACE_S);
    log_fini();
    _exit(EXIT_FAILURE);
}

static void stop(struct serve *serve)
{
    int64_t timeout_ns = serve->config->http.drain_timeout_ns;
    struct timeval overdue = {timeout_ns / CLOCK_SECOND_NS + GRACE_S,
                              timeout_ns % CLOCK_SECOND_NS / 1000};
    char timeout[CLOCK_DURATION_SIZE];

    serve->is_stopping = true;
    evtimer_add(serve->overdue, &overdue);
    if (!serve->is_open) {
        finish(serve);
        return;
    }
    clock_format_duration(timeout_ns, timeout);
    log_info("stopping server gracefully. Draining connections for %s", timeout);
    instance_drain(serve->instance, clock_wait_ms(timeout_ns), on_drained, serve);
}

static void on_signal(evutil_socket_t number, short events, void *arg)
{
    struct serve *serve = arg;

    (void)events;
    if (number == SIGHUP)
        begin_reload(serve);
    else if (serve->is_stopping)
        die_by((int)number);
    else
        stop(serve);
}

static void watch_signals(struct serve *serve)
{
    serve->overdue = evtimer_new(loop_base(), on_overdue, serve);
    if (serve->overdue == NULL)
        abort();
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
    event_free(serve->overdue);
    instance_free(serve->instance);
    if (serve->current != serve->config)
        config_free(serve->current);
}

/* ---- the command ---- */

static int serve_config(struct config *config, const char *path, char **argv)
{
    struct serve serve = {.path = path, .config = config, .current = config};
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
    serve.instance = instance_new(config, argv);
    serve.work = task_spawn("start", start_main, &serve);
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
    if (config_load(path, environ, log_message_warn, NULL, &config, &err) < 0) {
        fprintf(stderr, "configuration error: %s\n", err.message);
        return EXIT_FAILURE;
    }
    status = serve_config(config, path, argv - 1);
    config_free(config);
    return status;
}

const struct command serve_command = {
    .name = "serve",
    .arguments = "[path]",
    .summary = "Stores and serves container images",
    .help = "Reads the configuration file, or the one $REGISTRY_CONFIGURATION_PATH names, or the\n"
            "one of upstream's images (/etc/docker/registry/config.yml, else\n"
            "/etc/distribution/config.yml), and REGISTRY_* variables that override it;\n"
            "`registry config example` prints all keys.\n"
            "\n"
            "SIGTERM and SIGINT stop it once the requests that run are done, at the latest\n"
            "after http.draintimeout; a second signal stops it at once. SIGHUP reads the\n"
            "configuration again: log.level, log.accesslog, http.headers, http.maxconnections\n"
            "and read-only mode change at once, certificates and password files are read\n"
            "again.\n",
    .run = serve_run,
};
