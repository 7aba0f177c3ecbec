/* SPDX-License-Identifier: Apache-2.0
 *
 * trial - see trial.h.
 */
#include "test/support/trial.h"

#include "lib/base/memory.h"
#include "lib/task/task.h"

#include <event2/buffer.h>
#include <string.h>

#include "lib/base/banned.h"

enum verb {
    GET,
    PUT,
    STAT,
    LIST,
    REMOVE,
    SWEEP,
    READER_OPEN,
    READER_READ,
    WRITER_OPEN,
    WRITER_WRITE,
    WRITER_FLUSH,
    WRITER_COMMIT,
    VERB_COUNT
};

static const char *const verb_names[VERB_COUNT] = {
    "get",         "put",         "stat",        "list",         "remove",       "sweep",
    "reader_open", "reader_read", "writer_open", "writer_write", "writer_flush", "writer_commit",
};

static const struct storage_driver *next_driver;
static enum trial_fault armed;
static unsigned armed_nth;
static unsigned count;
static unsigned verb_counts[VERB_COUNT];
static bool fired;

struct trial {
    struct storage base;
    struct storage *next;
};

struct trial_reader {
    struct storage_reader base;
    struct storage_reader *next;
};

struct trial_writer {
    struct storage_writer base;
    struct storage_writer *next;
};

void trial_wrap(const struct storage_driver *next)
{
    next_driver = next;
}

void trial_arm(enum trial_fault fault, unsigned nth)
{
    armed = fault;
    armed_nth = nth;
    count = 0;
    fired = false;
    memset(verb_counts, 0, sizeof(verb_counts));
}

bool has_trial_fired(void)
{
    return fired;
}

unsigned trial_count(void)
{
    return count;
}

unsigned trial_count_of(const char *verb)
{
    for (size_t i = 0; i < VERB_COUNT; i++) {
        if (strcmp(verb_names[i], verb) == 0)
            return verb_counts[i];
    }
    return 0;
}

/* Before the call: every call is also a wait. */
static int before(enum verb verb, struct error *err)
{
    count++;
    verb_counts[verb]++;
    if (count == armed_nth && armed == TRIAL_FAIL_BEFORE) {
        fired = true;
        return error_set(err, ERROR_IO, "trial: call %u fails", count);
    }
    if (count == armed_nth && armed == TRIAL_CANCEL_BEFORE) {
        fired = true;
        task_cancel(task_self());
    }
    return task_sleep(0, err);
}

static int after(int rc, struct error *err)
{
    if (count != armed_nth || fired || rc < 0)
        return rc;
    if (armed == TRIAL_FAIL_AFTER) {
        fired = true;
        return error_set(err, ERROR_IO, "trial: the answer of call %u is lost", count);
    }
    if (armed == TRIAL_CANCEL_AFTER) {
        fired = true;
        task_cancel(task_self());
        if (is_task_canceled())
            return error_set(err, ERROR_CANCELED, "trial: canceled after call %u", count);
    }
    return rc;
}

static struct storage *next_of(struct storage *storage)
{
    return ((struct trial *)storage)->next;
}

static int trial_open(const struct config *config, struct storage **out_storage, struct error *err)
{
    struct trial *trial = xcalloc(1, sizeof(*trial));

    if (next_driver->open(config, &trial->next, err) < 0) {
        free(trial);
        return -1;
    }
    trial->base.driver = &trial_driver;
    *out_storage = &trial->base;
    return 0;
}

static void trial_close(struct storage *storage)
{
    next_driver->close(next_of(storage));
    free(storage);
}

static int trial_get(struct storage *storage, const char *key, struct str *out, struct error *err)
{
    if (before(GET, err) < 0)
        return -1;
    return after(next_driver->get(next_of(storage), key, out, err), err);
}

static int trial_put(struct storage *storage, const char *key, struct span content,
                     struct error *err)
{
    if (before(PUT, err) < 0)
        return -1;
    return after(next_driver->put(next_of(storage), key, content, err), err);
}

static int trial_stat(struct storage *storage, const char *key, enum storage_kind kind,
                      struct storage_stat *out, struct error *err)
{
    if (before(STAT, err) < 0)
        return -1;
    return after(next_driver->stat(next_of(storage), key, kind, out, err), err);
}

static int trial_list(struct storage *storage, const char *key, struct storage_list *out,
                      struct error *err)
{
    if (before(LIST, err) < 0)
        return -1;
    return after(next_driver->list(next_of(storage), key, out, err), err);
}

