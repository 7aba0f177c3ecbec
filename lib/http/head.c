/* SPDX-License-Identifier: Apache-2.0
 *
 * head - see head.h.
 */
#include "lib/http/head.h"

#include "lib/base/ascii.h"
#include "lib/base/encode.h"

#include <string.h>

#include "lib/base/banned.h"

#define METHOD_LEN_MAX 32

enum head_end head_find_end(struct span text, size_t *from, size_t *out_len)
{
    for (size_t i = *from; i < text.len; i++) {
        if (text.data[i] == '\0')
            return HEAD_BROKEN;
        if (text.data[i] != '\n')
            continue;
        if (i == 0 || text.data[i - 1] != '\r')
            return HEAD_BROKEN;
        if (i >= 3 && text.data[i - 2] == '\n') {
            *out_len = i + 1;
            return HEAD_COMPLETE;
        }
    }
    *from = text.len;
    return HEAD_INCOMPLETE;
}

static bool is_token_char(char c)
{
    return is_ascii_alnum_or(c, "!#$%&'*+-.^_`|~");
}

static bool is_token(struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (!is_token_char(text.data[i]))
            return false;
    }
    return text.len > 0;
}

/* Bytes a header value may have: HTAB, visible ASCII, blank, and what is above ASCII. */
static bool is_field_value(struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.data[i];

        if ((c < 0x20 && c != '\t') || c == 0x7f)
            return false;
    }
    return true;
}

static bool is_visible_ascii(struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] < 0x21 || text.data[i] > 0x7e)
            return false;
    }
    return text.len > 0;
}

/* A host may be empty; what it has goes into Location headers. Source: RFC 3986 section 3.2.2. */
static bool is_host(struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (!is_ascii_alnum_or(text.data[i], "-._~%!$&'()*+,;=:[]"))
            return false;
    }
    return true;
}

static void refuse(struct head *head, int status, const char *reason)
{
    if (head->status != 0)
        return; /* the first reason counts */
    head->status = status;
    head->reason = reason;
}

static bool is_target(struct span method, struct span target)
{
    if (!is_visible_ascii(target))
        return false;
    return target.data[0] == '/' || span_starts_with(target, SPAN("http://")) ||
           span_starts_with(target, SPAN("https://")) ||
           (span_is(target, "*") && span_is(method, "OPTIONS"));
}

static void parse_version(struct head *head, struct span version)
{
    bool is_shaped = version.len == 8 && span_starts_with(version, SPAN("HTTP/")) &&
                     version.data[6] == '.' && is_ascii_digit(version.data[5]) &&
                     is_ascii_digit(version.data[7]);

    if (!is_shaped)
        refuse(head, 400, "malformed HTTP version");
    else if (version.data[5] != '1' || version.data[7] > '1')
        refuse(head, 505, "unsupported HTTP version");
    else
        head->version_minor = version.data[7] - '0';
}

static void parse_request_line(struct head *head, struct span line)
{
    head->method = span_cut(&line, ' ');
    head->target = span_cut(&line, ' ');
    parse_version(head, line);
    if (!is_token(head->method) || head->method.len > METHOD_LEN_MAX)
        refuse(head, 400, "malformed method");
    if (!is_target(head->method, head->target))
        refuse(head, 400, "malformed request target");
}

/* What header lines have been seen, for those that may come only once. */
struct seen {
    bool host;
    bool length;
    bool coding;
};

static void take_length(struct head *head, struct seen *seen, struct span value)
{
    if (seen->length || seen->coding)
        refuse(head, 400, "more than one Content-Length or Transfer-Encoding");
    if (!decode_decimal(value, &head->body_length))
        refuse(head, 400, "malformed Content-Length");
    seen->length = true;
}

static void take_coding(struct head *head, struct seen *seen, struct span value)
{
    if (seen->length || seen->coding)
        refuse(head, 400, "more than one Content-Length or Transfer-Encoding");
    if (head->version_minor == 0 || !span_equals_nocase(value, SPAN("chunked")))
        refuse(head, 400, "unsupported Transfer-Encoding");
    head->body_length = HEAD_BODY_CHUNKED;
    seen->coding = true;
}

static void take_host(struct head *head, struct seen *seen, struct span value)
{
    if (seen->host)
        refuse(head, 400, "more than one Host header");
    if (!is_host(value))
        refuse(head, 400, "malformed Host header");
    seen->host = true;
}

static void take_expect(struct head *head, struct span value)
{
    if (!span_equals_nocase(value, SPAN("100-continue")))
        refuse(head, 417, "unsupported expectation");
    else
        head->is_continue_expected = head->version_minor > 0;
}

static void take_connection(struct head *head, struct span value)
{
    while (value.len > 0) {
        if (span_equals_nocase(span_trim(span_cut(&value, ',')), SPAN("close")))
            head->is_close_asked = true;
    }
}

/* One header line without its CRLF; @name_at is where it starts, for renaming. */
static void parse_field(struct head *head, struct seen *seen, char *name_at, struct span line)
{
    struct span value = line;
    struct span name = span_cut(&value, ':');

    if (value.data == NULL || !is_token(name) || name.data[0] == '~') {
        refuse(head, 400, "malformed header line");
        return;
    }
    if (!is_field_value(value)) {
        refuse(head, 400, "control character in a header value");
        return;
    }
    value = span_trim(value);
    if (span_equals_nocase(name, SPAN("Content-Length"))) {
        take_length(head, seen, value);
        *name_at = '~';
    } else if (span_equals_nocase(name, SPAN("Transfer-Encoding"))) {
        take_coding(head, seen, value);
        *name_at = '~';
    } else if (span_equals_nocase(name, SPAN("Expect"))) {
        take_expect(head, value);
        *name_at = '~';
    } else if (span_equals_nocase(name, SPAN("Host"))) {
        take_host(head, seen, value);
    } else if (span_equals_nocase(name, SPAN("Connection"))) {
        take_connection(head, value);
    }
}

/* Cuts the next line off @rest, without its CRLF. */
static struct span cut_line(struct span *rest)
{
    struct span line = span_cut(rest, '\n');

    if (line.len > 0 && line.data[line.len - 1] == '\r')
        line.len--;
    return line;
}

void head_parse(char *text, size_t len, struct head *out)
{
    struct head head = {0};
    struct seen seen = {0};
    struct span rest = span_make(text, len);
    struct span line = cut_line(&rest);

    head.len = len;
    head.line_len = len - rest.len;
    parse_request_line(&head, line);
    while ((line = cut_line(&rest)).len > 0)
        parse_field(&head, &seen, text + (line.data - text), line);
    if (head.version_minor > 0 && !seen.host)
        refuse(&head, 400, "missing required Host header");
    if (head.body_length == 0)
        head.is_continue_expected = false; /* nothing to continue with */
    *out = head;
}
