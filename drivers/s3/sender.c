/* SPDX-License-Identifier: Apache-2.0
 *
 * sender - see sender.h.
 */
#include "drivers/s3/sender.h"

#include <assert.h>
#include <event2/buffer.h>
#include <stdlib.h>

#include "lib/base/banned.h"

static void sender_main(void *arg)
{
    struct writer *writer = arg;
    struct sender *sender = &writer->sender;

    task_set_context(sender->context);
    if (s3_multipart_put(writer->service, writer->name, writer->id, sender->number, sender->pieces,
                         &sender->etag, &sender->err) < 0)
        sender->etag = NULL;
    sender->task = NULL;
    task_wake(&sender->ended);
}

/* The part that replaces a short one must not be taken for it: what was sent of the tail is
 * forgotten. */
void sender_begin(struct writer *writer, size_t len)
{
    struct sender *sender = &writer->sender;

    assert(sender->pieces == NULL);
    *sender = (struct sender){
        .pieces = evbuffer_new(), .number = parts_next(&writer->parts), .context = task_context()};
    evbuffer_remove_buffer(writer->tail, sender->pieces, len);
    free(writer->tail_etag);
    writer->tail_etag = NULL;
    writer->tail_sent = 0;
    sender->task = task_spawn("s3 sender", sender_main, writer);
}

bool is_sender_busy(const struct writer *writer)
{
    return writer->sender.task != NULL;
}

bool is_sender_done(const struct writer *writer)
{
    return writer->sender.pieces != NULL && writer->sender.task == NULL;
}

int sender_settle(struct writer *writer, struct error *err)
{
    struct sender *sender = &writer->sender;
    int rc = 0;

    while (sender->task != NULL) {
        if (task_wait(&sender->ended, TASK_NO_TIMEOUT, err) < 0)
            return -1;
    }
    if (sender->pieces == NULL)
        return 0;
    if (sender->etag != NULL) {
        parts_add(&writer->parts, sender->number, (int64_t)evbuffer_get_length(sender->pieces),
                  sender->etag);
    } else {
        *err = sender->err;
        rc = -1;
        evbuffer_prepend_buffer(writer->tail, sender->pieces);
    }
    evbuffer_free(sender->pieces);
    *sender = (struct sender){0};
    return rc;
}

void sender_end(struct writer *writer)
{
    struct error ignored = ERROR_INIT;

    if (writer->sender.task != NULL)
        task_cancel(writer->sender.task);
    task_shield();
    (void)!sender_settle(writer, &ignored);
    task_unshield();
}
