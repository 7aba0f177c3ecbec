/* SPDX-License-Identifier: Apache-2.0
 *
 * store - see store.h. Each verb is one checked call: begin, check, the driver's slot, end.
 */
#include "lib/storage/store.h"

#include "lib/base/memory.h"
#include "lib/storage/call.h"

#include <assert.h>
#include <event2/buffer.h>

#include "lib/base/banned.h"

#define PROBE_KEY                                                                                  \
    "/docker" /* everything of layout.h is below it; so the root must let us through */

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

/* ---- content ---- */

int store_get(struct store *store, const char *key, struct str *out, struct error *err)
{
    struct call call = call_begin(store->driver, CALL_GET, key);
    int rc = call_check_key(key, err);

    if (rc == 0)
        rc = store->driver->get(store->storage, key, out, err);
    return call_end(&call, rc, err);
}

int store_put(struct store *store, const char *key, struct span content, struct error *err)
{
    struct call call = call_begin(store->driver, CALL_PUT, key);
    int rc = call_check_key(key, err);

    if (rc == 0)
        rc = store->driver->put(store->storage, key, content, err);
    return call_end(&call, rc, err);
}

static int stat_kind(struct store *store, const char *key, enum storage_kind kind,
                     struct storage_stat *out, struct error *err)
{
    struct call call = call_begin(store->driver, CALL_STAT, key);
    struct storage_stat stat;
    int rc = call_check_key_or_root(key, err);

    if (rc == 0)
        rc = store->driver->stat(store->storage, key, kind, &stat, err);
    if (rc == 0 && kind != STORAGE_ANY && stat.is_directory != (kind == STORAGE_DIRECTORY))
        rc = error_set(err, ERROR_NOT_FOUND, "%s", stat.is_directory ? "a directory" : "content");
    if (rc == 0)
        *out = stat;
    return call_end(&call, rc, err);
}

int store_stat(struct store *store, const char *key, struct storage_stat *out, struct error *err)
{
    return stat_kind(store, key, STORAGE_ANY, out, err);
}

int store_stat_content(struct store *store, const char *key, struct storage_stat *out,
                       struct error *err)
{
    return stat_kind(store, key, STORAGE_CONTENT, out, err);
}

int store_stat_directory(struct store *store, const char *key, struct storage_stat *out,
                         struct error *err)
{
    return stat_kind(store, key, STORAGE_DIRECTORY, out, err);
}

bool is_store_put_cheap(const struct store *store)
{
    return store->driver->is_put_cheap;
}

bool has_store_locks(const struct store *store)
{
    return store->driver->writer_seal == NULL;
}

int store_probe(struct store *store, struct error *err)
{
    struct storage_stat stat;
    struct error why = ERROR_INIT;

    if (store_stat_directory(store, PROBE_KEY, &stat, &why) == 0 || why.code == ERROR_NOT_FOUND)
        return 0;
    *err = why;
    return -1;
}

int store_list(struct store *store, const char *key, struct storage_list *out, struct error *err)
{
    struct call call = call_begin(store->driver, CALL_LIST, key);
    struct storage_list list = {0};
    int rc = call_check_key_or_root(key, err);

    if (rc == 0)
        rc = store->driver->list(store->storage, key, &list, err);
    if (rc == 0)
        *out = list;
    else
        storage_list_fini(&list);
    return call_end(&call, rc, err);
}

int store_remove(struct store *store, const char *key, struct error *err)
{
    struct call call = call_begin(store->driver, CALL_REMOVE, key);
    int rc = call_check_key(key, err);

    if (rc == 0)
        rc = store->driver->remove(store->storage, key, err);
    return call_end(&call, rc, err);
}

int store_clear(struct store *store, const char *key, bool is_directory, struct error *err)
{
    struct call call = call_begin(store->driver, CALL_CLEAR, key);
    int rc = call_check_key(key, err);

    if (rc == 0 && store->driver->clear == NULL)
        rc = error_set(err, ERROR_NOT_FOUND, "nothing is in the way on this driver");
    if (rc == 0)
        rc = store->driver->clear(store->storage, key, is_directory, err);
    return call_end(&call, rc, err);
}

int store_sweep(struct store *store, const char *key, struct timespec before, bool is_dry_run,
                struct storage_sweep *out, struct error *err)
{
    struct call call = call_begin(store->driver, CALL_SWEEP, key);
    struct storage_sweep sweep = {0};
    int rc = call_check_key(key, err);

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
    struct call call = call_begin(store->driver, CALL_READER_OPEN, key);
    struct storage_reader *reader = NULL;
    int rc = call_check_key(key, err);

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
    struct call call = call_begin(reader->driver, CALL_READ, reader->key);

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
    struct call call = call_begin(store->driver, CALL_WRITER_OPEN, key);
    struct storage_writer *writer = NULL;
    int rc = call_check_key(key, err);

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
    struct call call = call_begin(writer->driver, CALL_WRITE, writer->key);

    if (evbuffer_get_length(data) == 0)
        return 0;
    return call_end_quietly(&call, writer->driver->writer_write(writer, data, err), err);
}

int store_writer_flush(struct storage_writer *writer, struct error *err)
{
    struct call call = call_begin(writer->driver, CALL_FLUSH, writer->key);

    return call_end(&call, writer->driver->writer_flush(writer, err), err);
}

int store_writer_commit(struct storage_writer *writer, const char *to, struct error *err)
{
    struct call call = call_begin(writer->driver, CALL_COMMIT, writer->key);
    int rc = call_check_key(to, err);

    call.to = to;
    if (rc == 0)
        rc = writer->driver->writer_commit(writer, to, err);
    return call_end(&call, rc, err);
}

bool store_writer_seal(const struct storage_writer *writer, struct digest *out)
{
    return writer->driver->writer_seal != NULL && writer->driver->writer_seal(writer, out);
}

void store_writer_close(struct storage_writer *writer)
{
    if (writer == NULL)
        return;
    free(writer->key);
    writer->driver->writer_close(writer);
}
