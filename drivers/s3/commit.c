/* SPDX-License-Identifier: Apache-2.0
 *
 * commit - see commit.h.
 *
 *     all of it is still here:   is the upload alive? -> PUT to -> abort the upload
 *     otherwise:                 complete the upload -> copy its object -> remove that
 */
#include "drivers/s3/commit.h"

#include "drivers/s3/copy.h"
#include "drivers/s3/s3_object.h"
#include "drivers/s3/sender.h"
#include "lib/base/log.h"
#include "lib/base/memory.h"

#include <event2/buffer.h>
#include <stdlib.h>

#include "lib/base/banned.h"

int commit_complete(struct writer *writer, struct error *err)
{
    int rc;

    if (writer->tail_sent > 0) {
        parts_add(&writer->parts, parts_next(&writer->parts), (int64_t)writer->tail_sent,
                  writer->tail_etag);
        writer->tail_etag = NULL;
    }
    rc = s3_multipart_complete(writer->service, writer->name, writer->id, &writer->parts, err);
    if (rc < 0 && writer->tail_sent > 0) {
        struct part *last = &writer->parts.items[--writer->parts.count];

        writer->parts.size -= last->size;
        writer->tail_etag = last->etag;
    }
    if (rc < 0)
        return -1;
    (void)evbuffer_drain(writer->tail, writer->tail_sent);
    writer->tail_sent = 0;
    parts_fini(&writer->parts);
    free(writer->id);
    writer->id = NULL;
    writer->is_complete = writer->has_object = true;
    return 0;
}

/* What is left of the session at its key is in nobody's way: it goes with its directory. */
static void remove_quietly(struct writer *writer)
{
    struct error err = ERROR_INIT;

    if (writer->has_object && s3_object_remove(writer->service, writer->name, &err) < 0)
        log_warn("s3: %s stays: %s", writer->name, err.message);
    else if (writer->id != NULL &&
             s3_multipart_abort(writer->service, writer->name, writer->id, &err) < 0)
        log_warn("s3: an unfinished upload of %s stays: %s", writer->name, err.message);
}

static void end_session(struct writer *writer)
{
    remove_quietly(writer);
    free(writer->id);
    writer->id = NULL;
    writer->has_object = false;
}

/* Nothing of it has left this process. The upload itself says whether the session goes on. */
static int put_whole(struct writer *writer, const char *to, struct error *err)
{
    struct parts parts = {0};
    int rc = s3_multipart_parts(writer->service, writer->name, writer->id, &parts, err);

    parts_fini(&parts);
    if (rc < 0 || s3_object_put_pieces(writer->service, to, writer->tail, err) < 0)
        return -1;
    end_session(writer);
    return 0;
}

static int move(struct writer *writer, const char *to, struct error *err)
{
    if (copy_object(writer->service, writer->name, to, writer->base.size, err) < 0)
        return -1;
    end_session(writer);
    return 0;
}

static int commit(struct writer *writer, const char *to, struct error *err)
{
    if (sender_settle(writer, err) < 0)
        return -1;
    if (writer->is_complete)
        return move(writer, to, err);
    if (writer->id == NULL)
        return error_set(err, ERROR_NOT_FOUND, "it has ended already");
    if (writer->parts.count == 0 && writer->tail_sent == 0)
        return put_whole(writer, to, err);
    if (writer_flush(&writer->base, err) < 0 || commit_complete(writer, err) < 0)
        return -1;
    return move(writer, to, err);
}

int writer_commit(struct storage_writer *base, const char *to, struct error *err)
{
    struct writer *writer = (struct writer *)base;
    SERVICE_NAME(name, writer->service, to);
    int rc;

    writer->is_working = true;
    task_shield();
    rc = commit(writer, str_text(&name), err);
    task_unshield();
    writer->is_working = false;
    writer_note(writer, rc, err);
    return rc;
}
