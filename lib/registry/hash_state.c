/* SPDX-License-Identifier: Apache-2.0
 *
 * hash_state - see hash_state.h.
 */
#include "lib/registry/hash_state.h"

#include "lib/base/log.h"
#include "lib/base/memory.h"
#include "lib/storage/layout.h"
#include "lib/task/offload.h"

#include <event2/buffer.h>
#include <inttypes.h>

#include "lib/base/banned.h"

/* Hashing less than this takes less time than asking a helper. */
#define OFFLOAD_MIN (32 << 10)

struct hash_job {
    struct hasher *hasher;
    struct evbuffer_iovec *pieces;
    int count;
};

static int run_hash_job(void *arg, struct error *err)
{
    const struct hash_job *job = arg;

    (void)err;
    for (int i = 0; i < job->count; i++)
        hasher_update(job->hasher, job->pieces[i].iov_base, job->pieces[i].iov_len);
    return 0;
}

int hash_evbuffer(struct hasher *hasher, struct evbuffer *data, struct error *err)
{
    struct hash_job job = {.hasher = hasher};
    size_t len = evbuffer_get_length(data);
    int rc;

    if (len == 0)
        return 0;
    job.count = evbuffer_peek(data, -1, NULL, NULL, 0);
    job.pieces = xcalloc((size_t)job.count, sizeof(*job.pieces));
    job.count = evbuffer_peek(data, -1, NULL, job.pieces, job.count);
    rc = len < OFFLOAD_MIN ? run_hash_job(&job, err) : offload(run_hash_job, &job, err);
    free(job.pieces);
    return rc;
}

static int hash_reader(struct storage_reader *reader, struct evbuffer *piece, struct hasher *hasher,
                       struct hasher *also, struct error *err)
{
    for (;;) {
        int more = store_reader_read(reader, piece, HASH_PIECE_MAX, err);

        if (more <= 0)
            return more;
        if (hash_evbuffer(hasher, piece, err) < 0 ||
            (also != NULL && hash_evbuffer(also, piece, err) < 0))
            return -1;
        evbuffer_drain(piece, evbuffer_get_length(piece));
    }
}

int hash_content(struct store *store, const char *key, struct hasher *hasher, struct hasher *also,
                 struct error *err)
{
    struct storage_reader *reader;
    struct evbuffer *piece;
    int rc;

    if (store_reader_open(store, key, 0, &reader, err) < 0)
        return -1;
    piece = evbuffer_new();
    rc = hash_reader(reader, piece, hasher, also, err);
    evbuffer_free(piece);
    store_reader_close(reader);
    return rc;
}

/* The saved state after @size bytes into @out; NULL there when none can be trusted. Fails only when
 * the task is canceled: whatever else is wrong with a state, the data tells the same. */
static int read_state(struct registry *registry, const char *repository, const char *uuid,
                      int64_t size, struct hasher **out, struct error *err)
{
    struct layout_key key = layout_upload_hash_state(repository, uuid, size);
    auto_str state = STR_INIT(HASHER_STATE_SIZE);
    struct error why = ERROR_INIT;

    *out = NULL;
    if (store_get(registry->store, key.text, &state, &why) == 0) {
        *out = hasher_import(str_span(&state), size);
        if (*out == NULL)
            log_warn("%s: not a state of %" PRId64 " bytes, not used", key.text, size);
    } else if (why.code == ERROR_CANCELED) {
        *err = why;
        return -1;
    } else if (why.code != ERROR_NOT_FOUND) {
        log_warn("hash state not used: %s", why.message);
    }
    return 0;
}

int hash_state_rebuild(struct registry *registry, const char *repository, const char *uuid,
                       int64_t size, struct hasher **out, struct error *err)
{
    struct layout_key key = layout_upload_data(repository, uuid);
    struct hasher *hasher;

    log_debug("upload %s: no hash state to go by, reading %" PRId64 " bytes again", uuid, size);
    hasher = hasher_new(DIGEST_SHA256);
    if (hash_content(registry->store, key.text, hasher, NULL, err) < 0)
        goto fail;
    if (hasher_count(hasher) != size) {
        error_set(err, ERROR_IO, "%s: read %" PRId64 " bytes of %" PRId64, key.text,
                  hasher_count(hasher), size);
        goto fail;
    }
    *out = hasher;
    return 0;
fail:
    hasher_free(hasher);
    return -1;
}

int hash_state_load(struct registry *registry, const char *repository, const char *uuid,
                    int64_t size, struct hasher **out, bool *out_is_saved, struct error *err)
{
    struct hasher *saved;

    *out_is_saved = false;
    if (size == 0) {
        *out = hasher_new(DIGEST_SHA256);
        return 0;
    }
    if (read_state(registry, repository, uuid, size, &saved, err) < 0)
        return -1;
    if (saved == NULL)
        return hash_state_rebuild(registry, repository, uuid, size, out, err);
    *out = saved;
    *out_is_saved = true;
    return 0;
}

int hash_state_save(struct registry *registry, const char *repository, const char *uuid,
                    const struct hasher *hasher, struct error *err)
{
    struct layout_key key = layout_upload_hash_state(repository, uuid, hasher_count(hasher));
    uint8_t state[HASHER_STATE_SIZE];

    hasher_export(hasher, state);
    return store_put(registry->store, key.text, span_make(state, sizeof(state)), err);
}
