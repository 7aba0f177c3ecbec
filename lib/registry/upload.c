/* SPDX-License-Identifier: Apache-2.0
 *
 * upload - see upload.h. This is the directory of a session; its bytes are in upload_data.c, the
 * digest side of them in hash_state.c, and its end in upload_commit.c.
 *
 *     startedat            written first, removed with the rest; without it there is no session
 *     data                 the bytes; may be missing while there are none
 *     hashstates/sha256/N  the digest state after N bytes, N > 0
 */
#include "lib/registry/upload.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/memory.h"
#include "lib/metrics/metrics.h"
#include "lib/registry/presence.h"
#include "lib/registry/upload_open.h"
#include "lib/registry/way.h"
#include "lib/storage/layout.h"
#include "lib/task/task.h"

#include <assert.h>
#include <inttypes.h>

#include "lib/base/banned.h"

/* How long a request waits for another one to end its hold on the session. */
#define BUSY_WAIT_NS  (3 * INT64_C(1000000000))
#define BUSY_RETRY_MS 25

static struct metric_family events = METRIC_COUNTER(
    "registry_upload_sessions_total", "Upload sessions, by what happened to them.", "event");

void upload_count(const char *event)
{
    metric_add(metric_series(&events, event), 1);
}

static struct upload *upload_new(struct registry *registry, const char *repository,
                                 const char *uuid)
{
    struct upload *upload = xcalloc(1, sizeof(*upload));

    assert(strlen(repository) <= REPOSITORY_LEN_MAX && strlen(uuid) == UUID_LEN);
    upload->registry = registry;
    memcpy(upload->repository, repository, strlen(repository) + 1);
    memcpy(upload->info.uuid.text, uuid, UUID_LEN + 1);
    return upload;
}

void upload_close(struct upload *upload)
{
    if (upload == NULL)
        return;
    store_writer_close(upload->writer);
    hasher_free(upload->hasher);
    free(upload);
}

const struct upload_info *upload_info(const struct upload *upload)
{
    return &upload->info;
}

int upload_translate(struct error *err, const char *uuid)
{
    if (err->code != ERROR_NOT_FOUND)
        return -1;
    error_translate(err, ERROR_UPLOAD_UNKNOWN);
    error_wrap(err, "upload %s", uuid);
    error_detail_json(err, "{}");
    return -1;
}

/* Opens the data for writing; waits a little while another request holds it. */
static int open_writer(struct upload *upload, enum storage_writer_mode mode, struct error *err)
{
    struct layout_key key = layout_upload_data(upload->repository, upload->info.uuid.text);
    int64_t deadline = clock_monotonic_ns() + BUSY_WAIT_NS;
    struct error why = ERROR_INIT;

    while (store_writer_open(upload->registry->store, key.text, mode, &upload->writer, &why) < 0) {
        if (why.code == ERROR_EXISTS && way_clear(upload->registry->store, key.text, &why) == 0)
            continue;
        if (why.code != ERROR_BUSY) {
            *err = why;
            return -1;
        }
        if (clock_monotonic_ns() >= deadline)
            return error_set(err, ERROR_UPLOAD_BUSY, "upload %s: another request writes it",
                             upload->info.uuid.text);
        if (task_sleep(BUSY_RETRY_MS, err) < 0)
            return -1;
    }
    upload->info.size = upload->writer->size;
    return 0;
}

/* Removes the directory of the session; absent already is as good. */
static int remove_session(struct upload *upload, struct error *err)
{
    struct layout_key key = layout_upload(upload->repository, upload->info.uuid.text);

    upload->is_data_gone = true;
    return presence_end(upload->registry->store, key.text, err);
}

void upload_discard(struct upload *upload)
{
    struct error err = ERROR_INIT;

    task_shield();
    if (remove_session(upload, &err) < 0)
        log_warn("upload %s is left to purging: %s", upload->info.uuid.text, err.message);
    task_unshield();
}

static int put_started_at(struct upload *upload, struct error *err)
{
    struct layout_key key = layout_upload_started_at(upload->repository, upload->info.uuid.text);
    struct timespec whole = {.tv_sec = upload->info.started_at.tv_sec};
    char text[CLOCK_RFC3339_SIZE];

    clock_format_rfc3339(whole, text);
    return way_put(upload->registry->store, key.text, span_of(text), err);
}

int upload_begin(struct registry *registry, const char *repository, struct upload **out,
                 struct error *err)
{
    struct upload *upload = upload_new(registry, repository, uuid_new().text);

