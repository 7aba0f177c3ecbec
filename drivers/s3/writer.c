/* SPDX-License-Identifier: Apache-2.0
 *
 * writer - see writer.h. How it ends at another key is in commit.c.
 */
#include "drivers/s3/writer.h"

#include "drivers/s3/commit.h"
#include "drivers/s3/copy.h"
#include "drivers/s3/hints.h"
#include "drivers/s3/parallel.h"
#include "drivers/s3/pending.h"
#include "drivers/s3/removal.h"
#include "drivers/s3/s3_object.h"
#include "drivers/s3/seal.h"
#include "drivers/s3/sender.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/memory.h"

#include <assert.h>
#include <event2/buffer.h>
#include <stdlib.h>

#include "lib/base/banned.h"

struct writer *writer_of(const struct service *service, const char *name)
{
    struct writer *writer = service->writers;

    while (writer != NULL && strcmp(writer->name, name) != 0)
        writer = writer->next;
    return writer;
}

static void unlink_writer(struct writer *writer)
{
    struct writer **place = &writer->service->writers;

    while (*place != writer)
        place = &(*place)->next;
    *place = writer->next;
}

/* Nothing is known of what is there yet; from now on the key is held. */
static struct writer *writer_new(struct service *service, const char *name)
{
    struct writer *writer = xcalloc(1, sizeof(*writer));

    writer->base.driver = service->base.driver;
    writer->service = service;
    writer->name = xstrdup(name);
    writer->tail = evbuffer_new();
    writer->is_working = true;
    writer->next = service->writers;
    service->writers = writer;
    return writer;
}

static void writer_free(struct writer *writer)
{
    writer->is_working = true;
    sender_end(writer); /* no part of this one may arrive while the next one counts them */
    unlink_writer(writer);
    evbuffer_free(writer->tail);
    parts_fini(&writer->parts);
    free(writer->tail_etag);
    free(writer->name);
    free(writer->id);
    free(writer);
}

void writer_note(struct writer *writer, int rc, const struct error *err)
{
    writer->has_failed |= rc < 0 && err->code == ERROR_IO;
}

/* ---- opening ---- */

/* What was at the key goes: the object and, at the same time, unfinished uploads. */
static int remove_old(void *arg, size_t index, struct error *err)
{
    struct writer *writer = arg;

    return index == 0 ? s3_object_remove(writer->service, writer->name, err)
                      : removal_of_uploads(writer->service, writer->name, NULL, err);
}

/* One whose beginning failed may have begun. */
static int begin_upload(struct writer *writer, char **out_id, struct error *err)
{
    int rc = s3_multipart_begin(writer->service, writer->name, true, out_id, err);

    writer->is_unsure |= rc != 0;
    if (rc < 0)
        return -1;
    writer->begun_at = clock_now();
    return 0;
}

static int create(struct writer *writer, bool is_fresh, struct error *err)
{
    if (!is_fresh && parallel_run(2, 2, remove_old, writer, err) < 0)
        return -1;
    writer->is_bare = true;
    return begin_upload(writer, &writer->id, err);
}

/* Goes on with the longest upload there is, or with the object where that is longer. */
static int append(struct writer *writer, struct error *err)
{
    auto_pending pending = {0};

    if (pending_find(writer->service, writer->name, &pending, err) < 0)
        return -1;
    writer->base.size = pending_size(&pending);
    writer->is_complete = pending.object_size > pending.parts.size || pending.id == NULL;
    if (pending.upload_count > 1 || (writer->is_complete && pending.id != NULL)) {
        if (removal_of_uploads(writer->service, writer->name,
                               writer->is_complete ? NULL : pending.id, err) < 0)
            return -1;
    }
    writer->is_bare = pending.is_bare;
    writer->begun_at = pending.modified_at;
    if (writer->is_complete) {
        memcpy(writer->etag, pending.object_etag, sizeof(writer->etag));
        return 0;
    }
    writer->parts = pending.parts;
    writer->id = pending.id;
    pending = (struct pending){.object_size = -1};
    return 0;
}

