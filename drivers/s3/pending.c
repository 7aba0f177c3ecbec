/* SPDX-License-Identifier: Apache-2.0
 *
 * pending - see pending.h.
 */
#include "drivers/s3/pending.h"

#include "drivers/s3/copy.h"
#include "drivers/s3/hints.h"
#include "drivers/s3/s3_object.h"
#include "drivers/s3/writer.h"
#include "lib/base/memory.h"
#include "lib/storage/layout.h"

#include <stdlib.h>

#include "lib/base/banned.h"

bool is_pending_key(const char *key)
{
    struct layout_key blobs = layout_blobs_root();

    return span_ends_with(span_of(key), SPAN("/data")) &&
           !span_starts_with(span_of(key), span_of(blobs.text));
}

void pending_fini(struct pending *pending)
{
    free(pending->id);
    parts_fini(&pending->parts);
    *pending = (struct pending){.object_size = -1};
}

int64_t pending_size(const struct pending *pending)
{
    return pending->parts.size > pending->object_size ? pending->parts.size : pending->object_size;
}

/* Takes the upload of @row if it is longer than what we have. One that is gone meanwhile is none.
 */
static int consider(struct service *service, const char *name, const struct xml_row *row,
                    struct pending *out, struct error *err)
{
    struct error why = ERROR_INIT;
    struct parts parts = {0};

    if (!is_upload_row(row) || strcmp(row->key, name) != 0)
        return 0;
    if (s3_multipart_parts(service, name, row->upload_id, &parts, &why) < 0) {
        parts_fini(&parts);
        if (why.code == ERROR_NOT_FOUND)
            return 0;
        *err = why;
        return -1;
    }
    out->upload_count++;
    if (out->id != NULL && parts.size <= out->parts.size) {
        parts_fini(&parts);
        return 0;
    }
    parts_fini(&out->parts);
    free(out->id);
    out->id = xstrdup(row->upload_id);
    out->parts = parts;
    out->modified_at = row->modified_at;
    return 0;
}

/* Uploads of the very name come first among those that begin with it. */
static int find_upload(struct service *service, const char *name, struct pending *out,
                       struct error *err)
{
    auto_s3_answer answer;

    if (s3_multipart_list(service, name, NULL, NULL, &answer, err) < 0)
        return -1;
    for (size_t i = 0; i < answer.xml.count; i++) {
        if (consider(service, name, &answer.xml.rows[i], out, err) < 0)
            return -1;
    }
    return 0;
}

static int find_object(struct service *service, const char *name, struct pending *out,
                       struct error *err)
{
    struct error why = ERROR_INIT;
    struct s3_head head;

    if (s3_object_head(service, name, &head, &why) == 0) {
        out->object_size = head.size;
        memcpy(out->object_etag, head.etag, sizeof(out->object_etag));
        if (out->object_size > out->parts.size || out->id == NULL)
            out->modified_at = head.modified_at;
        return 0;
    }
    if (why.code == ERROR_NOT_FOUND) {
        out->is_bare = true;
        return 0;
    }
    *err = why;
    return -1;
}

/* The upload that was here last, as far as this process knows: 1 when it still tells its parts. */
static int ask_last(struct service *service, const char *name, struct pending *out,
                    struct error *err)
{
    const struct hint *hint = hints_find(service->hints, name);
    struct error why = ERROR_INIT;
    struct pending found;

    if (hint == NULL || (!hint->is_bare && hints_end(service->hints) != HINTS_END_TOLD))
        return 0;
    found = (struct pending){.id = xstrdup(hint->id),
                             .upload_count = 1,
                             .modified_at = hint->modified_at,
                             .object_size = -1,
                             .is_bare = hint->is_bare};
    if (s3_multipart_parts(service, name, found.id, &found.parts, &why) == 0) {
        *out = found;
        return 1;
    }
    pending_fini(&found);
    if (why.code == ERROR_NOT_FOUND)
        return 0;
    *err = why;
    return -1;
}

/* 1 when that upload is still alive, else 0 and nothing is known any more. */
static int recall(struct service *service, const char *name, struct pending *out, struct error *err)
{
    int rc = ask_last(service, name, out, err);

    if (rc == 1 && hints_end(service->hints) != HINTS_END_TOLD) {
        out->is_bare = false;
        if (find_object(service, name, out, err) < 0)
            return -1;
        rc = out->is_bare ? 1 : 0;
    }
    if (rc == 0) {
        hints_forget(service->hints, name);
        pending_fini(out);
    }
    return rc;
}

/* Whether an object could be ahead of the upload: while one is being copied into the other, the
 * upload has no parts, or some of a few long ones (copy_to_parts). */
static bool may_be_behind(const struct pending *pending)
{
    return !pending->is_bare && (pending->id == NULL || pending->parts.size == 0 ||
                                 pending->parts.items[0].size >= COPY_STRETCH_MIN);
}

int pending_find(struct service *service, const char *name, struct pending *out, struct error *err)
{
    int rc;

    *out = (struct pending){.object_size = -1};
    rc = recall(service, name, out, err);
    if (rc < 0 || (rc == 0 && find_upload(service, name, out, err) < 0) ||
        (may_be_behind(out) && find_object(service, name, out, err) < 0))
        return -1;
    if (out->id == NULL && out->object_size < 0)
        return error_set(err, ERROR_NOT_FOUND, "nothing there");
    return 0;
}

/* Makes the object by way of a writer for the moment. */
static int show(struct service *service, const char *key, struct error *err)
{
    struct storage_writer *own = NULL;
    int rc;

    if (writer_open(&service->base, key, STORAGE_WRITER_APPEND, &own, err) < 0)
        return -1;
    rc = writer_show((struct writer *)own, err);
    writer_close(own);
    return rc < 0 ? -1 : 0;
}

int pending_show(struct service *service, const char *key, struct error *err)
{
    SERVICE_NAME(name, service, key);
    struct writer *writer = writer_of(service, str_text(&name));
    auto_pending pending = {0};

    if (writer != NULL)
        return writer_show(writer, err);
    if (pending_find(service, str_text(&name), &pending, err) < 0)
        return -1;
    if (pending.id == NULL)
        return 1;
    if (pending_size(&pending) == 0)
        return 0;
    if (pending.object_size < 0 && !pending.is_bare &&
        find_object(service, str_text(&name), &pending, err) < 0)
        return -1;
    if (pending.object_size >= pending.parts.size)
        return 1;
    return show(service, key, err) < 0 ? -1 : 1;
}
