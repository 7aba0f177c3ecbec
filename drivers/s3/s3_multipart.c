/* SPDX-License-Identifier: Apache-2.0
 *
 * s3_multipart - see s3_multipart.h.
 */
#include "drivers/s3/s3_multipart.h"

#include "drivers/s3/s3_etag.h"
#include "drivers/s3/s3_object.h"
#include "drivers/s3/verdict.h"
#include "lib/base/log.h"
#include "lib/base/memory.h"
#include "lib/task/task.h"

#include <event2/buffer.h>
#include <inttypes.h>
#include <stdlib.h>

#include "lib/base/banned.h"

#define QUERY_MAX       (16 << 10)
#define COMPLETE_MAX    (4 << 20)
#define BEGIN_ATTEMPTS  4
#define SILENT_ATTEMPTS 2 /* of these, where none was answered in time */

void parts_add(struct parts *parts, int number, int64_t size, char *etag)
{
    if (parts->count == parts->capacity) {
        parts->capacity = parts->capacity > 0 ? 2 * parts->capacity : 16;
        parts->items = xrealloc(parts->items, parts->capacity * sizeof(*parts->items));
    }
    parts->items[parts->count++] = (struct part){number, size, etag};
    parts->size += size;
}

void parts_fini(struct parts *parts)
{
    for (size_t i = 0; i < parts->count; i++)
        free(parts->items[i].etag);
    free(parts->items);
    *parts = (struct parts){0};
}

int parts_next(const struct parts *parts)
{
    return parts->count > 0 ? parts->items[parts->count - 1].number + 1 : 1;
}

static void append_id(struct str *query, const char *name, const char *id)
{
    str_append_format(query, "%s%s=", query->len > 0 ? "&" : "", name);
    sign_encode(query, span_of(id), false);
}

/* ---- the life of an upload ---- */

int s3_multipart_list(struct service *service, const char *prefix, const char *key_marker,
                      const char *id_marker, struct s3_answer *out, struct error *err)
{
    auto_str query = STR_INIT(QUERY_MAX);
    struct s3_request request = {.method = "GET", .is_result_due = true};

    if (key_marker != NULL)
        append_id(&query, "key-marker", key_marker);
    append_id(&query, "prefix", prefix);
    if (id_marker != NULL)
        append_id(&query, "upload-id-marker", id_marker);
    str_append_text(&query, "&uploads=");
    request.query = str_text(&query);
    return s3_request_do(service, &request, out, err);
}

bool is_upload_row(const struct xml_row *row)
{
    return row->kind == XML_UPLOAD && row->key != NULL && row->upload_id != NULL;
}

/* The upload whose beginning was not answered; 0 and NULL: there is none. */
static int find_lost(struct service *service, const char *name, char **out_id, struct error *err)
{
    auto_s3_answer answer;

    if (s3_multipart_list(service, name, NULL, NULL, &answer, err) < 0)
        return -1;
    for (size_t i = 0; i < answer.xml.count && *out_id == NULL; i++) {
        const struct xml_row *row = &answer.xml.rows[i];

        if (is_upload_row(row) && strcmp(row->key, name) == 0)
            *out_id = xstrdup(row->upload_id);
    }
    return 0;
}

/* @out_attempts: how many there may be in all, 1 when this one is not to be repeated. */
static int begin_once(struct service *service, const char *name, bool is_alone, int *out_attempts,
                      char **out_id, struct error *err)
{
    struct s3_request request = {.method = "POST",
                                 .key = name,
                                 .query = "uploads=",
                                 .is_checked_later = is_alone,
                                 .is_result_due = true};
    auto_s3_answer answer;

    s3_request_object_headers(&request, service);
    if (s3_request_do(service, &request, &answer, err) < 0) {
        if (is_alone && answer.is_doubtful && is_verdict_lost(&answer))
            *out_attempts = answer.is_silent ? SILENT_ATTEMPTS : BEGIN_ATTEMPTS;
        return -1;
    }
    if (answer.xml.upload_id == NULL || answer.xml.upload_id[0] == '\0')
        return error_set(err, ERROR_IO, "the service does not say which upload has begun");
    *out_id = xstrdup(answer.xml.upload_id);
    return 0;
}

