/* SPDX-License-Identifier: Apache-2.0
 *
 * store - see store.h. Each verb is one checked call: begin, check, the driver's slot, end.
 */
#include "lib/storage/store.h"

#include "lib/base/ascii.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/memory.h"

#include <assert.h>
#include <event2/buffer.h>
#include <stdio.h>

#include "lib/base/banned.h"

#define KEY_MAX 1024 /* bytes; the longest of layout.h is well below */

#define SHOWN_KEY 120 /* bytes of a key's end that a message shows */

struct store {
    const struct storage_driver *driver;
    struct storage *storage;
};

/* One call of a slot, for the log and for the context of its error. */
struct call {
    const struct storage_driver *driver;
    const char *verb;
    const char *key;
    const char *to; /* of a move, else NULL */
    int64_t started_at;
};

static struct call call_begin(const struct storage_driver *driver, const char *verb,
                              const char *key)
{
    return (struct call){
        .driver = driver, .verb = verb, .key = key, .started_at = clock_monotonic_ns()};
}

/* filesystem.get("/docker/...") with how long it took and how it ended. */
static void call_log(const struct call *call, int rc, const struct error *err)
{
    struct log_line line;
    char duration[32];

    snprintf(duration, sizeof(duration), "%.3fms",
             (double)(clock_monotonic_ns() - call->started_at) / 1e6);
    log_begin(&line, LOG_LEVEL_DEBUG);
    log_add_text(&line, "storage.duration", duration);
    if (call->to != NULL)
        log_add_text(&line, "storage.to", call->to);
    if (rc < 0)
        log_add_text(&line, "storage.error", error_code_name(err->code));
    log_end(&line, "%s.%s(\"%s\")", call->driver->name, call->verb, call->key);
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
        error_wrap(err, "%s: %s %s to %s", call->driver->name, call->verb,
                   shown_key(call->key, SHOWN_KEY / 2), shown_key(call->to, SHOWN_KEY / 2));
    else
        error_wrap(err, "%s: %s %s", call->driver->name, call->verb,
                   shown_key(call->key, SHOWN_KEY));
}

static int call_end(const struct call *call, int rc, struct error *err)
{
    if (log_is_enabled(LOG_LEVEL_DEBUG))
        call_log(call, rc, err);
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
    store->driver->close(store->storage);
    free(store);
}

const char *store_driver_name(const struct store *store)
{
    return store->driver->name;
}

int store_get(struct store *store, const char *key, struct str *out, struct error *err)
{
    struct call call = call_begin(store->driver, "get", key);
    int rc = check_key(key, err);

    if (rc == 0)
        rc = store->driver->get(store->storage, key, out, err);
    return call_end(&call, rc, err);
}

int store_put(struct store *store, const char *key, struct span content, struct error *err)
{
    struct call call = call_begin(store->driver, "put", key);
    int rc = check_key(key, err);

    if (rc == 0)
        rc = store->driver->put(store->storage, key, content, err);
    return call_end(&call, rc, err);
}

int store_stat(struct store *store, const char *key, struct storage_stat *out, struct error *err)
{
    struct call call = call_begin(store->driver, "stat", key);
    int rc = check_key_or_root(key, err);

    if (rc == 0)
        rc = store->driver->stat(store->storage, key, out, err);
    return call_end(&call, rc, err);
}

int store_list(struct store *store, const char *key, struct storage_list *out, struct error *err)
{
    struct call call = call_begin(store->driver, "list", key);
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
    struct call call = call_begin(store->driver, "move", from);
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
    struct call call = call_begin(store->driver, "remove", key);
    int rc = check_key(key, err);

    if (rc == 0)
        rc = store->driver->remove(store->storage, key, err);
    return call_end(&call, rc, err);
}

int store_clear(struct store *store, const char *key, bool is_directory, struct error *err)
{
    struct call call = call_begin(store->driver, "clear", key);
    int rc = check_key(key, err);

    if (rc == 0 && store->driver->clear == NULL)
        rc = error_set(err, ERROR_NOT_FOUND, "nothing is in the way on this driver");
    if (rc == 0)
        rc = store->driver->clear(store->storage, key, is_directory, err);
    return call_end(&call, rc, err);
}

/* ---- readers ---- */

int store_reader_open(struct store *store, const char *key, int64_t offset,
                      struct storage_reader **out, struct error *err)
{
    struct call call = call_begin(store->driver, "reader_open", key);
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

/* One of the many calls of a stream: not logged. */
int store_reader_read(struct storage_reader *reader, struct evbuffer *out, size_t max,
                      struct error *err)
{
    struct call call = {.driver = reader->driver, .verb = "read", .key = reader->key};
    int rc;

    assert(max > 0);
    rc = reader->driver->reader_read(reader, out, max, err);
    if (rc < 0)
        call_wrap(&call, err);
    return rc;
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
    struct call call = call_begin(store->driver, "writer_open", key);
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

/* One of the many calls of a stream: not logged. */
int store_writer_write(struct storage_writer *writer, struct evbuffer *data, struct error *err)
{
    struct call call = {.driver = writer->driver, .verb = "write", .key = writer->key};
    int rc = 0;

    if (evbuffer_get_length(data) > 0)
        rc = writer->driver->writer_write(writer, data, err);
    if (rc < 0)
        call_wrap(&call, err);
    return rc;
}

int store_writer_flush(struct storage_writer *writer, struct error *err)
{
    struct call call = call_begin(writer->driver, "flush", writer->key);

    return call_end(&call, writer->driver->writer_flush(writer, err), err);
}

int store_writer_commit(struct storage_writer *writer, const char *to, struct error *err)
{
    struct call call = call_begin(writer->driver, "commit", writer->key);
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
