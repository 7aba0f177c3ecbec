/* SPDX-License-Identifier: Apache-2.0
 *
 * upload - see upload.h. The digest side of it is in hash_state.c.
 *
 * A session is a directory:
 *
 *     startedat            written first, removed with the rest; without it there is no session
 *     data                 the bytes; may be missing while there are none
 *     hashstates/sha256/N  the digest state after N bytes
 */
#include "lib/registry/upload.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/memory.h"
#include "lib/metrics/metrics.h"
#include "lib/oci/reference.h"
#include "lib/registry/hash_state.h"
#include "lib/registry/presence.h"
#include "lib/registry/way.h"
#include "lib/storage/layout.h"
#include "lib/task/task.h"

#include <assert.h>
#include <event2/buffer.h>
#include <inttypes.h>

#include "lib/base/banned.h"

/* How long a request waits for another one to end its hold on the session. */
#define BUSY_WAIT_NS  (3 * INT64_C(1000000000))
#define BUSY_RETRY_MS 25

struct upload {
    struct registry *registry;
    char repository[REPOSITORY_LEN_MAX + 1];
    struct upload_info info;
    struct storage_writer *writer;
    struct hasher *hasher; /* of all bytes so far; NULL until somebody needs it */
    int64_t saved_size;    /* bytes covered by the state saved last, -1 if none was */
    bool is_hasher_saved;  /* began with a saved state: what it says of the data is hearsay */
    bool is_data_gone;     /* moved or removed: nothing is left to save */
};

static struct metric_family events = METRIC_COUNTER(
    "registry_upload_sessions_total", "Upload sessions, by what happened to them.", "event");

static void count(const char *event)
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
    upload->saved_size = -1;
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

/* Turns a storage NOT_FOUND into UPLOAD_UNKNOWN. */
static int translate(struct error *err, const char *uuid)
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

/* Where the removal is not the point of the request: what stays behind is purged one day. */
static void discard_session(struct upload *upload)
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
    if (put_started_at(upload, err) < 0 || open_writer(upload, STORAGE_WRITER_CREATE, err) < 0 ||
        hash_state_save(registry, repository, upload->info.uuid.text, upload->hasher, err) < 0) {
        discard_session(upload);
        upload_close(upload);
        return -1;
    }
    upload->saved_size = 0;
    count("begun");
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
        return translate(err, uuid);
    }
    if (clock_parse_rfc3339(str_span(&text), out))
        return 0;
    log_warn("%s: not a time, taking the file's own", key.text);
    if (store_stat(registry->store, key.text, &stat, err) < 0)
        return translate(err, uuid);
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
        discard_session(upload);
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
                  int64_t offset, struct upload **out, struct error *err)
{
    struct upload *upload = upload_new(registry, repository, uuid);

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
    if (store_stat(registry->store, key.text, &stat, &why) == 0) {
        info.size = stat.size;
    } else if (presence_tolerate(&why, err) < 0) {
        return -1;
    }
    memcpy(info.uuid.text, uuid, UUID_LEN + 1);
    *out = info;
    return 0;
}

static int need_hasher(struct upload *upload, struct error *err)
{
    if (upload->hasher != NULL)
        return 0;
    return hash_state_load(upload->registry, upload->repository, upload->info.uuid.text,
                           upload->info.size, &upload->hasher, &upload->is_hasher_saved, err);
}

/* After a write that failed: the hasher follows what the data holds now, or is given up. */
static void settle_hasher(struct upload *upload, const uint8_t before[HASHER_STATE_SIZE])
{
    upload->info.size = upload->writer->size;
    if (hasher_count(upload->hasher) == upload->info.size)
        return;
    hasher_free(upload->hasher);
    upload->hasher = hasher_import(span_make(before, HASHER_STATE_SIZE), upload->info.size);
}

static int append_piece(struct upload *upload, struct evbuffer *piece, struct error *err)
{
    uint8_t before[HASHER_STATE_SIZE];

    hasher_export(upload->hasher, before);
    if (hash_evbuffer(upload->hasher, piece, err) < 0)
        return -1;
    if (store_writer_write(upload->writer, piece, err) < 0) {
        settle_hasher(upload, before);
        return -1;
    }
    upload->info.size = upload->writer->size;
    assert(upload->info.size == hasher_count(upload->hasher));
    return 0;
}

static int append_pieces(struct upload *upload, struct evbuffer *data, struct error *err)
{
    struct evbuffer *piece = evbuffer_new();
    int rc = need_hasher(upload, err);

    while (rc == 0 && evbuffer_get_length(data) > 0) {
        evbuffer_remove_buffer(data, piece, HASH_PIECE_MAX);
        rc = append_piece(upload, piece, err);
    }
    evbuffer_free(piece);
    return rc;
}

int upload_append(struct upload *upload, struct evbuffer *data, struct error *err)
{
    struct evbuffer *own = evbuffer_new(); /* helpers read it: nobody else may touch it */
    int rc = 0;

    evbuffer_add_buffer(own, data);
    if (evbuffer_get_length(own) > 0)
        rc = append_pieces(upload, own, err);
    evbuffer_free(own);
    return rc;
}

/* A flush or commit that failed may have cut the data back: a digest of more than is there must not
 * be saved. */
static void follow_data(struct upload *upload)
{
    upload->info.size = upload->writer->size;
    if (upload->hasher == NULL || hasher_count(upload->hasher) == upload->info.size)
        return;
    hasher_free(upload->hasher);
    upload->hasher = NULL;
}

