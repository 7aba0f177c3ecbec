/* SPDX-License-Identifier: Apache-2.0
 *
 * call - see call.h.
 */
#include "lib/storage/call.h"

#include "lib/base/ascii.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/metrics/metrics.h"

#include <stdio.h>

#include "lib/base/banned.h"

#define KEY_MAX 1024 /* bytes; the longest of layout.h is well below */

/* Our names, for log and errors, and those of the metric: upstream's as far as it has the verb. */
static const struct {
    const char *name;
    const char *action;
} verbs[CALL_COUNT] = {
    [CALL_GET] = {"get", "GetContent"},
    [CALL_PUT] = {"put", "PutContent"},
    [CALL_STAT] = {"stat", "Stat"},
    [CALL_LIST] = {"list", "List"},
    [CALL_REMOVE] = {"remove", "Delete"},
    [CALL_CLEAR] = {"clear", "Clear"},
    [CALL_SWEEP] = {"sweep", "Sweep"},
    [CALL_READER_OPEN] = {"reader_open", "Reader"},
    [CALL_READ] = {"read", "ReaderRead"},
    [CALL_WRITER_OPEN] = {"writer_open", "Writer"},
    [CALL_WRITE] = {"write", "WriterWrite"},
    [CALL_FLUSH] = {"flush", "WriterFlush"},
    [CALL_COMMIT] = {"commit", "WriterCommit"},
    [CALL_URL_FOR] = {"url_for", "URLFor"},
};

struct call call_begin(const struct storage_driver *driver, enum call_verb verb, const char *key)
{
    return (struct call){
        .driver = driver, .verb = verb, .key = key, .started_at = clock_monotonic_ns()};
}

static const double seconds[] = {.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10};

static struct metric_family actions = METRIC_HISTOGRAM(
    "registry_storage_action_seconds", "The number of seconds that the storage action takes",
    seconds, "action", "driver");

/* The series of the driver that was called last: nearly always, there is one. */
static void call_count(const struct call *call, int64_t duration_ns)
{
    static struct metric_series *series[CALL_COUNT];
    static const struct storage_driver *driver;

    if (driver != call->driver) {
        memset(series, 0, sizeof(series));
        driver = call->driver;
    }
    if (series[call->verb] == NULL)
        series[call->verb] = metric_series(&actions, verbs[call->verb].action, driver->name);
    metric_observe(&actions, series[call->verb], (double)duration_ns / 1e9);
}

/* filesystem.get("/docker/...") with how long it took and how it ended. */
static void call_log(const struct call *call, int64_t duration_ns, int rc, const struct error *err)
{
    struct log_line line;
    char duration[32];

    snprintf(duration, sizeof(duration), "%.3fms", (double)duration_ns / 1e6);
    log_begin(&line, LOG_LEVEL_DEBUG);
    log_add_text(&line, "storage.duration", duration);
    if (call->to != NULL)
        log_add_text(&line, "storage.to", call->to);
    if (rc < 0)
        log_add_text(&line, "storage.error", error_code_name(err->code));
    log_end(&line, "%s.%s(\"%s\")", call->driver->name, verbs[call->verb].name, call->key);
}

const char *call_shown_key(const char *key, size_t max)
{
    size_t len = strlen(key);

    return len > max ? key + len - max : key;
}

static void call_wrap(const struct call *call, struct error *err)
{
    if (call->to != NULL)
        error_wrap(err, "%s: %s %s to %s", call->driver->name, verbs[call->verb].name,
                   call_shown_key(call->key, CALL_SHOWN_KEY / 2),
                   call_shown_key(call->to, CALL_SHOWN_KEY / 2));
    else
        error_wrap(err, "%s: %s %s", call->driver->name, verbs[call->verb].name,
                   call_shown_key(call->key, CALL_SHOWN_KEY));
}

int call_end(const struct call *call, int rc, struct error *err)
{
    int64_t duration_ns = clock_monotonic_ns() - call->started_at;

    call_count(call, duration_ns);
    if (log_is_enabled(LOG_LEVEL_DEBUG))
        call_log(call, duration_ns, rc, err);
    if (rc < 0)
        call_wrap(call, err);
    return rc;
}

int call_end_quietly(const struct call *call, int rc, struct error *err)
{
    call_count(call, clock_monotonic_ns() - call->started_at);
    if (rc < 0)
        call_wrap(call, err);
    return rc;
}

static bool is_key_char(char c)
{
    return is_ascii_alnum_or(c, "._-");
}

static bool is_component(struct span component)
{
    if (component.len == 0 || span_is(component, ".") || span_is(component, ".."))
        return false;
    for (size_t i = 0; i < component.len; i++) {
        if (!is_key_char(component.data[i]))
            return false;
    }
    return true;
}

/* (/[A-Za-z0-9._-]+)+ without "." and "..". */
static bool is_key(const char *key)
{
    struct span rest = span_of(key);

    if (rest.len < 2 || rest.len > KEY_MAX || key[0] != '/')
        return false;
    rest = span_from(rest, 1);
    while (rest.data != NULL) {
        if (!is_component(span_cut(&rest, '/')))
            return false;
    }
    return true;
}

int call_check_key(const char *key, struct error *err)
{
    return is_key(key) ? 0 : error_set(err, ERROR_KEY, "not a valid key");
}

int call_check_key_or_root(const char *key, struct error *err)
{
    return strcmp(key, "/") == 0 ? 0 : call_check_key(key, err);
}
