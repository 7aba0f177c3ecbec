/* SPDX-License-Identifier: Apache-2.0
 *
 * error - see error.h.
 */
#include "lib/base/error.h"

#include "lib/base/json.h"
#include "lib/base/str.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/banned.h"

/* clang-format off */
static const char *const code_names[ERROR_CODE_COUNT] = {
    [ERROR_NONE] = "NONE",
    [ERROR_INTERNAL] = "INTERNAL",
    [ERROR_INVALID] = "INVALID",
    [ERROR_TOO_LARGE] = "TOO_LARGE",
    [ERROR_CANCELED] = "CANCELED",
    [ERROR_TIMEOUT] = "TIMEOUT",
    [ERROR_NOT_FOUND] = "NOT_FOUND",
    [ERROR_EXISTS] = "EXISTS",
    [ERROR_FULL] = "FULL",
    [ERROR_IO] = "IO",
    [ERROR_BUSY] = "BUSY",
    [ERROR_KEY] = "KEY",
    [ERROR_DAMAGED] = "DAMAGED",
    [ERROR_BLOB_UNKNOWN] = "BLOB_UNKNOWN",
    [ERROR_UPLOAD_UNKNOWN] = "UPLOAD_UNKNOWN",
    [ERROR_UPLOAD_INVALID] = "UPLOAD_INVALID",
    [ERROR_UPLOAD_OFFSET] = "UPLOAD_OFFSET",
    [ERROR_UPLOAD_BUSY] = "UPLOAD_BUSY",
    [ERROR_DIGEST_INVALID] = "DIGEST_INVALID",
    [ERROR_MANIFEST_BLOB_UNKNOWN] = "MANIFEST_BLOB_UNKNOWN",
    [ERROR_MANIFEST_INVALID] = "MANIFEST_INVALID",
    [ERROR_MANIFEST_TOO_LARGE] = "MANIFEST_TOO_LARGE",
    [ERROR_MANIFEST_UNKNOWN] = "MANIFEST_UNKNOWN",
    [ERROR_NAME_INVALID] = "NAME_INVALID",
    [ERROR_NAME_UNKNOWN] = "NAME_UNKNOWN",
    [ERROR_SIZE_INVALID] = "SIZE_INVALID",
    [ERROR_TAG_INVALID] = "TAG_INVALID",
    [ERROR_PAGINATION_NUMBER_INVALID] = "PAGINATION_NUMBER_INVALID",
    [ERROR_UNSUPPORTED] = "UNSUPPORTED",
    [ERROR_UNAUTHORIZED] = "UNAUTHORIZED",
    [ERROR_DENIED] = "DENIED",
    [ERROR_TOO_MANY_REQUESTS] = "TOO_MANY_REQUESTS",
    [ERROR_UNAVAILABLE] = "UNAVAILABLE",
    [ERROR_BODY_INVALID] = "BODY_INVALID",
    [ERROR_MEDIA_TYPE] = "MEDIA_TYPE",
    [ERROR_CLIENT_GONE] = "CLIENT_GONE",
};
/* clang-format on */

const char *error_code_name(enum error_code code)
{
    return (unsigned)code < ERROR_CODE_COUNT ? code_names[code] : "?";
}

/* Shows that a text was cut: its last three characters become dots. */
static void mark_cut(char *text, size_t size, int wanted)
{
    if (wanted >= (int)size)
        memcpy(text + size - 4, "...", 4);
}

int error_set(struct error *err, enum error_code code, const char *format, ...)
{
    va_list args;
    int wanted;

    *err = (struct error){.code = code};
    va_start(args, format);
    wanted = vsnprintf(err->message, sizeof(err->message), format, args);
    va_end(args);
    mark_cut(err->message, sizeof(err->message), wanted);
    return -1;
}

static enum error_code code_of_sys(int sys)
{
    switch (sys) {
    case ENOENT:
    case ENOTDIR:
        return ERROR_NOT_FOUND;
    case EEXIST:
    case ENOTEMPTY:
        return ERROR_EXISTS;
    case ENOSPC:
    case EDQUOT:
        return ERROR_FULL;
    case ENAMETOOLONG:
        return ERROR_KEY;
    default:
        return ERROR_IO;
    }
}

int error_set_sys(struct error *err, int sys, const char *format, ...)
{
    char text[200]; /* leaves room for the errno's */
    va_list args;
    int wanted;

    va_start(args, format);
    wanted = vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    mark_cut(text, sizeof(text), wanted);
    error_set(err, code_of_sys(sys), "%s: %s", text, strerror(sys));
    err->sys = sys;
    return -1;
}

int error_wrap(struct error *err, const char *format, ...)
{
    char context[sizeof(err->message)];
    char message[sizeof(err->message)];
    va_list args;
    int wanted;

    va_start(args, format);
    wanted = vsnprintf(context, sizeof(context), format, args);
    va_end(args);
    mark_cut(context, sizeof(context), wanted);
    memcpy(message, err->message, sizeof(message));
    wanted = snprintf(err->message, sizeof(err->message), "%s: %s", context, message);
    mark_cut(err->message, sizeof(err->message), wanted);
    return -1;
}

int error_translate(struct error *err, enum error_code code)
{
    err->code = code;
    return -1;
}

void error_detail_string(struct error *err, struct span text)
{
    auto_str json = STR_INIT(sizeof(err->detail) - 1);

    json_append_string(&json, text);
    if (str_overflowed(&json))
        err->detail[0] = '\0';
    else
        memcpy(err->detail, str_text(&json), json.len + 1);
}

void error_detail_json(struct error *err, const char *format, ...)
{
    va_list args;
    int wanted;

    va_start(args, format);
    wanted = vsnprintf(err->detail, sizeof(err->detail), format, args);
    va_end(args);
    if (wanted >= (int)sizeof(err->detail))
        err->detail[0] = '\0'; /* half a JSON text is worse than none */
}
