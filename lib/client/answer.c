/* SPDX-License-Identifier: Apache-2.0
 *
 * answer - see answer.h.
 */
#include "lib/client/answer.h"

#include "lib/base/ascii.h"
#include "lib/base/encode.h"

#include "lib/base/banned.h"

void answer_init(struct answer *answer)
{
    *answer = (struct answer){.length = -1, .headers = STR_INIT(2 * ANSWER_HEAD_MAX)};
}

void answer_fini(struct answer *answer)
{
    str_fini(&answer->headers);
}

static struct span without_line_end(struct span line)
{
    if (line.len > 0 && line.data[line.len - 1] == '\n')
        line.len--;
    if (line.len > 0 && line.data[line.len - 1] == '\r')
        line.len--;
    return line;
}

/* Control characters other than the tab have no business in a line. Source: RFC 9110, 5.5. */
static bool is_clean(struct span line)
{
    for (size_t i = 0; i < line.len; i++) {
        unsigned char c = (unsigned char)line.data[i];

        if ((c < ' ' && c != '\t') || c == 0x7f)
            return false;
    }
    return true;
}

/* "HTTP/1.1 200 OK". A new head: what an interim answer or a proxy has said is forgotten. */
static enum answer_verdict begin(struct answer *answer, struct span line)
{
    struct span rest = line;
    struct span code;
    int64_t status;

    span_cut(&rest, ' ');
    rest = span_trim(rest);
    code = span_cut(&rest, ' ');
    if (code.len != 3 || !decode_decimal(code, &status) || status < 100)
        return ANSWER_BROKEN;
    answer->status = (int)status;
    answer->is_complete = false;
    answer->length = -1;
    answer->is_chunked = false;
    str_reset(&answer->headers);
    return ANSWER_GOES_ON;
}

/* 101 is another protocol, which nobody has asked for. */
static enum answer_verdict end(struct answer *answer)
{
    if (answer->status == 0 || answer->status == 101)
        return ANSWER_BROKEN;
    answer->is_complete = answer->status >= 200;
    return answer->is_complete ? ANSWER_COMPLETE : ANSWER_GOES_ON;
}

/* One length, said once or the same again. Source: RFC 9110, 8.6. */
static bool note_length(struct answer *answer, struct span value)
{
    while (value.data != NULL) {
        int64_t length;

        if (!decode_decimal(span_trim(span_cut(&value, ',')), &length) ||
            (answer->length >= 0 && answer->length != length))
            return false;
        answer->length = length;
    }
    return true;
}

static bool note_framing(struct answer *answer, struct span name, struct span value)
{
    if (span_equals_nocase(name, SPAN("content-length")))
        return note_length(answer, value);
    if (span_equals_nocase(name, SPAN("transfer-encoding"))) {
        answer->is_chunked = span_equals_nocase(value, SPAN("chunked"));
        return answer->is_chunked; /* we have asked for nothing else */
    }
    return true;
}

static bool is_name(struct span name)
{
    for (size_t i = 0; i < name.len; i++) {
        if (!is_ascii_alnum_or(name.data[i], "!#$%&'*+-.^_`|~"))
            return false;
    }
    return name.len > 0;
}

static enum answer_verdict add(struct answer *answer, struct span line)
{
    struct span value = line;
    struct span name = span_cut(&value, ':');

    if (value.data == NULL || !is_name(name))
        return ANSWER_BROKEN;
    value = span_trim(value);
    if (!note_framing(answer, name, value))
        return ANSWER_BROKEN;
    str_append(&answer->headers, name);
    str_append_char(&answer->headers, ':');
    str_append(&answer->headers, value);
    str_append_char(&answer->headers, '\0');
    return ANSWER_GOES_ON;
}

enum answer_verdict answer_line(struct answer *answer, struct span line)
{
    answer->total += line.len;
    if (answer->total > ANSWER_HEAD_MAX)
        return ANSWER_TOO_LARGE;
    line = without_line_end(line);
    if (!is_clean(line))
        return ANSWER_BROKEN;
    if (answer->is_complete)
        return ANSWER_GOES_ON; /* a trailer, whatever it looks like */
    if (span_starts_with(line, SPAN("HTTP/")))
        return begin(answer, line);
    return line.len == 0 ? end(answer) : add(answer, line);
}

const char *answer_header(const struct answer *answer, const char *name, size_t *cursor)
{
    struct span rest = span_from(str_span(&answer->headers), *cursor);

    while (rest.len > 0) {
        struct span value = span_cut(&rest, '\0');
        struct span found = span_cut(&value, ':');

        *cursor = answer->headers.len - rest.len;
        if (span_equals_nocase(found, span_of(name)))
            return value.data;
    }
    return NULL;
}
