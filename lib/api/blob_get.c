/* SPDX-License-Identifier: Apache-2.0
 *
 * blob_get - GET and HEAD /v2/<name>/blobs/<digest>: a blob, whole or in parts (end-2).
 *
 *     the storage has a URL for it -> 307, whatever else the request says; else
 *     If-Match  -> 412        If-None-Match -> 304        If-Range, Range -> 206, 416, or the whole
 *
 * Source: RFC 9110 sections 13 and 14; upstream for the answers to odd ranges.
 */
#include "lib/api/etag.h"
#include "lib/api/handlers.h"
#include "lib/api/multipart.h"
#include "lib/http/range.h"
#include "lib/registry/blob_store.h"
#include "lib/registry/blob_url.h"

#include <event2/buffer.h>
#include <inttypes.h>

#include "lib/base/banned.h"

#define PIECE_MAX (256 << 10) /* bytes read at a time where there is no file to send */

/* ---- conditions ---- */

/* Whether any line of the header names @tag; @out_present: whether there is anything in it. */
static bool header_has_tag(const struct exchange *ex, const char *name, struct span tag,
                           enum etag_comparison comparison, bool *out_present)
{
    const void *cursor = NULL;
    const char *line;
    bool has = false;

    *out_present = false;
    while ((line = http_request_header_next(ex->http, name, &cursor)) != NULL) {
        *out_present |= line[0] != '\0';
        has |= etag_list_has(span_of(line), tag, comparison);
    }
    return has;
}

/* 0 when the blob is wanted, else the status that says why not. */
static int check_conditions(const struct exchange *ex, struct span tag)
{
    bool is_present;
    bool has;

    has = header_has_tag(ex, "If-Match", tag, ETAG_STRONG, &is_present);
    if (is_present && !has)
        return 412;
    has = header_has_tag(ex, "If-None-Match", tag, ETAG_WEAK, &is_present);
    return has ? 304 : 0;
}

static enum range_verdict read_range(const struct exchange *ex, const struct blob *blob,
                                     struct span tag, struct range_set *out)
{
    const char *if_range = http_request_header(ex->http, "If-Range");

    if (if_range != NULL && if_range[0] != '\0' && !etag_is(span_of(if_range), tag))
        return RANGE_WHOLE;
    return range_parse(exchange_header(ex, "Range"), blob->size, out);
}

/* ---- content ---- */

/* The blob, and where it is open; a reader that offers a file can be anywhere at once. */
struct source {
    struct blob blob;
    struct storage_reader *reader; /* NULL while nothing is open */
};

/* May suspend. */
static int open_at(struct exchange *ex, struct source *source, const struct digest *digest,
                   int64_t offset, struct error *err)
{
    struct storage_reader *reader = source->reader;
    struct blob blob;

    if (reader != NULL && (reader->fd >= 0 || reader->offset == offset))
        return 0;
    if (blob_open(ex->registry, ex->repository, digest, offset, &blob, &reader, err) < 0)
        return -1;
    store_reader_close(source->reader);
    source->reader = reader;
    source->blob = blob;
    return 0;
}

/* May suspend. */
static int send_pieces(struct exchange *ex, struct storage_reader *reader, int64_t len,
                       struct evbuffer *piece, struct error *err)
{
    while (len > 0) {
        size_t max = len < PIECE_MAX ? (size_t)len : PIECE_MAX;
        int rc = store_reader_read(reader, piece, max, err);

        if (rc == 0)
            return error_set(err, ERROR_IO, "content ends %" PRId64 " bytes early", len);
        len -= (int64_t)evbuffer_get_length(piece);
        if (rc < 0 || http_reply_write(ex->http, piece, err) < 0)
            return -1;
    }
    return 0;
}

/* One stretch of the content. May suspend. */
static int send_range(struct exchange *ex, struct source *source, const struct range *range,
                      struct error *err)
{
    struct evbuffer *piece;
    int rc;

    if (range->len == 0)
        return 0;
    if (open_at(ex, source, &source->blob.digest, range->first, err) < 0)
        return -1;
    if (source->reader->fd >= 0)
        return http_reply_file(ex->http, source->reader->fd, range->first, range->len, err);
    piece = evbuffer_new();
    rc = send_pieces(ex, source->reader, range->len, piece, err);
    evbuffer_free(piece);
    return rc;
}

/* ---- answers ---- */

static void set_headers(struct exchange *ex, const char *digest)
{
    http_reply_header(ex->http, "Docker-Content-Digest", digest);
    exchange_set(ex, "Etag", "\"%s\"", digest);
}

static void set_cacheable(struct exchange *ex)
{
    http_reply_header(ex->http, "Cache-Control", "max-age=31536000");
}

/* One range, or all of it. May suspend. */
static int send_one(struct exchange *ex, struct source *source, const struct range *range,
                    int status, struct error *err)
{
    http_reply_header(ex->http, "Content-Type", "application/octet-stream");
    http_reply_begin(ex->http, status, range->len);
    if (is_exchange_method(ex, "GET") && send_range(ex, source, range, err) < 0)
        return -1;
    http_reply_end(ex->http);
    return 0;
}

/* What stands before or behind a part. May suspend. */
static int send_boundary(struct exchange *ex, const struct multipart *multipart, size_t index,
                         struct error *err)
{
    struct evbuffer *text = evbuffer_new();
    auto_str head = STR_INIT(512);
    int rc;

    multipart_append(&head, multipart, index);
    evbuffer_add(text, head.data, head.len);
    rc = http_reply_write(ex->http, text, err);
    evbuffer_free(text);
    return rc;
}