int writer_open(struct storage *storage, const char *key, enum storage_writer_mode mode,
                struct storage_writer **out, struct error *err)
{
    struct service *service = (struct service *)storage;
    SERVICE_NAME(name, service, key);
    struct writer *writer;
    int rc;

    if (writer_of(service, str_text(&name)) != NULL)
        return error_set(err, ERROR_BUSY, "another request writes it");
    writer = writer_new(service, str_text(&name));
    if (mode == STORAGE_WRITER_APPEND)
        rc = append(writer, err);
    else
        rc = create(writer, mode == STORAGE_WRITER_FRESH, err);
    if (rc < 0) {
        writer_free(writer);
        return -1;
    }
    writer->is_working = false;
    *out = &writer->base;
    return 0;
}

/* ---- writing ---- */

/* The content while it is short, unless somebody has replaced it. */
static int get_short(const struct writer *writer, struct str *out, struct error *err)
{
    if (s3_object_get(writer->service, writer->name, writer->etag, out, err) < 0)
        return -1;
    if ((int64_t)out->len != writer->base.size)
        return error_set(err, ERROR_IO, "it was changed meanwhile");
    return 0;
}

/* All content is in the object: a new upload that begins with it. Short content comes back into
 * memory, for it could not stay a part. Where the object has gone, so has the session: nobody would
 * ever find the upload. */
static int begin_anew(struct writer *writer, struct error *err)
{
    struct service *service = writer->service;
    auto_str content = STR_INIT(S3_PART_MIN);
    auto_free char *id = NULL;
    struct source whole = {writer->name, writer->etag, writer->base.size};
    struct parts parts = {0};
    bool is_short = whole.size < S3_PART_MIN;

    if (begin_upload(writer, &id, err) < 0)
        return -1;
    if ((is_short ? get_short(writer, &content, err)
                  : copy_to_parts(service, &whole, writer->name, id, &parts, err)) < 0) {
        if (err->code == ERROR_NOT_FOUND)
            s3_multipart_give_up(service, writer->name, id);
        else
            writer->is_unsure = true;
        parts_fini(&parts);
        hints_learn_etag(service->hints, is_hints_etag(service->hints) && err->code != ERROR_BUSY);
        return err->code == ERROR_BUSY ? error_translate(err, ERROR_IO) : -1;
    }
    assert(evbuffer_get_length(writer->tail) == 0);
    evbuffer_add(writer->tail, str_text(&content), content.len);
    writer->parts = parts;
    writer->id = id;
    id = NULL;
    writer->is_complete = false;
    writer->is_loose |= writer->etag[0] == '\0';
    return 0;
}

/* A last part that is too short to be followed by another. */
static bool has_short_end(const struct writer *writer)
{
    const struct parts *parts = &writer->parts;

    return parts->count > 0 && parts->items[parts->count - 1].size < S3_PART_MIN;
}

static int prepare(struct writer *writer, struct error *err)
{
    if (!writer->is_complete && has_short_end(writer) && commit_complete(writer, err) < 0)
        return -1;
    return writer->is_complete ? begin_anew(writer, err) : 0;
}

/* Makes room for more: at most one part is on its way and one is here. */
static int make_room(struct writer *writer, struct error *err)
{
    size_t chunk = writer->service->chunk_size;

    if (is_sender_done(writer) && sender_settle(writer, err) < 0)
        return -1;
    if (evbuffer_get_length(writer->tail) < chunk)
        return 0;
    if (sender_settle(writer, err) < 0)
        return -1;
    sender_begin(writer, chunk);
    return 0;
}

static int take(struct writer *writer, struct evbuffer *data, struct error *err)
{
    if (writer->is_renounced)
        return error_set(err, ERROR_NOT_FOUND, "it was removed");
    if (prepare(writer, err) < 0 || make_room(writer, err) < 0)
        return -1;
    writer->base.size += (int64_t)evbuffer_get_length(data);
    if (evbuffer_add_buffer(writer->tail, data) < 0)
        return error_set(err, ERROR_INTERNAL, "a buffer that cannot be added to");
    if (evbuffer_get_length(writer->tail) >= writer->service->chunk_size && !is_sender_busy(writer))
        return make_room(writer, err);
    return 0;
}

