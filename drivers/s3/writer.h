/* SPDX-License-Identifier: Apache-2.0
 *
 * writer - content that grows: one unfinished multipart upload at the key. Private to the folder.
 *
 *     |<----------- parts ----------->|<-- sender -->|<------------ tail ------------>|
 *      the service has them, for good   on its way     here; its first `tail_sent` bytes
 *                                                      the service has as one part more
 *
 * A part that is not the last must have 5 MiB. So a shorter end that was flushed stays in memory
 * too, and what comes later replaces that part by a longer one of the same number. A writer that
 * was opened anew does not have these bytes: it turns what there is into an object and goes on from
 * that (begin_anew in writer.c), as upstream does.
 */
#pragma once

#include "drivers/s3/s3_multipart.h"
#include "lib/task/task.h"

struct evbuffer;

/* A part on its way, sent by a task of its own: see sender.h. */
struct sender {
    struct task *task; /* NULL: none runs */
    struct task_wait ended;
    struct evbuffer *pieces; /* owned; NULL: nothing to settle */
    int number;
    char *etag; /* owned; NULL until the part has arrived */
    struct error err;
    void *context; /* of the request, for the log */
};

struct writer {
    struct storage_writer base;
    struct service *service; /* lent */
    struct writer *next;     /* of the service's open ones */
    char *name;              /* owned; the key's, in the bucket */
    char *id;                /* owned; of the upload; NULL: none any more */
    struct parts parts;
    struct sender sender;
    struct evbuffer *tail;
    size_t tail_sent;
    char *tail_etag;          /* owned; of the part that is the beginning of the tail */
    char etag[S3_ETAG_SIZE];  /* is_complete: of that object, "" where it is not known */
    struct timespec begun_at; /* of the upload, about */
    bool is_bare;             /* no object is at the key */
    bool is_complete;         /* all of the content is an object, and there is no upload */
    bool is_loose;            /* it may have become another's content between our requests */
    bool is_doubted;   /* a commit has said BUSY: what is read now is what the next one moves */
    bool is_working;   /* a call is in progress */
    bool is_unsure;    /* there may be an upload whose id nobody knows */
    bool is_renounced; /* the key was removed: see writer_renounce */
    bool has_failed;   /* the service has: see writer_note */
};

/* The slots of the driver. */
int writer_open(struct storage *storage, const char *key, enum storage_writer_mode mode,
                struct storage_writer **out, struct error *err);
int writer_write(struct storage_writer *writer, struct evbuffer *data, struct error *err);
int writer_flush(struct storage_writer *writer, struct error *err);
void writer_close(struct storage_writer *writer);
int writer_commit(struct storage_writer *writer, const char *to, struct error *err);
bool writer_seal(const struct storage_writer *writer, struct digest *out);

/* After a call of the service. One that has failed a writer is not asked to flush it again: whoever
 * waits for the writer's end has waited for the service already. */
void writer_note(struct writer *writer, int rc, const struct error *err);

/*
 * writer_renounce - the writer's key is being removed, with all that was written. Does not suspend.
 *
 * @out_id  given: free. The only upload that can be at the key, which the caller ends; NULL: none
 *
 * False, and nothing has happened: it does not know all uploads that may be there.
 */
bool writer_renounce(struct writer *writer, char **out_id);

/* The open writer of that name; NULL if there is none. */
struct writer *writer_of(const struct service *service, const char *name);

/*
 * writer_show - make an object of what was flushed, so that it can be read, and go on with a new
 * upload that begins with it. May suspend. BUSY while the writer does something else. Returns 1
 * when there is an object, 0 when the content is empty.
 */
must_check int writer_show(struct writer *writer, struct error *err);