    upload->info.started_at = clock_now();
    upload->hasher = hasher_new(DIGEST_SHA256);
    if (put_started_at(upload, err) < 0 || open_writer(upload, STORAGE_WRITER_FRESH, err) < 0) {
        upload_discard(upload);
        upload_close(upload);
        return -1;
    }
    upload_count("begun");
    *out = upload;
    return 0;
}

/* UPLOAD_UNKNOWN without a session. A time that does not parse is no reason to lose the upload: the
 * file's own time is about the same. */
static int get_started_at(struct registry *registry, const char *repository, const char *uuid,
                          struct timespec *out, struct error *err)
{
    struct layout_key key = layout_upload_started_at(repository, uuid);
    auto_str text = STR_INIT(CLOCK_RFC3339_SIZE);
    struct storage_stat stat;
    struct error why = ERROR_INIT;

    if (store_get(registry->store, key.text, &text, &why) < 0 && why.code != ERROR_TOO_LARGE) {
        *err = why;
        return upload_translate(err, uuid);
    }
    if (clock_parse_rfc3339(str_span(&text), out))
        return 0;
    log_warn("%s: not a time, taking the file's own", key.text);
    if (store_stat_content(registry->store, key.text, &stat, err) < 0)
        return upload_translate(err, uuid);
    *out = stat.modified_at;
    return 0;
}

/* The data of a session that has none: yet, or any more, when a commit died after moving it; what
 * hash states are left from it would be wrong for other bytes. Who ended the session meanwhile
 * wins: what we made for it goes again, as nobody would ever find it. */
static int create_data(struct upload *upload, struct error *err)
{
    struct registry *registry = upload->registry;
    const char *uuid = upload->info.uuid.text;
    struct timespec *started_at = &upload->info.started_at;
    struct layout_key states = layout_upload_hash_states(upload->repository, uuid);

    if (get_started_at(registry, upload->repository, uuid, started_at, err) < 0 ||
        open_writer(upload, STORAGE_WRITER_CREATE, err) < 0 ||
        presence_end(registry->store, states.text, err) < 0)
        return -1;
    if (get_started_at(registry, upload->repository, uuid, started_at, err) == 0)
        return 0;
    if (err->code == ERROR_UPLOAD_UNKNOWN)
        upload_discard(upload);
    return -1;
}

/* Takes hold of the session, and looks only then whether it is one still. */
static int open_session(struct upload *upload, struct error *err)
{
    struct error why = ERROR_INIT;

    if (open_writer(upload, STORAGE_WRITER_APPEND, &why) == 0)
        return get_started_at(upload->registry, upload->repository, upload->info.uuid.text,
                              &upload->info.started_at, err);
    if (why.code == ERROR_NOT_FOUND)
        return create_data(upload, err);
    *err = why;
    return -1;
}

int upload_resume(struct registry *registry, const char *repository, const char *uuid,
                  int64_t offset, const struct upload_seal *seal, struct upload **out,
                  struct error *err)
{
    struct upload *upload = upload_new(registry, repository, uuid);

    if (seal != NULL)
        upload->info.seal = *seal;
    if (open_session(upload, err) < 0)
        goto fail;
    if (offset >= 0 && offset != upload->info.size) {
        error_set(err, ERROR_UPLOAD_OFFSET, "upload %s has %" PRId64 " bytes, not %" PRId64, uuid,
                  upload->info.size, offset);
        goto fail;
    }
    *out = upload;
    return 0;
fail:
    upload_close(upload);
    return -1;
}

int upload_stat(struct registry *registry, const char *repository, const char *uuid,
                struct upload_info *out, struct error *err)
{
    struct layout_key key = layout_upload_data(repository, uuid);
    struct upload_info info = {.size = 0};
    struct storage_stat stat;
    struct error why = ERROR_INIT;

    if (get_started_at(registry, repository, uuid, &info.started_at, err) < 0)
        return -1;
    if (store_stat_content(registry->store, key.text, &stat, &why) == 0) {
        info.size = stat.size;
    } else if (presence_tolerate(&why, err) < 0) {
        return -1;
    }
    memcpy(info.uuid.text, uuid, UUID_LEN + 1);
    *out = info;
    return 0;
}

int upload_remove(struct registry *registry, const char *repository, const char *uuid,
                  struct error *err)
{
    struct upload *upload;
    int rc;

    if (upload_resume(registry, repository, uuid, -1, NULL, &upload, err) < 0)
        return -1;
    task_shield();
    rc = remove_session(upload, err);
    task_unshield();
    upload_close(upload);
    if (rc == 0)
        upload_count("canceled");
    return rc;
}