int writer_write(struct storage_writer *base, struct evbuffer *data, struct error *err)
{
    struct writer *writer = (struct writer *)base;
    int rc;

    writer->is_working = true;
    rc = take(writer, data, err);
    writer->is_working = false;
    writer_note(writer, rc, err);
    (void)evbuffer_drain(data, evbuffer_get_length(data));
    return rc;
}

/* ---- flushing ---- */

/* The end of the content as a part that will be replaced when more comes. */
static int send_short_end(struct writer *writer, struct error *err)
{
    size_t len = evbuffer_get_length(writer->tail);
    char *etag;

    if (writer->tail_sent == len)
        return 0;
    if (s3_multipart_put(writer->service, writer->name, writer->id, parts_next(&writer->parts),
                         writer->tail, &etag, err) < 0)
        return -1;
    free(writer->tail_etag);
    writer->tail_etag = etag;
    writer->tail_sent = len;
    return 0;
}

static int flush(struct writer *writer, struct error *err)
{
    size_t chunk = writer->service->chunk_size;
    size_t len;

    if (sender_settle(writer, err) < 0)
        return -1;
    while ((len = evbuffer_get_length(writer->tail)) >= S3_PART_MIN) {
        sender_begin(writer, len < chunk ? len : chunk);
        if (sender_settle(writer, err) < 0)
            return -1;
    }
    return send_short_end(writer, err);
}

int writer_flush(struct storage_writer *base, struct error *err)
{
    struct writer *writer = (struct writer *)base;
    int rc;

    if (writer->is_complete)
        return 0;
    if (writer->has_failed)
        return error_set(err, ERROR_IO, "the service has failed before");
    writer->is_working = true;
    rc = flush(writer, err);
    writer->is_working = false;
    writer_note(writer, rc, err);
    return rc;
}

int writer_show(struct writer *writer, struct error *err)
{
    int rc;

    if (writer->is_working)
        return error_set(err, ERROR_BUSY, "another request writes it");
    if (writer_flush(&writer->base, err) < 0)
        return -1;
    if (writer->is_complete || writer->base.size == 0)
        return writer->is_complete ? 1 : 0;
    writer->is_working = true;
    rc = commit_complete(writer, err);
    writer->is_working = false;
    return rc < 0 ? -1 : 1;
}

bool writer_renounce(struct writer *writer, char **out_id)
{
    if (writer->is_unsure || writer->is_working)
        return false;
    writer->is_renounced = true;
    *out_id = writer->id != NULL ? xstrdup(writer->id) : NULL;
    return true;
}

/* Of parts alone: an object is nothing that a next writer finds as it is here. */
bool writer_seal(const struct storage_writer *base, struct digest *out)
{
    const struct writer *writer = (const struct writer *)base;
    struct part end = {parts_next(&writer->parts), (int64_t)writer->tail_sent, writer->tail_etag};

    if (writer->id == NULL || writer->is_complete || writer->is_loose ||
        writer->sender.pieces != NULL || writer->tail_sent != evbuffer_get_length(writer->tail))
        return false;
    seal_of(writer->id, &writer->parts, writer->tail_sent > 0 ? &end : NULL, out);
    return true;
}

/* For the next one at this key. */
static void leave_hint(const struct writer *writer)
{
    struct hints *hints = writer->service->hints;
    if (writer->id == NULL || writer->has_failed || writer->is_unsure || writer->is_renounced)
        hints_forget(hints, writer->name);
    else
        hints_put(hints, writer->name,
                  &(struct hint){writer->id, writer->begun_at, writer->is_bare});
}

/* What was written becomes durable if it can; where the service has failed, it cannot. */
void writer_close(struct storage_writer *base)
{
    struct writer *writer = (struct writer *)base;
    struct error err = ERROR_INIT;

    task_shield();
    if (!writer->has_failed && !writer->is_renounced && writer->id != NULL &&
        writer_flush(base, &err) < 0 && err.code != ERROR_NOT_FOUND)
        log_warn("s3: the end of %s is lost: %s", writer->name, err.message);
    leave_hint(writer);
    writer_free(writer);
    task_unshield();
}
