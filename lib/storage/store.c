/* SPDX-License-Identifier: Apache-2.0
 *
 * store - see store.h. Each verb is one checked call: begin, check, the driver's slot, end.
 */
#include "lib/storage/store.h"

#include "lib/base/ascii.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/memory.h"
#include "lib/metrics/metrics.h"

#include <assert.h>
#include <event2/buffer.h>
#include <stdio.h>

#include "lib/base/banned.h"

#define KEY_MAX 1024 /* bytes; the longest of layout.h is well below */

#define PROBE_KEY                                                                                  \
    "/docker" /* everything of layout.h is below it; so the root must let us through */

#define SHOWN_KEY 120 /* bytes of a key's end that a message shows */

struct store {
    const struct storage_driver *driver;
    struct storage *storage;
    struct middleware *middleware; /* owned; the outermost, NULL: none */
};

/* ---- calls ---- */

enum verb {
    VERB_GET,
    VERB_PUT,
    VERB_STAT,
    VERB_LIST,
    VERB_MOVE,
    VERB_REMOVE,
    VERB_CLEAR,
    VERB_SWEEP,
    VERB_READER_OPEN,
    VERB_READ,
    VERB_WRITER_OPEN,
    VERB_WRITE,
    VERB_FLUSH,
    VERB_COMMIT,
    VERB_URL_FOR,
    VERB_COUNT
};

/* Our names, for log and errors, and those of the metric: upstream's as far as it has the verb. */
static const struct {
    const char *name;
    const char *action;
} verbs[VERB_COUNT] = {
    [VERB_GET] = {"get", "GetContent"},
    [VERB_PUT] = {"put", "PutContent"},
    [VERB_STAT] = {"stat", "Stat"},
    [VERB_LIST] = {"list", "List"},
    [VERB_MOVE] = {"move", "Move"},
    [VERB_REMOVE] = {"remove", "Delete"},
    [VERB_CLEAR] = {"clear", "Clear"},
    [VERB_SWEEP] = {"sweep", "Sweep"},
    [VERB_READER_OPEN] = {"reader_open", "Reader"},
    [VERB_READ] = {"read", "ReaderRead"},
    [VERB_WRITER_OPEN] = {"writer_open", "Writer"},
    [VERB_WRITE] = {"write", "WriterWrite"},
    [VERB_FLUSH] = {"flush", "WriterFlush"},
    [VERB_COMMIT] = {"commit", "WriterCommit"},
    [VERB_URL_FOR] = {"url_for", "URLFor"},
};

/* One call of a slot, for the log, the metrics and the context of its error. */
struct call {
    const struct storage_driver *driver;
    enum verb verb;
    const char *key;
    const char *to; /* of a move, else NULL */
    int64_t started_at;
};

static struct call call_begin(const struct storage_driver *driver, enum verb verb, const char *key)
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
    static struct metric_series *series[VERB_COUNT];
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

/* The end of a key says more than its beginning. */
static const char *shown_key(const char *key, size_t max)
{
    size_t len = strlen(key);

    return len > max ? key + len - max : key;
}

static void call_wrap(const struct call *call, struct error *err)
{
    if (call->to != NULL)
        error_wrap(err, "%s: %s %s to %s", call->driver->name, verbs[call->verb].name,
                   shown_key(call->key, SHOWN_KEY / 2), shown_key(call->to, SHOWN_KEY / 2));
    else
        error_wrap(err, "%s: %s %s", call->driver->name, verbs[call->verb].name,
                   shown_key(call->key, SHOWN_KEY));
}

static int call_end(const struct call *call, int rc, struct error *err)
{
    int64_t duration_ns = clock_monotonic_ns() - call->started_at;

    call_count(call, duration_ns);
    if (log_is_enabled(LOG_LEVEL_DEBUG))
        call_log(call, duration_ns, rc, err);
    if (rc < 0)
        call_wrap(call, err);
    return rc;
}

/* One of the many calls of a stream: not logged. */
static int call_end_quietly(const struct call *call, int rc, struct error *err)
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

static int check_key(const char *key, struct error *err)
{
    return is_key(key) ? 0 : error_set(err, ERROR_KEY, "not a valid key");
}

/* The root is a key where a directory will do. */
static int check_key_or_root(const char *key, struct error *err)
{
    return strcmp(key, "/") == 0 ? 0 : check_key(key, err);
}

int store_open(const struct storage_driver *driver, const struct config *config,
               struct store **out_store, struct error *err)
{
    struct storage *storage;

