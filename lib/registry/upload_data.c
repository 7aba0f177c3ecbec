/* SPDX-License-Identifier: Apache-2.0
 *
 * upload_data - the bytes of an open session, and the hasher that follows them: see upload.h.
 */
#include "lib/registry/upload_open.h"
#include "lib/task/task.h"

#include <assert.h>
#include <event2/buffer.h>

#include "lib/base/banned.h"

int upload_need_hasher(struct upload *upload, struct error *err)
{
    struct upload_seal seal;

    if (upload->hasher != NULL)
        return 0;
    if (hash_state_load(upload->registry, upload->repository, upload->info.uuid.text,
                        upload->info.size, &upload->hasher, &upload->is_hasher_saved, err) < 0)
        return -1;
    if (upload->is_hasher_saved) {
        seal = upload_seal_of(upload->writer, upload->hasher);
        upload->is_hasher_saved = !upload_seal_equals(&seal, &upload->info.seal);
    }
    return 0;
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

    upload->info.seal.is_there = false;
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
    int rc = upload_need_hasher(upload, err);

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
    return rc < 0 ? upload_translate(err, upload->info.uuid.text) : 0;
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
        return upload_translate(err, upload->info.uuid.text);
    size = upload->info.size;
    if (upload->hasher == NULL || size == upload->saved_size)
        return 0;
    if (hash_state_save(upload->registry, upload->repository, upload->info.uuid.text,
                        upload->hasher, err) < 0)
        return -1;
    upload->saved_size = size;
    if (!upload->is_hasher_saved)
        upload->info.seal = upload_seal_of(upload->writer, upload->hasher);
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
