/* SPDX-License-Identifier: Apache-2.0
 *
 * upload - upload sessions: bytes received so far and the digest state that goes with them.
 *
 *     begin ---> open <--------- resume (any process, any host, after a restart)
 *                 |  append*
 *                 |  save        data flushed, then hash state: the session can go on elsewhere
 *                 +-> commit     verified, content in place, linked, session removed
 *                 +-> close      the session stays; frees @upload
 *
 * One request at a time writes a session: an open upload holds the driver's exclusive writer.
 * Hash states are upstream's, named by the count of bytes they cover; one is trusted only if its
 * own count, its name and the size of the data agree, else the data is read again - at the first
 * append, or at the commit; never for a status. Where the store has no locks it is read again
 * before it becomes content, unless the seal is right that the last request gave (upload_seal.h).
 *
 * Bytes that were appended and not saved may be lost, and cost the next request a full read: who
 * stops halfway, because the client went away or the storage failed, calls upload_save before
 * upload_close all the same. After a commit it does nothing.
 */
#pragma once

#include "lib/base/uuid.h"
#include "lib/registry/blob_store.h"
#include "lib/registry/registry.h"
#include "lib/registry/upload_seal.h"

struct evbuffer;
struct upload;

struct upload_info {
    struct uuid uuid;
    int64_t size; /* bytes received so far */
    struct timespec started_at;
    struct upload_seal seal; /* of these bytes and their saved state, for the next upload_resume */
};

/* A new, open, empty session, durable on return; nothing of it stays after a failure. Given:
 * upload_close. May suspend. */
must_check int upload_begin(struct registry *registry, const char *repository, struct upload **out,
                            struct error *err);

/*
 * upload_resume - open an existing session to go on. May suspend.
 *
 * @offset  the size the caller believes in; -1: whatever it is
 * @seal    what the request before this one gave; NULL: nothing. It is checked when it is needed
 *
 * Given: upload_close. Errors: UPLOAD_UNKNOWN; UPLOAD_OFFSET (the size differs; ask upload_stat);
 * UPLOAD_BUSY (another request writes it and did not end within a few seconds).
 */
must_check int upload_resume(struct registry *registry, const char *repository, const char *uuid,
                             int64_t offset, const struct upload_seal *seal, struct upload **out,
                             struct error *err);

/* What is known of a session, without opening it: no seal. May suspend. UPLOAD_UNKNOWN. */
must_check int upload_stat(struct registry *registry, const char *repository, const char *uuid,
                           struct upload_info *out, struct error *err);

const struct upload_info *upload_info(const struct upload *upload); /* lent; size is current */

/* Appends all of @data (emptied, also on failure); the caller bounds its length. May suspend. After
 * a failure upload_info tells how much is there. UPLOAD_UNKNOWN (it was removed meanwhile), FULL,
 * IO, CANCELED. */
must_check int upload_append(struct upload *upload, struct evbuffer *data, struct error *err);

/* Makes all appended bytes durable and saves the hash state, and seals both; nothing when the
 * session has ended. Not disturbed by a cancellation. May suspend. */
must_check int upload_save(struct upload *upload, struct error *err);

/*
 * upload_commit - verify, put the content in place, link it, remove the session. May suspend.
 *
 * @digest  what the client says it sent, any algorithm; the content is stored under its sha256
 *          and linked under both
 * @out     the canonical descriptor
 *
 * Errors: DIGEST_INVALID with detail {"Digest","Reason"} (the session is removed: its bytes are of
 * no use); UPLOAD_UNKNOWN (it was removed meanwhile). The session stays after storage errors. Not
 * disturbed by a cancellation once the bytes are verified.
 */
must_check int upload_commit(struct upload *upload, const struct digest *digest, struct blob *out,
                             struct error *err);

/* Ends the request's hold on the session, whatever happened before; NULL is fine. */
void upload_close(struct upload *upload);

/* Removes a session. May suspend. UPLOAD_UNKNOWN, UPLOAD_BUSY. */
must_check int upload_remove(struct registry *registry, const char *repository, const char *uuid,
                             struct error *err);
