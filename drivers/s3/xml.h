/* SPDX-License-Identifier: Apache-2.0
 *
 * xml - what an object store answers. Pure.
 *
 * One shape holds every answer we read: a few values of the document, and rows where it is a list
 * (objects, common prefixes, unfinished uploads, parts, errors of single keys). No document types,
 * no entities but the five predefined ones, no network; size and depth are bounded.
 *
 * Source: the Amazon S3 API reference, "Actions"; the STS API reference for credentials.
 */
#pragma once

#include "lib/base/error.h"
#include "lib/base/span.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#define XML_ROWS_MAX 20000 /* a page has 1000 */

enum xml_row_kind {
    XML_OBJECT, /* Contents */
    XML_PREFIX, /* CommonPrefixes */
    XML_UPLOAD, /* Upload */
    XML_PART,   /* Part */
    XML_ERROR,  /* Error, within the answer to a removal of many */
};

/* Texts are owned and may be NULL: the answer does not say. */
struct xml_row {
    enum xml_row_kind kind;
    char *key; /* of a prefix: the prefix */
    char *upload_id;
    char *etag; /* with its quotes */
    char *code; /* of an error */
    char *message;
    int64_t size;   /* -1: not said */
    int64_t number; /* of a part; 0: not said */
    struct timespec modified_at;
};

struct xml_answer {
    char *root; /* the name of the document's element */
    char *code; /* of an <Error> document */
    char *message;
    char *upload_id;
    char *etag;
    char *access_key; /* these four: of temporary credentials */
    char *secret_key;
    char *session_token;
    char *expiration;
    char *next_marker; /* where the next page starts; NULL where the service leaves it to us */
    char *next_upload_id;
    bool is_truncated;
    struct xml_row *rows;
    size_t count;
    size_t capacity;
};

/* Reads @text. Given: xml_answer_fini. Errors: IO (it is not XML of this kind). */
must_check int xml_parse(struct span text, struct xml_answer *out, struct error *err);

void xml_answer_fini(struct xml_answer *answer);
#define auto_xml_answer auto_cleanup(xml_answer_fini) struct xml_answer

/* Appends @text with the characters escaped that XML needs for itself. */
struct str;
void xml_append_escaped(struct str *out, struct span text);
