/* SPDX-License-Identifier: Apache-2.0
 *
 * upload_commit - the end of a session: are its bytes what the client says, and then to their
 * place. See upload.h.
 */
#include "lib/base/log.h"
#include "lib/registry/presence.h"
#include "lib/registry/upload_open.h"
#include "lib/registry/way.h"
#include "lib/storage/layout.h"
#include "lib/task/task.h"

#include <inttypes.h>

#include "lib/base/banned.h"

/* Reads the data for what @algorithm says of it. Without locks it may have become another's since
 * our hasher saw it: that is of the same reading then. */
static int digest_data(struct upload *upload, enum digest_algorithm algorithm, struct digest *out,
                       struct error *err)
{
    struct layout_key key = layout_upload_data(upload->repository, upload->info.uuid.text);
    struct hasher *hasher;
    struct hasher *also;
    int rc;

    if (store_writer_flush(upload->writer, err) < 0)
        return -1;
    hasher = hasher_new(algorithm);
    also = has_store_locks(upload->registry->store) ? NULL : hasher_new(DIGEST_SHA256);
    rc = hash_content(upload->registry->store, key.text, hasher, also, err);
    if (rc == 0 && hasher_count(hasher) != upload->info.size)
        rc = error_set(err, ERROR_IO, "%s: read %" PRId64 " bytes of %" PRId64, key.text,
                       hasher_count(hasher), upload->info.size);
    if (rc == 0)
        hasher_digest(hasher, out);
    if (rc == 0 && also != NULL) {
        hasher_free(upload->hasher);
        upload->hasher = also;
        upload->is_hasher_saved = false;
        also = NULL;
    }
    hasher_free(also);
    hasher_free(hasher);
    return rc;
}

static int reject(struct upload *upload, const struct digest *claimed, const struct digest *actual,
                  struct error *err)
{
    char claimed_text[DIGEST_TEXT_SIZE];
    char actual_text[DIGEST_TEXT_SIZE];

    upload_discard(upload);
    upload_count("rejected");
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
    if (upload_need_hasher(upload, err) < 0)
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
    bool is_canonical = claimed->algorithm == DIGEST_SHA256;
    struct digest canonical;
    struct digest actual;

    if (!is_canonical && digest_data(upload, claimed->algorithm, &actual, err) < 0)
        return -1;
    if (digest_canonical(upload, claimed, &canonical, err) < 0)
        return -1;
    if (is_canonical)
        actual = canonical;
    if (!digest_equals(&actual, claimed))
        return reject(upload, claimed, &actual, err);
    *out = canonical;
    return 0;
}

/* Whether the content is where content lives. That of another size is what is left of somebody's
 * broken write. */
static int look(struct upload *upload, const struct digest *canonical, bool *out_is_there,
                struct error *err)
{
    struct error why = ERROR_INIT;
    int64_t size;

    *out_is_there = false;
    if (blob_content_stat(upload->registry, canonical, &size, &why) < 0)
        return presence_tolerate(&why, err);
    if (size == upload->info.size)
        *out_is_there = true;
    else
        log_warn("%s: %" PRId64 " bytes instead of %" PRId64 ", replaced",
                 layout_blob_data(canonical).text, size, upload->info.size);
    return 0;
}

/* Before the data becomes content: a state that another process may have saved, of other bytes,
 * gives way to the data itself. */
static int verify_data(struct upload *upload, const struct digest *canonical,
                       const struct digest *claimed, struct error *err)
{
    struct digest actual;

    if (!upload->is_hasher_saved || has_store_locks(upload->registry->store))
        return 0;
    if (distrust_state(upload, err) < 0)
        return -1;
    hasher_digest(upload->hasher, &actual);
    return digest_equals(&actual, canonical) ? 0 : reject(upload, claimed, &actual, err);
}

/* Moves the data to where content lives. */
static int move_data(struct upload *upload, const struct digest *canonical, struct error *err)
{
    struct layout_key key = layout_blob_data(canonical);

    if (store_writer_commit(upload->writer, key.text, err) < 0 &&
        (way_clear(upload->registry->store, key.text, err) < 0 ||
         store_writer_commit(upload->writer, key.text, err) < 0))
        return -1;
    upload->is_data_gone = true;
    return 0;
}

/* The data may have become another's. Whatever it is now: is it what it should be? */
static int verify_again(struct upload *upload, const struct digest *canonical,
                        const struct digest *claimed, struct error *err)
{
    struct digest actual;

    if (distrust_state(upload, err) < 0 || verify(upload, claimed, &actual, err) < 0)
        return -1;
    return digest_equals(&actual, canonical) ? 0 : reject(upload, claimed, &actual, err);
}

static int place(struct upload *upload, const struct digest *canonical,
                 const struct digest *claimed, struct error *err)
{
    struct error why = ERROR_INIT;
    int rc;

    if (move_data(upload, canonical, &why) == 0)
        return 0;
    if (why.code != ERROR_BUSY) {
        *err = why;
        return -1;
    }
    log_debug("upload %s is read again: %s", upload->info.uuid.text, why.message);
    task_unshield(); /* it may take long */
    rc = verify_again(upload, canonical, claimed, err);
    task_shield();
    return rc < 0 ? -1 : move_data(upload, canonical, err);
}

int upload_commit(struct upload *upload, const struct digest *digest, struct blob *out,
                  struct error *err)
{
    struct digest canonical;
    bool is_there;
    int rc = 0;

    if (verify(upload, digest, &canonical, err) < 0 ||
        look(upload, &canonical, &is_there, err) < 0 ||
        (!is_there && verify_data(upload, &canonical, digest, err) < 0))
        return upload_translate(err, upload->info.uuid.text);
    task_shield();
    if (!is_there && place(upload, &canonical, digest, err) < 0)
        rc = upload_translate(err, upload->info.uuid.text);
    if (rc == 0)
        rc = blob_link(upload->registry, upload->repository, &canonical, digest, err);
    if (rc == 0)
        upload_discard(upload);
    task_unshield();
    if (rc < 0)
        return -1;
    upload_count("finished");
    *out = (struct blob){.digest = canonical, .size = upload->info.size};
    return 0;
}