/* Several ranges, each with its own head. May suspend. */
static int send_parts(struct exchange *ex, struct source *source, const struct range_set *ranges,
                      struct error *err)
{
    struct multipart multipart = {uuid_new(), ranges, source->blob.size};

    exchange_set(ex, "Content-Type", "multipart/byteranges; boundary=%s", multipart.boundary.text);
    http_reply_begin(ex->http, 206, multipart_length(&multipart));
    for (size_t i = 0; i < ranges->count && is_exchange_method(ex, "GET"); i++) {
        if (send_boundary(ex, &multipart, i, err) < 0 ||
            send_range(ex, source, &ranges->items[i], err) < 0)
            return -1;
    }
    if (send_boundary(ex, &multipart, ranges->count, err) < 0)
        return -1;
    http_reply_end(ex->http);
    return 0;
}

static int send_ranges(struct exchange *ex, struct source *source, const struct range_set *ranges,
                       struct error *err)
{
    const struct range *range = &ranges->items[0];

    if (is_exchange_method(ex, "GET") &&
        open_at(ex, source, &source->blob.digest, range->first, err) < 0)
        return -1; /* before the answer has begun */
    http_reply_header(ex->http, "Accept-Ranges", "bytes");
    set_cacheable(ex);
    if (ranges->count > 1)
        return send_parts(ex, source, ranges, err);
    exchange_set(ex, "Content-Range", "bytes %" PRId64 "-%" PRId64 "/%" PRId64, range->first,
                 range->first + range->len - 1, source->blob.size);
    return send_one(ex, source, range, 206, err);
}

static int send_whole(struct exchange *ex, struct source *source, struct error *err)
{
    struct range all = {0, source->blob.size};

    if (is_exchange_method(ex, "GET") && open_at(ex, source, &source->blob.digest, 0, err) < 0)
        return -1;
    http_reply_header(ex->http, "Accept-Ranges", "bytes");
    set_cacheable(ex);
    return send_one(ex, source, &all, 200, err);
}

static int answer(struct exchange *ex, struct source *source, struct error *err)
{
    char digest[DIGEST_TEXT_SIZE];
    struct span tag = span_of(digest_format(&source->blob.digest, digest));
    int status = check_conditions(ex, tag);
    struct range_set ranges;
    enum range_verdict verdict;

    set_headers(ex, digest);
    if (status == 304)
        set_cacheable(ex);
    if (status != 0) {
        exchange_send_empty(ex, status);
        return 0;
    }
    verdict = read_range(ex, &source->blob, tag, &ranges);
    if (verdict == RANGE_WHOLE)
        return send_whole(ex, source, err);
    if (verdict == RANGE_PARTS)
        return send_ranges(ex, source, &ranges, err);
    if (verdict == RANGE_OUTSIDE)
        exchange_set(ex, "Content-Range", "bytes */%" PRId64, source->blob.size);
    exchange_send_text(ex, 416,
                       verdict == RANGE_OUTSIDE ? "invalid range: failed to overlap\n"
                                                : "invalid range\n");
    return 0;
}

/* What is remembered of a blob serves to find where a range begins; opening it there tells what the
 * blob is. Without a range to open, and when memory was wrong, the blob is looked at. May suspend.
 */
static int open_range(struct exchange *ex, struct source *source, const struct digest *digest,
                      struct error *err)
{
    char text[DIGEST_TEXT_SIZE];
    struct span tag;
    struct range_set ranges;
    struct error why = ERROR_INIT;

    if (blob_recall(ex->registry, ex->repository, digest, &source->blob, err) < 0)
        return -1;
    tag = span_of(digest_format(&source->blob.digest, text));
    if (check_conditions(ex, tag) == 0 &&
        read_range(ex, &source->blob, tag, &ranges) == RANGE_PARTS) {
        if (open_at(ex, source, digest, ranges.items[0].first, &why) == 0)
            return 0;
        if (why.code != ERROR_INVALID) {
            *err = why;
            return -1;
        }
    }
    return blob_stat(ex->registry, ex->repository, digest, &source->blob, err);
}

/* Sends the client to the storage, where it takes clients. Returns 1, or 0 when the content is to
 * come from here, or -1. May suspend. */
static int send_to_storage(struct exchange *ex, const struct digest *digest, struct error *err)
{
    struct span client = exchange_forwarded_for(ex);
    auto_str url = STR_INIT(STORE_URL_MAX);
    int rc;

    if (client.len == 0)
        client = span_of(http_request_peer_host(ex->http));
    rc = blob_url(ex->registry, ex->repository, digest, http_request_method(ex->http), client, &url,
                  err);
    if (rc <= 0)
        return rc;
    http_reply_header(ex->http, "Location", str_text(&url));
    http_reply_header(ex->http, "Content-Type", "application/octet-stream");
    exchange_send_empty(ex, 307);
    return 1;
}

int blob_get(struct exchange *ex, struct error *err)
{
    bool is_get = is_exchange_method(ex, "GET");
    struct source source = {.reader = NULL};
    struct digest digest;
    int rc;

    if (!digest_parse(span_of(ex->reference), &digest)) {
        error_set(err, ERROR_DIGEST_INVALID, "%s is no digest we support", ex->reference);
        error_detail_json(err, "{}");
        return -1;
    }
    rc = send_to_storage(ex, &digest, err);
    if (rc != 0)
        return rc < 0 ? -1 : 0;
    if (is_get && exchange_header(ex, "Range").len == 0)
        rc = open_at(ex, &source, &digest, 0, err);
    else if (is_get)
        rc = open_range(ex, &source, &digest, err);
    else
        rc = blob_stat(ex->registry, ex->repository, &digest, &source.blob, err);
    if (rc == 0)
        rc = answer(ex, &source, err);
    store_reader_close(source.reader);
    return rc;
}