int s3_multipart_begin(struct service *service, const char *name, bool is_alone, char **out_id,
                       struct error *err)
{
    struct error why = ERROR_INIT;
    bool is_one_lost = false;
    char *id = NULL;

    for (int attempt = 1; id == NULL; attempt++) {
        int attempts = 1;

        if (begin_once(service, name, is_alone, &attempts, &id, &why) == 0)
            break;
        if (attempt >= attempts) {
            *err = why;
            return -1;
        }
        if (find_lost(service, name, &id, err) < 0)
            return -1;
        is_one_lost |= id == NULL;
    }
    *out_id = id;
    return is_one_lost ? 1 : 0;
}

/* "<etag>" and number of each part. */
static void append_parts(const struct parts *parts, struct str *out)
{
    str_append_text(out, "<CompleteMultipartUpload "
                         "xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">");
    for (size_t i = 0; i < parts->count; i++) {
        str_append_text(out, "<Part><ETag>");
        xml_append_escaped(out, span_of(parts->items[i].etag));
        str_append_format(out, "</ETag><PartNumber>%d</PartNumber></Part>", parts->items[i].number);
    }
    str_append_text(out, "</CompleteMultipartUpload>");
}

/* The upload is gone, and maybe because a call of ours has completed it: one whose answer is known
 * to be lost, or one that the client library has repeated by itself after its connection was gone.
 * 1: by its ETag, the object could be another one. */
static int check_completed(struct service *service, const char *name, const struct parts *parts,
                           bool is_doubtful, char out_etag[S3_ETAG_SIZE], struct error *err)
{
    char etag[S3_ETAG_SIZE];
    struct s3_head head;

    if (s3_object_head(service, name, &head, err) < 0)
        return -1;
    s3_etag_of_answer(NULL, parts, etag);
    if (head.size == parts->size && etag[0] != '\0' && s3_etag_equals(head.etag, etag)) {
        memcpy(out_etag, etag, S3_ETAG_SIZE);
        return 0;
    }
    if (head.size == parts->size && is_doubtful) {
        out_etag[0] = '\0';
        return 1;
    }
    return error_set(err, ERROR_NOT_FOUND,
                     "the upload is gone, and the object there is another one");
}

int s3_multipart_complete(struct service *service, const char *name, const char *id,
                          const struct parts *parts, char out_etag[S3_ETAG_SIZE], struct error *err)
{
    auto_str query = STR_INIT(QUERY_MAX);
    auto_str body = STR_INIT(COMPLETE_MAX);
    struct s3_request request = {.method = "POST", .key = name, .is_result_due = true};
    struct error why = ERROR_INIT;
    auto_s3_answer answer;

    append_id(&query, "uploadId", id);
    append_parts(parts, &body);
    request.query = str_text(&query);
    request.body = str_span(&body);
    request.patience_ms = s3_request_patience(parts->size);
    s3_request_header(&request, "content-type", "application/xml");
    if (s3_request_do(service, &request, &answer, &why) == 0) {
        s3_etag_of_answer(answer.xml.etag, parts, out_etag);
        return 0;
    }
    if (why.code == ERROR_NOT_FOUND)
        return check_completed(service, name, parts, answer.is_doubtful, out_etag, err);
    *err = why;
    return -1;
}

int s3_multipart_end(struct service *service, const char *name, const char *id, struct error *err)
{
    auto_str query = STR_INIT(QUERY_MAX);
    struct s3_request request = {.method = "DELETE", .key = name};
    struct error why = ERROR_INIT;
    auto_s3_answer answer;

    append_id(&query, "uploadId", id);
    request.query = str_text(&query);
    if (s3_request_do(service, &request, &answer, &why) == 0 ||
        (why.code == ERROR_NOT_FOUND && answer.is_doubtful))
        return 0;
    *err = why;
    return -1;
}

int s3_multipart_abort(struct service *service, const char *name, const char *id, struct error *err)
{
    struct error why = ERROR_INIT;

    if (s3_multipart_end(service, name, id, &why) == 0 || why.code == ERROR_NOT_FOUND)
        return 0;
    *err = why;
    return -1;
}

void s3_multipart_give_up(struct service *service, const char *name, const char *id)
{
    struct error err = ERROR_INIT;

    task_shield();
    if (s3_multipart_abort(service, name, id, &err) < 0)
        log_warn("s3: an unfinished upload of %s stays: %s", name, err.message);
    task_unshield();
}

/* ---- parts ---- */

static void take_parts(struct xml_answer *answer, struct parts *out)
{
    for (size_t i = 0; i < answer->count; i++) {
        struct xml_row *row = &answer->rows[i];

        if (row->kind != XML_PART || row->number < 1 || row->number > S3_PARTS_MAX ||
            row->size < 0 || row->etag == NULL || row->number < parts_next(out))
            continue;
        parts_add(out, (int)row->number, row->size, row->etag);
        row->etag = NULL;
    }
}

int s3_multipart_parts(struct service *service, const char *name, const char *id, struct parts *out,
                       struct error *err)
{
    bool is_more = true;

    while (is_more) {
        auto_str query = STR_INIT(QUERY_MAX);
        struct s3_request request = {.method = "GET", .key = name, .is_result_due = true};
        size_t before = out->count;
        auto_s3_answer answer;

        if (out->count > 0)
            str_append_format(&query, "part-number-marker=%d", parts_next(out) - 1);
        append_id(&query, "uploadId", id);
        request.query = str_text(&query);
        if (s3_request_do(service, &request, &answer, err) < 0)
            return -1;
        take_parts(&answer.xml, out);
        is_more = answer.xml.is_truncated;
        if (is_more && out->count == before)
            return error_set(err, ERROR_IO, "the service says of more parts, and not which");
    }
    return 0;
}

static void append_part_query(struct str *query, const char *id, int number)
{
    str_append_format(query, "partNumber=%d", number);
    append_id(query, "uploadId", id);
}

static int take_etag(const char *etag, char **out_etag, struct error *err)
{
    if (etag == NULL || etag[0] == '\0')
        return error_set(err, ERROR_IO, "the service gives no ETag for a part");
    *out_etag = xstrdup(etag);
    return 0;
}

int s3_multipart_put(struct service *service, const char *name, const char *id, int number,
                     const struct evbuffer *pieces, char **out_etag, struct error *err)
{
    auto_str query = STR_INIT(QUERY_MAX);
    struct s3_request request = {.method = "PUT", .key = name, .pieces = pieces};
    char hash[SIGN_HASH_SIZE];
    auto_s3_answer answer = {0};

    if (number > S3_PARTS_MAX)
        return error_set(err, ERROR_TOO_LARGE,
                         "an upload has at most %d parts: a larger chunksize is needed",
                         S3_PARTS_MAX);
    if (s3_object_hash_pieces(service, pieces, hash, err) < 0)
        return -1;
    append_part_query(&query, id, number);
    request.query = str_text(&query);
    request.payload_hash = hash;
    if (s3_request_do(service, &request, &answer, err) < 0)
        return -1;
    return take_etag(answer.etag, out_etag, err);
}

int s3_multipart_copy(struct service *service, const char *name, const char *id, int number,
                      const struct stretch *stretch, char **out_etag, struct error *err)
{
    auto_str query = STR_INIT(QUERY_MAX);
    auto_str from = STR_INIT(QUERY_MAX);
    auto_str range = STR_INIT(64);
    struct s3_request request = {
        .method = "PUT", .key = name, .patience_ms = s3_request_patience(stretch->len)};
    auto_s3_answer answer;

    append_part_query(&query, id, number);
    request.query = str_text(&query);
    s3_object_source(service, stretch->source, &from);
    s3_request_header(&request, "x-amz-copy-source", str_text(&from));
    str_append_format(&range, "bytes=%" PRId64 "-%" PRId64, stretch->offset,
                      stretch->offset + stretch->len - 1);
    if (!stretch->is_all)
        s3_request_header(&request, "x-amz-copy-source-range", str_text(&range));
    if (s3_request_do(service, &request, &answer, err) < 0)
        return -1;
    return take_etag(answer.xml.etag, out_etag, err);
}