    if (driver->open(config, &storage, err) < 0)
        return error_wrap(err, "%s", driver->name);
    *out_store = xcalloc(1, sizeof(**out_store));
    (*out_store)->driver = driver;
    (*out_store)->storage = storage;
    return 0;
}

void store_close(struct store *store)
{
    if (store == NULL)
        return;
    while (store->middleware != NULL) {
        struct middleware *outermost = store->middleware;

        store->middleware = outermost->inner;
        outermost->kind->close(outermost);
    }
    store->driver->close(store->storage);
    free(store);
}

const char *store_driver_name(const struct store *store)
{
    return store->driver->name;
}

/* ---- URLs ---- */

void store_add_middleware(struct store *store, struct middleware *middleware)
{
    middleware->store = store;
    middleware->inner = store->middleware;
    store->middleware = middleware;
}

void store_start(struct store *store)
{
    for (struct middleware *it = store->middleware; it != NULL; it = it->inner) {
        if (it->kind->start != NULL)
            it->kind->start(it);
    }
}

void store_stop(struct store *store)
{
    for (struct middleware *it = store->middleware; it != NULL; it = it->inner) {
        if (it->kind->stop != NULL)
            it->kind->stop(it);
    }
}

bool has_store_urls(const struct store *store)
{
    return store->middleware != NULL || store->driver->url_for != NULL;
}

static int ask_driver(struct store *store, const struct url_request *request, struct str *out,
                      struct error *err)
{
    struct call call = call_begin(store->driver, VERB_URL_FOR, request->key);
    struct error why = ERROR_INIT;
    int rc;

    if (store->driver->url_for == NULL)
        return 0;
    rc = store->driver->url_for(store->storage, request->key, request->method, out, &why);
    if (rc < 0 && why.code == ERROR_UNSUPPORTED)
        return call_end(&call, 0, &why);
    if (rc < 0)
        *err = why;
    return call_end(&call, rc, err) < 0 ? -1 : 1;
}

static int ask(struct store *store, struct middleware *middleware,
               const struct url_request *request, struct str *out, struct error *err)
{
    if (middleware == NULL)
        return ask_driver(store, request, out, err);
    return middleware->kind->url_for(middleware, request, out, err);
}

int store_url_for(struct store *store, const struct url_request *request, struct str *out,
                  struct error *err)
{
    int rc = check_key(request->key, err);

    if (rc == 0)
        rc = ask(store, store->middleware, request, out, err);
    if (rc > 0 && str_overflowed(out))
        rc = error_set(err, ERROR_INTERNAL, "the URL of %s is too long",
                       shown_key(request->key, SHOWN_KEY));
    return rc;
}

int store_inner_url(const struct middleware *middleware, const struct url_request *request,
                    struct str *out, struct error *err)
{
    return ask(middleware->store, middleware->inner, request, out, err);
}

bool store_object_name(const struct store *store, const char *key, struct str *out)
{
    if (store->driver->object_name == NULL)
        return false;
    store->driver->object_name(store->storage, key, out);
    return true;
}

/* ---- content ---- */

int store_get(struct store *store, const char *key, struct str *out, struct error *err)
{
    struct call call = call_begin(store->driver, VERB_GET, key);
    int rc = check_key(key, err);

    if (rc == 0)
        rc = store->driver->get(store->storage, key, out, err);
    return call_end(&call, rc, err);
}

int store_put(struct store *store, const char *key, struct span content, struct error *err)
{
    struct call call = call_begin(store->driver, VERB_PUT, key);
    int rc = check_key(key, err);

    if (rc == 0)
        rc = store->driver->put(store->storage, key, content, err);
    return call_end(&call, rc, err);
}

int store_stat(struct store *store, const char *key, struct storage_stat *out, struct error *err)
{
    struct call call = call_begin(store->driver, VERB_STAT, key);
    int rc = check_key_or_root(key, err);

    if (rc == 0)
        rc = store->driver->stat(store->storage, key, out, err);
    return call_end(&call, rc, err);
}

int store_probe(struct store *store, struct error *err)
{
    struct storage_stat stat;
    struct error why = ERROR_INIT;

    if (store_stat(store, PROBE_KEY, &stat, &why) == 0 || why.code == ERROR_NOT_FOUND)
        return 0;
    *err = why;
    return -1;
}

int store_list(struct store *store, const char *key, struct storage_list *out, struct error *err)
{
    struct call call = call_begin(store->driver, VERB_LIST, key);
    struct storage_list list = {0};
    int rc = check_key_or_root(key, err);

    if (rc == 0)
        rc = store->driver->list(store->storage, key, &list, err);
    if (rc == 0)
        *out = list;
    else
        storage_list_fini(&list);
    return call_end(&call, rc, err);
}