static int trial_remove(struct storage *storage, const char *key, struct error *err)
{
    if (before(REMOVE, err) < 0)
        return -1;
    return after(next_driver->remove(next_of(storage), key, err), err);
}

static void trial_reader_close(struct storage_reader *reader)
{
    next_driver->reader_close(((struct trial_reader *)reader)->next);
    free(reader);
}

static int trial_sweep(struct storage *storage, const char *key, struct timespec at,
                       bool is_dry_run, struct storage_sweep *out, struct error *err)
{
    int rc = 0;

    if (before(SWEEP, err) < 0)
        return -1;
    if (next_driver->sweep != NULL)
        rc = next_driver->sweep(next_of(storage), key, at, is_dry_run, out, err);
    return after(rc, err);
}

static int trial_reader_open(struct storage *storage, const char *key, int64_t offset,
                             struct storage_reader **out, struct error *err)
{
    struct trial_reader *reader;
    struct storage_reader *next;

    if (before(READER_OPEN, err) < 0 ||
        next_driver->reader_open(next_of(storage), key, offset, &next, err) < 0)
        return -1;
    reader = xcalloc(1, sizeof(*reader));
    reader->base = *next;
    reader->base.driver = &trial_driver;
    reader->next = next;
    if (after(0, err) < 0) {
        trial_reader_close(&reader->base);
        return -1;
    }
    *out = &reader->base;
    return 0;
}

static int trial_reader_read(struct storage_reader *reader, struct evbuffer *out, size_t max,
                             struct error *err)
{
    struct storage_reader *next = ((struct trial_reader *)reader)->next;
    int rc;

    if (before(READER_READ, err) < 0)
        return -1;
    rc = after(next_driver->reader_read(next, out, max, err), err);
    reader->offset = next->offset;
    return rc;
}

static void trial_writer_close(struct storage_writer *writer)
{
    next_driver->writer_close(((struct trial_writer *)writer)->next);
    free(writer);
}

static int trial_writer_open(struct storage *storage, const char *key,
                             enum storage_writer_mode mode, struct storage_writer **out,
                             struct error *err)
{
    struct trial_writer *writer;
    struct storage_writer *next;

    if (before(WRITER_OPEN, err) < 0 ||
        next_driver->writer_open(next_of(storage), key, mode, &next, err) < 0)
        return -1;
    writer = xcalloc(1, sizeof(*writer));
    writer->base = *next;
    writer->base.driver = &trial_driver;
    writer->next = next;
    if (after(0, err) < 0) {
        trial_writer_close(&writer->base);
        return -1;
    }
    *out = &writer->base;
    return 0;
}

static int trial_writer_write(struct storage_writer *writer, struct evbuffer *data,
                              struct error *err)
{
    struct storage_writer *next = ((struct trial_writer *)writer)->next;
    int rc;

    if (before(WRITER_WRITE, err) < 0) {
        evbuffer_drain(data, evbuffer_get_length(data));
        return -1;
    }
    rc = after(next_driver->writer_write(next, data, err), err);
    writer->size = next->size;
    return rc;
}

static int trial_writer_flush(struct storage_writer *writer, struct error *err)
{
    struct storage_writer *next = ((struct trial_writer *)writer)->next;
    int rc;

    if (before(WRITER_FLUSH, err) < 0)
        return -1;
    rc = after(next_driver->writer_flush(next, err), err);
    writer->size = next->size;
    return rc;
}

static int trial_writer_commit(struct storage_writer *writer, const char *to, struct error *err)
{
    struct storage_writer *next = ((struct trial_writer *)writer)->next;
    int rc;

    if (before(WRITER_COMMIT, err) < 0)
        return -1;
    rc = after(next_driver->writer_commit(next, to, err), err);
    writer->size = next->size;
    return rc;
}

const struct storage_driver trial_driver = {
    .name = "trial",
    .summary = "Lets one call of another driver go wrong; for tests.",
    .open = trial_open,
    .close = trial_close,
    .get = trial_get,
    .put = trial_put,
    .stat = trial_stat,
    .list = trial_list,
    .remove = trial_remove,
    .sweep = trial_sweep,
    .reader_open = trial_reader_open,
    .reader_read = trial_reader_read,
    .reader_close = trial_reader_close,
    .writer_open = trial_writer_open,
    .writer_write = trial_writer_write,
    .writer_flush = trial_writer_flush,
    .writer_close = trial_writer_close,
    .writer_commit = trial_writer_commit,
};