/* The state never covers bytes that a power failure could still take back. */
static int flush_and_save(struct upload *upload, struct error *err)
{
    int rc = store_writer_flush(upload->writer, err);
    int64_t size;

    follow_data(upload);
    if (rc < 0)
        return -1;
    size = upload->info.size;
    if (upload->hasher == NULL || size == upload->saved_size)
        return 0;
    if (hash_state_save(upload->registry, upload->repository, upload->info.uuid.text,
                        upload->hasher, err) < 0)
        return -1;
    upload->saved_size = size;
    return 0;
}

int upload_save(struct upload *upload, struct error *err)
{
    int rc;

    if (upload->is_data_gone)
        return 0;
    task_shield();
    rc = flush_and_save(upload, err);
    task_unshield();
    return rc;
}

/* What @algorithm says of the data. */
static int digest_data(struct upload *upload, enum digest_algorithm algorithm, struct digest *out,
                       struct error *err)
{
    struct layout_key key = layout_upload_data(upload->repository, upload->info.uuid.text);
    struct hasher *hasher;
    int rc;

    if (store_writer_flush(upload->writer, err) < 0)
        return -1;
    hasher = hasher_new(algorithm);
    rc = hash_content(upload->registry->store, key.text, hasher, err);
    if (rc == 0 && hasher_count(hasher) != upload->info.size)
        rc = error_set(err, ERROR_IO, "%s: read %" PRId64 " bytes of %" PRId64, key.text,
                       hasher_count(hasher), upload->info.size);
    if (rc == 0)
        hasher_digest(hasher, out);
    hasher_free(hasher);
    return rc;
}

static int reject(struct upload *upload, const struct digest *claimed, const struct digest *actual,
                  struct error *err)
{
    char claimed_text[DIGEST_TEXT_SIZE];
    char actual_text[DIGEST_TEXT_SIZE];

    discard_session(upload);
    count("rejected");
    digest_format(claimed, claimed_text);
    error_set(err, ERROR_DIGEST_INVALID, "upload %s: %s claimed, %s found", upload->info.uuid.text,
              claimed_text, digest_format(actual, actual_text));
    error_detail_json(err, "{\"Digest\":\"%s\",\"Reason\":{}}", claimed_text);
    return -1;
}

/* Hashes all of the data, in place of what a saved state said. */
static int distrust_state(struct upload *upload, struct error *err)
{
    struct hasher *hasher;

    if (store_writer_flush(upload->writer, err) < 0 ||
        hash_state_rebuild(upload->registry, upload->repository, upload->info.uuid.text,
                           upload->info.size, &hasher, err) < 0)
        return -1;
    hasher_free(upload->hasher);
    upload->hasher = hasher;
    upload->is_hasher_saved = false;
    return 0;
}

/* The canonical digest of the data. A saved state that does not lead to what the client says may
 * itself be wrong, as upstream leaves it when two requests write one session at once. */
static int digest_canonical(struct upload *upload, const struct digest *claimed, struct digest *out,
                            struct error *err)
{
    if (need_hasher(upload, err) < 0)
        return -1;
    hasher_digest(upload->hasher, out);
    if (!upload->is_hasher_saved || digest_equals(out, claimed))
        return 0;
    if (distrust_state(upload, err) < 0)
        return -1;
    hasher_digest(upload->hasher, out);
    return 0;
}

/* Whether the bytes are what the client says; their canonical digest. */
static int verify(struct upload *upload, const struct digest *claimed, struct digest *out,
                  struct error *err)
{
    struct digest canonical;
    struct digest actual;

    if (digest_canonical(upload, claimed, &canonical, err) < 0)
        return -1;
    actual = canonical;
    if (claimed->algorithm != DIGEST_SHA256 &&
        digest_data(upload, claimed->algorithm, &actual, err) < 0)
        return -1;
    if (!digest_equals(&actual, claimed))
        return reject(upload, claimed, &actual, err);
    *out = canonical;
    return 0;
}

/* Moves the data to where content lives, unless it is there. Content of another size is what is
 * left of somebody's broken write. */
static int place(struct upload *upload, const struct digest *canonical, struct error *err)
{
    struct layout_key key = layout_blob_data(canonical);
    struct error why = ERROR_INIT;
    int64_t size;

    if (blob_content_stat(upload->registry, canonical, &size, &why) == 0) {
        if (size == upload->info.size)
            return 0;
        log_warn("%s: %" PRId64 " bytes instead of %" PRId64 ", replaced", key.text, size,
                 upload->info.size);
    } else if (presence_tolerate(&why, err) < 0) {
        return -1;
    }
    if (store_writer_commit(upload->writer, key.text, err) < 0 &&
        (way_clear(upload->registry->store, key.text, err) < 0 ||
         store_writer_commit(upload->writer, key.text, err) < 0))
        return -1;
    upload->is_data_gone = true;
    return 0;
}

int upload_commit(struct upload *upload, const struct digest *digest, struct blob *out,
                  struct error *err)
{
    struct digest canonical;
    int rc;

    if (verify(upload, digest, &canonical, err) < 0)
        return -1;
    task_shield();
    rc = place(upload, &canonical, err);
    if (rc == 0)
        rc = blob_link(upload->registry, upload->repository, &canonical, digest, err);
    if (rc == 0)
        discard_session(upload);
    task_unshield();
    if (rc < 0)
        return -1;
    count("finished");
    *out = (struct blob){.digest = canonical, .size = upload->info.size};
    return 0;
}

int upload_remove(struct registry *registry, const char *repository, const char *uuid,
                  struct error *err)
{
    struct upload *upload;
    int rc;

    if (upload_resume(registry, repository, uuid, -1, &upload, err) < 0)
        return -1;
    task_shield();
    rc = remove_session(upload, err);
    task_unshield();
    upload_close(upload);
    if (rc == 0)
        count("canceled");
    return rc;
}
