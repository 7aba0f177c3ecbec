/* SPDX-License-Identifier: Apache-2.0
 *
 * xml - see xml.h. A pull reader of libxml2: at the end of each element its text goes where the
 * table `values` says, in the row that is open or in the answer itself.
 */
#include "drivers/s3/xml.h"

#include "lib/base/clock.h"
#include "lib/base/encode.h"
#include "lib/base/memory.h"
#include "lib/base/str.h"

#include <libxml/xmlreader.h>
#include <limits.h>
#include <stdlib.h>

#include "lib/base/banned.h"

#define DEPTH_MAX 16
#define TEXT_MAX  (16 << 10) /* of one element */

static const struct {
    const char *name;
    enum xml_row_kind kind;
} row_names[] = {
    {"Contents", XML_OBJECT}, {"CommonPrefixes", XML_PREFIX}, {"Upload", XML_UPLOAD},
    {"Part", XML_PART},       {"Error", XML_ERROR},
};

enum value_kind { VALUE_TEXT, VALUE_NUMBER, VALUE_TIME, VALUE_BOOL };

#define ROW(element, type, member)                                                                 \
    {                                                                                              \
        element, VALUE_##type, offsetof(struct xml_row, member)                                    \
    }
#define ANSWER(element, type, member)                                                              \
    {                                                                                              \
        element, VALUE_##type, offsetof(struct xml_answer, member)                                 \
    }

struct value {
    const char *name;
    enum value_kind kind;
    size_t offset;
};

static const struct value row_values[] = {
    ROW("Key", TEXT, key),
    ROW("Prefix", TEXT, key),
    ROW("UploadId", TEXT, upload_id),
    ROW("ETag", TEXT, etag),
    ROW("Code", TEXT, code),
    ROW("Message", TEXT, message),
    ROW("Size", NUMBER, size),
    ROW("PartNumber", NUMBER, number),
    ROW("LastModified", TIME, modified_at),
    ROW("Initiated", TIME, modified_at),
};

static const struct value answer_values[] = {
    ANSWER("Code", TEXT, code),
    ANSWER("Message", TEXT, message),
    ANSWER("UploadId", TEXT, upload_id),
    ANSWER("ETag", TEXT, etag),
    ANSWER("NextMarker", TEXT, next_marker),
    ANSWER("NextKeyMarker", TEXT, next_marker),
    ANSWER("NextPartNumberMarker", TEXT, next_marker),
    ANSWER("NextUploadIdMarker", TEXT, next_upload_id),
    ANSWER("IsTruncated", BOOL, is_truncated),
    ANSWER("AccessKeyId", TEXT, access_key),
    ANSWER("SecretAccessKey", TEXT, secret_key),
    ANSWER("SessionToken", TEXT, session_token),
    ANSWER("Expiration", TEXT, expiration),
};

struct parser {
    xmlTextReader *reader;
    struct xml_answer *answer;
    struct xml_row *row; /* the open one; NULL outside of rows */
    int row_depth;
    struct str text; /* of the innermost element, as far as it has come */
};

static int fail(struct error *err, const char *what)
{
    return error_set(err, ERROR_IO, "the service's answer is not the XML it should be: %s", what);
}

/* ---- values ---- */

static void store_text(char **field, const struct str *text)
{
    free(*field);
    *field = xstrndup(str_text(text), text->len);
}

static void store_value(const struct value *value, void *object, const struct str *text)
{
    char *field = (char *)object + value->offset;
    struct span span = span_trim(str_span(text));

    switch (value->kind) {
    case VALUE_TEXT:
        store_text((char **)(void *)field, text);
        break;
    case VALUE_NUMBER:
        if (!decode_decimal(span, (int64_t *)(void *)field))
            *(int64_t *)(void *)field = -1;
        break;
    case VALUE_TIME:
        (void)clock_parse_rfc3339(span, (struct timespec *)(void *)field);
        break;
    case VALUE_BOOL:
        *(bool *)field = span_is(span, "true");
        break;
    }
}

static void store_in(const struct value *values, size_t count, const char *name, void *object,
                     const struct str *text)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(values[i].name, name) == 0)
            store_value(&values[i], object, text);
    }
}

/* ---- elements ---- */

static int open_row(struct parser *parser, enum xml_row_kind kind, int depth, struct error *err)
{
    struct xml_answer *answer = parser->answer;

    if (answer->count == XML_ROWS_MAX)
        return fail(err, "too many entries");
    if (answer->count == answer->capacity) {
        answer->capacity = answer->capacity > 0 ? 2 * answer->capacity : 16;
        answer->rows = xrealloc(answer->rows, answer->capacity * sizeof(*answer->rows));
    }
    parser->row = &answer->rows[answer->count++];
    *parser->row = (struct xml_row){.kind = kind, .size = -1};
    parser->row_depth = depth;
    return 0;
}

