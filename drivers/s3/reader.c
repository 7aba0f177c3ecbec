/* SPDX-License-Identifier: Apache-2.0
 *
 * reader - see reader.h.
 */
#include "drivers/s3/reader.h"

#include "drivers/s3/hints.h"
#include "drivers/s3/pending.h"
#include "drivers/s3/s3_etag.h"
#include "drivers/s3/s3_object.h"
#include "drivers/s3/writer.h"
#include "lib/base/log.h"
#include "lib/base/memory.h"
#include "lib/client/client.h"

#include <event2/buffer.h>
#include <inttypes.h>
#include <stdlib.h>

#include "lib/base/banned.h"

#define RESUMES_MAX        4 /* without a byte in between */
#define SILENT_RESUMES_MAX 1 /* after which nothing came in time */

struct reader {
    struct storage_reader base;
    struct service *service; /* lent */
    char *name;              /* owned */
    char etag[S3_ETAG_SIZE]; /* of the content that is read: what comes later must be the same */
    struct client_transfer *transfer; /* NULL: at the end */
    int resumes;
};

void reader_close(struct storage_reader *base)
{
    struct reader *reader = (struct reader *)base;

    client_close(reader->transfer);
    free(reader->name);
    free(reader);
}

static void end_transfer(struct reader *reader)
{
    client_close(reader->transfer);
    reader->transfer = NULL;
}

/* Each answer tells of which object it is: no condition is asked for that a service could refuse.
 */
static bool is_another(const struct reader *reader, const struct s3_answer *answer)
{
    return reader->etag[0] != '\0' && !s3_etag_equals(reader->etag, answer->etag);
}

/* The content from base.offset on. */
static int request_content(struct reader *reader, struct s3_answer *answer, struct error *err)
{
    struct s3_request request = {.method = "GET", .key = reader->name};
    auto_str range = STR_INIT(64);

    str_append_format(&range, "bytes=%" PRId64 "-", reader->base.offset);
    if (reader->base.offset > 0)
        s3_request_header(&request, "range", str_text(&range));
    if (s3_request_open(reader->service, &request, answer, &reader->transfer, err) < 0)
        return -1;
    if (is_another(reader, answer)) {
        end_transfer(reader);
        hints_learn_etag(reader->service->hints, false);
        return error_set(err, ERROR_IO, "what was being read is another one now");
    }
    if (answer->length >= 0 &&
        (reader->base.offset == 0 ? answer->total < 0
                                  : answer->total == reader->base.offset + answer->length))
        return 0;
    end_transfer(reader);
    return error_set(err, ERROR_IO, "the service does not send the part that was asked for");
}

/* An offset at the very end is no range for the service. */
static int open_at_end(struct reader *reader, struct error *err)
{
    struct s3_head head;

    if (s3_object_head(reader->service, reader->name, &head, err) < 0)
        return -1;
    if (reader->base.offset != head.size)
        return error_set(err, ERROR_INVALID, "offset %" PRId64 " is beyond the end, %" PRId64,
                         reader->base.offset, head.size);
    reader->base.size = head.size;
    return 0;
}

static int open_content(struct reader *reader, struct error *err)
{
    struct error why = ERROR_INIT;
    auto_s3_answer answer;

    if (request_content(reader, &answer, &why) < 0) {
        if (answer.status == 416)
            return open_at_end(reader, err);
        *err = why;
        return -1;
    }
    reader->base.size = reader->base.offset > 0 ? answer.total : answer.length;
    memcpy(reader->etag, answer.etag, sizeof(reader->etag));
    return 0;
}

/* While a writer holds the content: what is read is what the writer will commit, or nothing. */
static void follow_writer(struct reader *reader)
{
    const struct writer *writer = writer_of(reader->service, reader->name);

    if (writer != NULL && writer->is_complete)
        memcpy(reader->etag, writer->etag, sizeof(reader->etag));
}

/* One that knows no more which object is its own takes the one that is read. */
static void lead_writer(const struct reader *reader)
{
    struct writer *writer = writer_of(reader->service, reader->name);

    if (writer != NULL && writer->is_doubted && writer->etag[0] == '\0')
        memcpy(writer->etag, reader->etag, sizeof(writer->etag));
}

int reader_open(struct storage *storage, const char *key, int64_t offset,
                struct storage_reader **out, struct error *err)
{
    struct service *service = (struct service *)storage;
    SERVICE_NAME(name, service, key);
    struct reader *reader;
    int has_object = 1;

    if (is_pending_key(key) && (has_object = pending_show(service, key, err)) < 0)
        return -1;
    if (has_object == 0 && offset > 0)
        return error_set(err, ERROR_INVALID, "offset %" PRId64 " is beyond the end, 0", offset);
    reader = xcalloc(1, sizeof(*reader));
    reader->base = (struct storage_reader){.driver = storage->driver, .offset = offset, .fd = -1};
    reader->service = service;
    reader->name = str_take(&name);
    follow_writer(reader);
    if (has_object == 1 && open_content(reader, err) < 0) {
        reader_close(&reader->base);
        return -1;
    }
    lead_writer(reader);
    *out = &reader->base;
    return 0;
}

/* Whether what follows may be asked for again. */
static bool is_resumable(const struct reader *reader, const struct error *why)
{
    if (reader->etag[0] == '\0')
        return false;
    return (why->code == ERROR_IO && reader->resumes < RESUMES_MAX) ||
           (why->code == ERROR_TIMEOUT && reader->resumes < SILENT_RESUMES_MAX);
}

/* After a lost connection or a silence: the rest, of the same content. */
static int resume(struct reader *reader, const struct error *why, struct error *err)
{
    auto_s3_answer answer = {0};

    end_transfer(reader);
    if (!is_resumable(reader, why)) {
        *err = *why;
        return why->code == ERROR_TIMEOUT ? error_translate(err, ERROR_IO) : -1;
    }
    reader->resumes++;
    log_debug("s3: reading %s is taken up at %" PRId64 ": %s", reader->name, reader->base.offset,
              why->message);
    return request_content(reader, &answer, err);
}

static int end_reading(struct reader *reader, struct error *err)
{
    end_transfer(reader);
    if (reader->base.offset == reader->base.size)
        return 0;
    return error_set(err, ERROR_IO, "the content ends %" PRId64 " bytes early",
                     reader->base.size - reader->base.offset);
}

int reader_read(struct storage_reader *base, struct evbuffer *out, size_t max, struct error *err)
{
    struct reader *reader = (struct reader *)base;
    size_t before = evbuffer_get_length(out);

    if (reader->transfer == NULL)
        return base->offset == base->size ? 0 : error_set(err, ERROR_IO, "reading has failed");
    for (;;) {
        struct error why = ERROR_INIT;
        int rc = client_read(reader->transfer, out, max, &why);

        if (rc > 0) {
            base->offset += (int64_t)(evbuffer_get_length(out) - before);
            reader->resumes = 0;
            return 1;
        }
        if (rc == 0)
            return end_reading(reader, err);
        if (resume(reader, &why, err) < 0)
            return -1;
    }
}
