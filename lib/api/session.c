/* SPDX-License-Identifier: Apache-2.0
 *
 * session - see session.h.
 */
#include "lib/api/session.h"

#include "lib/api/content_range.h"
#include "lib/base/encode.h"
#include "lib/base/log.h"

#include <event2/buffer.h>
#include <inttypes.h>
#include <string.h>

#include "lib/base/banned.h"

#define PIECE_MAX (256 << 10) /* bytes of a body in memory */

/* ---- the token ---- */

int session_authenticate(const struct exchange *ex, struct upload_token *out, struct error *err)
{
    auto_str state = STR_INIT(UPLOAD_TOKEN_MAX);
    struct upload_token token;

    if (!exchange_query(ex, "_state", &state))
        str_reset(&state); /* parses as a token that is absent */
    if (upload_token_parse(str_span(&state), ex->options->secret, &token, err) < 0)
        return -1;
    if (strcmp(token.repository, ex->repository) != 0 || strcmp(token.uuid, ex->reference) != 0)
        return error_set(err, ERROR_UPLOAD_INVALID, "upload state: of another upload");
    if (!is_uuid(span_of(ex->reference))) {
        error_set(err, ERROR_UPLOAD_UNKNOWN, "upload %s: its id is no UUID", ex->reference);
        error_detail_json(err, "{}");
        return -1;
    }
    *out = token;
    return 0;
}

static void append_token(struct exchange *ex, struct str *out, const struct upload_info *info)
{
    auto_str text = STR_INIT(UPLOAD_TOKEN_MAX);
    struct upload_token token = {
        .offset = info->size, .started_at = info->started_at, .seal = info->seal};

    memcpy(token.repository, ex->repository, sizeof(token.repository));
    memcpy(token.uuid, info->uuid.text, sizeof(token.uuid));
    upload_token_format(&text, ex->options->secret, &token);
    encode_query(out, str_span(&text));
}

void session_set_headers(struct exchange *ex, const struct upload_info *info)
{
    auto_str state = STR_INIT(3 * UPLOAD_TOKEN_MAX);

    append_token(ex, &state, info);
    exchange_set_location(ex, "blobs/uploads/%s?_state=%s", info->uuid.text, str_text(&state));
    exchange_set(ex, "Range", "0-%" PRId64, info->size > 0 ? info->size - 1 : 0);
    http_reply_header(ex->http, "Docker-Upload-Uuid", info->uuid.text);
}

/* ---- the way through a request ---- */

int session_resume(struct exchange *ex, struct upload **out, struct error *err)
{
    struct error why = ERROR_INIT;
    struct upload_info info;
    struct upload_token token;

    if (session_authenticate(ex, &token, err) < 0)
        return -1;
    if (upload_resume(ex->registry, ex->repository, ex->reference, token.offset, &token.seal, out,
                      err) == 0)
        return 0;
    if (err->code == ERROR_UPLOAD_OFFSET &&
        upload_stat(ex->registry, ex->repository, ex->reference, &info, &why) == 0)
        session_set_headers(ex, &info);
    return -1;
}

int session_check_range(struct exchange *ex, const struct upload *upload, struct error *err)
{
    const struct upload_info *info = upload_info(upload);
    const char *header = http_request_header(ex->http, "Content-Range");
    int64_t length = http_body_length(ex->http);
    int64_t first;
    int64_t last;

    if (header == NULL || header[0] == '\0' || length == 0)
        return 0;
    if (!content_range_parse(span_of(header), &first, &last))
        return error_set(err, ERROR_SIZE_INVALID, "Content-Range: %s is none", header);
    if (first != info->size || last < first) {
        session_set_headers(ex, info);
        return error_set(err, ERROR_UPLOAD_OFFSET,
                         "Content-Range: %s does not go on at byte %" PRId64, header, info->size);
    }
    if (length >= 0 && length != last - first + 1)
        return error_set(err, ERROR_SIZE_INVALID,
                         "Content-Range: %s with a body of %" PRId64 " bytes", header, length);
    return 0;
}

int session_receive(struct exchange *ex, struct upload *upload, struct error *err)
{
    struct evbuffer *piece = evbuffer_new();
    int rc;

    do {
        rc = http_body_read(ex->http, piece, PIECE_MAX, err);
        if (rc > 0 && upload_append(upload, piece, err) < 0)
            rc = -1;
    } while (rc > 0);
    evbuffer_free(piece);
    return rc;
}

void session_close(struct upload *upload)
{
    struct error err = ERROR_INIT;

    if (upload_save(upload, &err) < 0)
        log_error("upload %s: what came last may be lost: %s", upload_info(upload)->uuid.text,
                  err.message);
    upload_close(upload);
}

void session_send_created(struct exchange *ex, const struct blob *blob)
{
    char digest[DIGEST_TEXT_SIZE];

    digest_format(&blob->digest, digest);
    exchange_set_location(ex, "blobs/%s", digest);
    http_reply_header(ex->http, "Docker-Content-Digest", digest);
    exchange_send_empty(ex, 201);
}