/* Rows are children of the document's element; an <Error> that is the document is none. */
static int begin_element(struct parser *parser, const char *name, int depth, struct error *err)
{
    str_reset(&parser->text);
    if (depth >= DEPTH_MAX)
        return fail(err, "nested too deeply");
    if (depth == 0)
        parser->answer->root = xstrdup(name);
    for (size_t i = 0; i < array_count(row_names) && depth == 1; i++) {
        if (strcmp(row_names[i].name, name) == 0)
            return open_row(parser, row_names[i].kind, depth, err);
    }
    return 0;
}

static int end_element(struct parser *parser, const char *name, int depth, struct error *err)
{
    if (str_overflowed(&parser->text))
        return fail(err, "a value is too long");
    if (parser->row == NULL)
        store_in(answer_values, array_count(answer_values), name, parser->answer, &parser->text);
    else if (depth == parser->row_depth)
        parser->row = NULL;
    else if (depth == parser->row_depth + 1)
        store_in(row_values, array_count(row_values), name, parser->row, &parser->text);
    str_reset(&parser->text);
    return 0;
}

static int take_node(struct parser *parser, struct error *err)
{
    const char *name = (const char *)xmlTextReaderConstLocalName(parser->reader);
    const char *text = (const char *)xmlTextReaderConstValue(parser->reader);
    int depth = xmlTextReaderDepth(parser->reader);
    bool is_empty;

    switch (xmlTextReaderNodeType(parser->reader)) {
    case XML_READER_TYPE_ELEMENT:
        is_empty = xmlTextReaderIsEmptyElement(parser->reader) == 1;
        if (begin_element(parser, name, depth, err) < 0)
            return -1;
        return is_empty ? end_element(parser, name, depth, err) : 0;
    case XML_READER_TYPE_END_ELEMENT:
        return end_element(parser, name, depth, err);
    case XML_READER_TYPE_TEXT:
    case XML_READER_TYPE_CDATA:
    case XML_READER_TYPE_WHITESPACE:
    case XML_READER_TYPE_SIGNIFICANT_WHITESPACE:
        str_append_text(&parser->text, text != NULL ? text : "");
        return 0;
    case XML_READER_TYPE_DOCUMENT_TYPE:
    case XML_READER_TYPE_ENTITY_REFERENCE:
        return fail(err, "it has a document type or entities");
    default:
        return 0;
    }
}

static void ignore(void *arg, const xmlError *error)
{
    (void)arg, (void)error;
}

static int read_all(struct parser *parser, struct error *err)
{
    int rc;

    while ((rc = xmlTextReaderRead(parser->reader)) == 1) {
        if (take_node(parser, err) < 0)
            return -1;
    }
    if (rc < 0 || parser->answer->root == NULL)
        return fail(err, "it does not parse");
    return 0;
}

int xml_parse(struct span text, struct xml_answer *out, struct error *err)
{
    struct xml_answer answer = {0};
    struct parser parser = {.answer = &answer, .text = STR_INIT(TEXT_MAX)};
    int rc;

    if (text.len == 0 || text.len > INT_MAX)
        return fail(err, "it is empty");
    parser.reader = xmlReaderForMemory(text.data, (int)text.len, NULL, NULL,
                                       XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
    if (parser.reader == NULL)
        return fail(err, "no reader for it");
    xmlTextReaderSetStructuredErrorHandler(parser.reader, (xmlStructuredErrorFunc)ignore, NULL);
    rc = read_all(&parser, err);
    xmlFreeTextReader(parser.reader);
    str_fini(&parser.text);
    if (rc < 0)
        xml_answer_fini(&answer);
    else
        *out = answer;
    return rc;
}

static void row_fini(struct xml_row *row)
{
    free(row->key);
    free(row->upload_id);
    free(row->etag);
    free(row->code);
    free(row->message);
}

void xml_answer_fini(struct xml_answer *answer)
{
    for (size_t i = 0; i < answer->count; i++)
        row_fini(&answer->rows[i]);
    free(answer->rows);
    free(answer->root);
    for (size_t i = 0; i < array_count(answer_values); i++) {
        char **field = (char **)(void *)((char *)answer + answer_values[i].offset);

        if (answer_values[i].kind != VALUE_TEXT)
            continue;
        free(*field);
        *field = NULL; /* several rows name one field */
    }
    *answer = (struct xml_answer){0};
}

void xml_append_escaped(struct str *out, struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        switch (text.data[i]) {
        case '<':
            str_append_text(out, "&lt;");
            break;
        case '>':
            str_append_text(out, "&gt;");
            break;
        case '&':
            str_append_text(out, "&amp;");
            break;
        case '"':
            str_append_text(out, "&#34;");
            break;
        default:
            str_append_char(out, text.data[i]);
        }
    }
}
