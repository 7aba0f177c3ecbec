/* SPDX-License-Identifier: Apache-2.0
 *
 * commit - see commit.h.
 *
 *     all of it is still here:   PUT to -> end the upload
 *     otherwise:                 complete the upload -> copy its object
 *
 * The object that is copied stays: it goes with its directory.
 */
#include "drivers/s3/commit.h"

#include "drivers/s3/copy.h"
#include "drivers/s3/hints.h"
#include "drivers/s3/s3_etag.h"
#include "drivers/s3/s3_object.h"
#include "drivers/s3/sender.h"
#include "lib/base/log.h"
#include "lib/base/memory.h"

#include <event2/buffer.h>
#include <stdlib.h>

#include "lib/base/banned.h"

/* Asks for the parts of an upload that has become an object. */
static enum hints_end ask_end(struct writer *writer)
{
    enum hints_end end = HINTS_END_UNKNOWN;
    struct parts parts = {0};
    struct error err = ERROR_INIT;

    if (s3_multipart_parts(writer->service, writer->name, writer->id, &parts, &err) == 0)
        end = HINTS_END_HIDDEN;
    else if (err.code == ERROR_NOT_FOUND)
        end = HINTS_END_TOLD;
    parts_fini(&parts);
    return end;
}

/* What the service is like shows in an object that is ours, and still there afterwards. By another
 * one nothing is learned, and it counts as unknown which one it is. */
static void learn(struct writer *writer)
{
    struct hints *hints = writer->service->hints;
    enum hints_end end = hints_end(hints);
    struct error err = ERROR_INIT;
    struct s3_head head;

    if (writer->etag[0] == '\0' || (end != HINTS_END_UNKNOWN && is_hints_etag(hints)))
        return;
    if (end == HINTS_END_UNKNOWN)
        end = ask_end(writer);
    if (s3_object_head(writer->service, writer->name, &head, &err) < 0 ||
        !s3_etag_equals(head.etag, writer->etag)) {
        writer->etag[0] = '\0';
        return;
    }
    hints_learn(hints, end);
    hints_learn_etag(hints, true);
}

int commit_complete(struct writer *writer, struct error *err)
{
    int rc;

    if (writer->tail_sent > 0) {
        parts_add(&writer->parts, parts_next(&writer->parts), (int64_t)writer->tail_sent,
                  writer->tail_etag);
        writer->tail_etag = NULL;
    }
    rc = s3_multipart_complete(writer->service, writer->name, writer->id, &writer->parts,
                               writer->etag, err);
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
    learn(writer);
    free(writer->id);
    writer->id = NULL;
    writer->is_complete = true;
    writer->is_bare = false;
    return 0;
}

/* Nothing of it has left this process. Whoever ends the upload ends the session: if it was not us,
 * the content is where it belongs, but nobody is told so. */
static int put_whole(struct writer *writer, const char *to, struct error *err)
{
    struct error why = ERROR_INIT;

    if (s3_object_put_pieces(writer->service, to, writer->tail, err) < 0)
        return -1;
    if (s3_multipart_end(writer->service, writer->name, writer->id, &why) < 0) {
        if (why.code == ERROR_NOT_FOUND) {
            *err = why;
            return -1;
        }
        log_warn("s3: an unfinished upload of %s may stay: %s", writer->name, why.message);
        writer->is_unsure = true;
    }
    free(writer->id);
    writer->id = NULL;
    return 0;
}

/* The next reader settles which object it is, and what it reads is what is moved. */
static int doubt(struct writer *writer)
{
    hints_learn_etag(writer->service->hints, false);
    writer->etag[0] = '\0';
    writer->is_doubted = true;
    return -1;
}

static int move(struct writer *writer, const char *to, struct error *err)
{
    struct source from = {writer->name, writer->etag, writer->base.size};
    bool is_unknown = writer->is_loose || writer->etag[0] == '\0';

    if (is_unknown && !writer->is_doubted) {
        error_set(err, ERROR_BUSY, "the object may be another's");
        return doubt(writer);
    }
    if (from.size == 0)
        return s3_object_put(writer->service, to, SPAN(""), err);
    if (copy_object(writer->service, &from, to, err) == 0)
        return 0;
    return err->code == ERROR_BUSY ? doubt(writer) : -1;
}

static int commit(struct writer *writer, const char *to, struct error *err)
{
    if (writer->is_renounced)
        return error_set(err, ERROR_NOT_FOUND, "it was removed");
    if (sender_settle(writer, err) < 0)
        return -1;
    if (writer->is_complete)
        return move(writer, to, err);
    if (writer->id == NULL)
        return error_set(err, ERROR_NOT_FOUND, "it has ended already");
    if (writer->parts.count == 0 && writer->tail_sent == 0 && !writer->is_loose)
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
