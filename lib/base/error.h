/* SPDX-License-Identifier: Apache-2.0
 *
 * error - what went wrong, as a value.
 *
 * The caller owns it, copying is assignment, there is nothing to free. Fallible functions return 0
 * or -1 and take `struct error *err` last; success leaves @err alone. An error is reported (logged,
 * answered) once, where it becomes a response; on the way up it only gains context (error_wrap).
 * lib/api/errors.c maps the codes to the ids and statuses of the OCI envelope.
 */
#pragma once

#include "lib/base/cleanup.h"
#include "lib/base/span.h"

enum error_code {
    ERROR_NONE = 0,

    /* anywhere */
    ERROR_INTERNAL, /* a fault of this program or its machine */
    ERROR_INVALID,  /* a value that does not parse; message says which */
    ERROR_TOO_LARGE,
    ERROR_CANCELED, /* the task was canceled: client gone, deadline, shutdown */
    ERROR_TIMEOUT,

    /* storage */
    ERROR_NOT_FOUND,
    ERROR_EXISTS,
    ERROR_FULL,    /* no space, quota */
    ERROR_IO,      /* anything else the storage says */
    ERROR_BUSY,    /* somebody else holds the exclusive right to write */
    ERROR_KEY,     /* a key that no driver accepts */
    ERROR_DAMAGED, /* stored content that does not parse */

    /* the domain; most bear the name of the OCI code */
    ERROR_BLOB_UNKNOWN,
    ERROR_UPLOAD_UNKNOWN,
    ERROR_UPLOAD_INVALID, /* the _state token does not fit */
    ERROR_UPLOAD_OFFSET,  /* bytes offered for another offset than the session's size */
    ERROR_UPLOAD_BUSY,    /* another request writes this session */
    ERROR_DIGEST_INVALID,
    ERROR_MANIFEST_BLOB_UNKNOWN,
    ERROR_MANIFEST_INVALID,
    ERROR_MANIFEST_TOO_LARGE,
    ERROR_MANIFEST_UNKNOWN,
    ERROR_NAME_INVALID,
    ERROR_NAME_UNKNOWN,
    ERROR_SIZE_INVALID,
    ERROR_TAG_INVALID,
    ERROR_PAGINATION_NUMBER_INVALID,
    ERROR_UNSUPPORTED,
    ERROR_UNAUTHORIZED,
    ERROR_DENIED,
    ERROR_TOO_MANY_REQUESTS,
    ERROR_UNAVAILABLE,

    /* HTTP */
    ERROR_BODY_INVALID, /* the body's framing or length is broken */
    ERROR_MEDIA_TYPE,   /* a Content-Type this route does not take */
    ERROR_CLIENT_GONE,  /* the client closed before its body was complete */

    ERROR_CODE_COUNT
};

struct error {
    enum error_code code; /* ERROR_NONE = unset */
    int sys;              /* errno, 0 if none */
    char message[256];    /* for the log; may name paths and hosts; cut visibly ("...") */
    char detail[512];     /* for the client: JSON text, safe by construction; "" = none */
};

#define ERROR_INIT ((struct error){0})

/* Always return -1, so that `return error_set(err, ...)` reads well. */
int error_set(struct error *err, enum error_code code, const char *format, ...) printf_like(3, 4);

/* As error_set, with @sys (an errno) in the value and its text at the end of the message. The code
 * follows from @sys: ENOENT, ENOTDIR: NOT_FOUND; EEXIST, ENOTEMPTY: EXISTS; ENOSPC, EDQUOT: FULL;
 * ENAMETOOLONG: KEY; anything else: IO. */
int error_set_sys(struct error *err, int sys, const char *format, ...) printf_like(3, 4);

/* Prefixes the message with context: "<context>: <message>". */
int error_wrap(struct error *err, const char *format, ...) printf_like(2, 3);

/* Same message and detail, another code: for translating between layers. */
int error_translate(struct error *err, enum error_code code);

/* The client's detail, as a JSON string or as JSON text that is already safe. */
void error_detail_string(struct error *err, struct span text);
void error_detail_json(struct error *err, const char *format, ...) printf_like(2, 3);

const char *error_code_name(enum error_code code); /* "NOT_FOUND"; static */
