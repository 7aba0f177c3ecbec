/* SPDX-License-Identifier: Apache-2.0
 *
 * errors - see errors.h.
 */
#include "lib/api/errors.h"

#include "lib/base/json.h"

#include "lib/base/banned.h"

#define UNKNOWN_TEXT  "unknown error"
#define DIGEST_TEXT   "provided digest did not match uploaded content"
#define BLOB_TEXT     "blob unknown to registry"
#define UPLOAD_TEXT   "blob upload invalid"
#define UNAVAILABLE   "service unavailable"
#define MANIFEST_TEXT "manifest invalid"
#define SIZE_TEXT     "provided length did not match content length"

/*
 * Where our codes are finer than the ids, the choice was:
 * - a full storage is 507, not 413: a client may come back when there is room again;
 * - a lock held by somebody else is 409 for an upload (the client itself has another request under
 *   way) and 503 elsewhere;
 * - a body that comes too slowly is 408, one whose framing or length is wrong SIZE_INVALID;
 * - a key that no driver accepts can only come from the name;
 * - what a canceled request would have answered depends on why: shutting down is 503.
 */
/* clang-format off */
static const struct errors_row rows[ERROR_CODE_COUNT] = {
    [ERROR_NONE] = {"UNKNOWN", 500, UNKNOWN_TEXT},
    [ERROR_INTERNAL] = {"UNKNOWN", 500, UNKNOWN_TEXT},
    [ERROR_INVALID] = {"UNKNOWN", 500, UNKNOWN_TEXT},
    [ERROR_TOO_LARGE] = {"SIZE_INVALID", 413, "content too large"},
    [ERROR_CANCELED] = {"UNAVAILABLE", 503, UNAVAILABLE},
    [ERROR_TIMEOUT] = {"UNKNOWN", 408, "request timed out"},

    [ERROR_NOT_FOUND] = {"UNKNOWN", 500, UNKNOWN_TEXT},
    [ERROR_EXISTS] = {"UNKNOWN", 500, UNKNOWN_TEXT},
    [ERROR_FULL] = {"UNKNOWN", 507, "insufficient storage"},
    [ERROR_IO] = {"UNKNOWN", 500, UNKNOWN_TEXT},
    [ERROR_BUSY] = {"UNAVAILABLE", 503, UNAVAILABLE},
    [ERROR_KEY] = {"NAME_INVALID", 400, "invalid repository name"},
    [ERROR_DAMAGED] = {"UNKNOWN", 500, UNKNOWN_TEXT},

    [ERROR_BLOB_UNKNOWN] = {"BLOB_UNKNOWN", 404, BLOB_TEXT},
    [ERROR_UPLOAD_UNKNOWN] = {"BLOB_UPLOAD_UNKNOWN", 404, "blob upload unknown to registry"},
    [ERROR_UPLOAD_INVALID] = {"BLOB_UPLOAD_INVALID", 404, UPLOAD_TEXT},
    [ERROR_UPLOAD_OFFSET] = {"RANGE_INVALID", 416, "invalid content range"},
    [ERROR_UPLOAD_BUSY] = {"BLOB_UPLOAD_INVALID", 409, UPLOAD_TEXT},
    [ERROR_DIGEST_INVALID] = {"DIGEST_INVALID", 400, DIGEST_TEXT},
    [ERROR_MANIFEST_BLOB_UNKNOWN] = {"MANIFEST_BLOB_UNKNOWN", 400, BLOB_TEXT},
    [ERROR_MANIFEST_INVALID] = {"MANIFEST_INVALID", 400, MANIFEST_TEXT},
    [ERROR_MANIFEST_TOO_LARGE] = {"MANIFEST_INVALID", 413, MANIFEST_TEXT},
    [ERROR_MANIFEST_UNKNOWN] = {"MANIFEST_UNKNOWN", 404, "manifest unknown"},
    [ERROR_NAME_INVALID] = {"NAME_INVALID", 400, "invalid repository name"},
    [ERROR_NAME_UNKNOWN] = {"NAME_UNKNOWN", 404, "repository name not known to registry"},
    [ERROR_SIZE_INVALID] = {"SIZE_INVALID", 400, SIZE_TEXT},
    [ERROR_TAG_INVALID] = {"TAG_INVALID", 400, "manifest tag did not match URI"},
    [ERROR_PAGINATION_NUMBER_INVALID] =
        {"PAGINATION_NUMBER_INVALID", 400, "invalid number of results requested"},
    [ERROR_UNSUPPORTED] = {"UNSUPPORTED", 405, "The operation is unsupported."},
    [ERROR_UNAUTHORIZED] = {"UNAUTHORIZED", 401, "authentication required"},
    [ERROR_DENIED] = {"DENIED", 403, "requested access to the resource is denied"},
    [ERROR_TOO_MANY_REQUESTS] = {"TOOMANYREQUESTS", 429, "too many requests"},
    [ERROR_UNAVAILABLE] = {"UNAVAILABLE", 503, UNAVAILABLE},

    [ERROR_BODY_INVALID] = {"SIZE_INVALID", 400, SIZE_TEXT},
    [ERROR_MEDIA_TYPE] = {"BLOB_UPLOAD_INVALID", 415, UPLOAD_TEXT},
    [ERROR_CLIENT_GONE] = {"UNKNOWN", ERRORS_STATUS_GONE, UNKNOWN_TEXT},
};
/* clang-format on */

const struct errors_row *errors_row_of(enum error_code code)
{
    return &rows[(unsigned)code < ERROR_CODE_COUNT ? code : ERROR_INTERNAL];
}

static void append_error(struct str *out, enum error_code code, struct span detail)
{
    const struct errors_row *row = errors_row_of(code);

    str_append_text(out, "{\"code\":");
    json_append_string(out, span_of(row->id));
    str_append_text(out, ",\"message\":");
    json_append_string(out, span_of(row->text));
    if (detail.len > 0) {
        str_append_text(out, ",\"detail\":");
        str_append(out, detail);
    }
    str_append_char(out, '}');
}

void errors_envelope_of(struct str *out, enum error_code code, struct span detail)
{
    str_append_text(out, "{\"errors\":[");
    append_error(out, code, detail);
    str_append_text(out, "]}\n");
}

void errors_envelope(struct str *out, const struct error *errors, size_t count)
{
    str_append_text(out, "{\"errors\":[");
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            str_append_char(out, ',');
        append_error(out, errors[i].code, span_of(errors[i].detail));
    }
    str_append_text(out, "]}\n");
}