int store_move(struct store *store, const char *from, const char *to, struct error *err)
{
    struct call call = call_begin(store->driver, VERB_MOVE, from);
    int rc = check_key(from, err);

    call.to = to;
    if (rc == 0)
        rc = check_key(to, err);
    if (rc == 0)
        rc = store->driver->move(store->storage, from, to, err);
    return call_end(&call, rc, err);
}

int store_remove(struct store *store, const char *key, struct error *err)
{
    struct call call = call_begin(store->driver, VERB_REMOVE, key);
    int rc = check_key(key, err);

    if (rc == 0)
        rc = store->driver->remove(store->storage, key, err);
    return call_end(&call, rc, err);
}

int store_clear(struct store *store, const char *key, bool is_directory, struct error *err)
{
    struct call call = call_begin(store->driver, VERB_CLEAR, key);
    int rc = check_key(key, err);

    if (rc == 0 && store->driver->clear == NULL)
        rc = error_set(err, ERROR_NOT_FOUND, "nothing is in the way on this driver");
    if (rc == 0)
        rc = store->driver->clear(store->storage, key, is_directory, err);
    return call_end(&call, rc, err);
}

int store_sweep(struct store *store, const char *key, struct timespec before, bool is_dry_run,
                struct storage_sweep *out, struct error *err)
{
    struct call call = call_begin(store->driver, VERB_SWEEP, key);
    struct storage_sweep sweep = {0};
    int rc = check_key(key, err);

    if (rc == 0 && store->driver->sweep != NULL)
        rc = store->driver->sweep(store->storage, key, before, is_dry_run, &sweep, err);
    if (rc == 0)
        *out = sweep;
    else
        storage_sweep_fini(&sweep);
    return call_end(&call, rc, err);
}

/* ---- readers ---- */

int store_reader_open(struct store *store, const char *key, int64_t offset,
                      struct storage_reader **out, struct error *err)
{
    struct call call = call_begin(store->driver, VERB_READER_OPEN, key);
    struct storage_reader *reader = NULL;
    int rc = check_key(key, err);

    if (rc == 0 && offset < 0)
        rc = error_set(err, ERROR_INVALID, "a negative offset");
    if (rc == 0)
        rc = store->driver->reader_open(store->storage, key, offset, &reader, err);
    if (rc == 0) {
        reader->key = xstrdup(key);
        *out = reader;
    }
    return call_end(&call, rc, err);
}

int store_reader_read(struct storage_reader *reader, struct evbuffer *out, size_t max,
                      struct error *err)
{
    struct call call = call_begin(reader->driver, VERB_READ, reader->key);

    assert(max > 0);
    return call_end_quietly(&call, reader->driver->reader_read(reader, out, max, err), err);
}

void store_reader_close(struct storage_reader *reader)
{
    if (reader == NULL)
        return;
    free(reader->key);
    reader->driver->reader_close(reader);
}

/* ---- writers ---- */

int store_writer_open(struct store *store, const char *key, enum storage_writer_mode mode,
                      struct storage_writer **out, struct error *err)
{
    struct call call = call_begin(store->driver, VERB_WRITER_OPEN, key);
    struct storage_writer *writer = NULL;
    int rc = check_key(key, err);

    if (rc == 0)
        rc = store->driver->writer_open(store->storage, key, mode, &writer, err);
    if (rc == 0) {
        writer->key = xstrdup(key);
        *out = writer;
    }
    return call_end(&call, rc, err);
}

int store_writer_write(struct storage_writer *writer, struct evbuffer *data, struct error *err)
{
    struct call call = call_begin(writer->driver, VERB_WRITE, writer->key);

    if (evbuffer_get_length(data) == 0)
        return 0;
    return call_end_quietly(&call, writer->driver->writer_write(writer, data, err), err);
}

int store_writer_flush(struct storage_writer *writer, struct error *err)
{
    struct call call = call_begin(writer->driver, VERB_FLUSH, writer->key);

    return call_end(&call, writer->driver->writer_flush(writer, err), err);
}

int store_writer_commit(struct storage_writer *writer, const char *to, struct error *err)
{
    struct call call = call_begin(writer->driver, VERB_COMMIT, writer->key);
    int rc = check_key(to, err);

    call.to = to;
    if (rc == 0)
        rc = writer->driver->writer_commit(writer, to, err);
    return call_end(&call, rc, err);
}

void store_writer_close(struct storage_writer *writer)
{
    if (writer == NULL)
        return;
    free(writer->key);
    writer->driver->writer_close(writer);
}
