/* SPDX-License-Identifier: Apache-2.0
 *
 * upload_open - an open upload session as the files of upload.h share it. Private to them.
 *
 *     upload.c           its directory: begin, resume, status, removal
 *     upload_data.c      its bytes: append, save, and the digest of all of them
 *     upload_commit.c    its end: verified, in place, linked
 */
#pragma once

#include "lib/oci/reference.h"
#include "lib/registry/hash_state.h"
#include "lib/registry/upload.h"

struct upload {
    struct registry *registry;
    char repository[REPOSITORY_LEN_MAX + 1];
    struct upload_info info;
    struct storage_writer *writer;
    struct hasher *hasher; /* of all bytes so far; NULL until somebody needs it */
    int64_t saved_size;    /* bytes covered by the state saved last; nobody needs one of 0 bytes */
    bool is_hasher_saved;  /* began with a saved state that no seal covers: it is hearsay */
    bool is_data_gone;     /* moved or removed: nothing is left to save */
};

/* Counts one more session that came to @event: "begun", "finished", "rejected", "canceled". */
void upload_count(const char *event);

/* Turns a storage NOT_FOUND into UPLOAD_UNKNOWN: the session has ended meanwhile. Returns -1. */
int upload_translate(struct error *err, const char *uuid);

/* Removes the session where that is not the point of the request: what stays behind is purged one
 * day. Not disturbed by a cancellation. May suspend. */
void upload_discard(struct upload *upload);

/* Sees to it that there is a hasher of all bytes so far. May suspend. */
must_check int upload_need_hasher(struct upload *upload, struct error *err);
