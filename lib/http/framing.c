/* SPDX-License-Identifier: Apache-2.0
 *
 * framing - see framing.h.
 */
#include "lib/http/framing.h"

#include "lib/base/ascii.h"
#include "lib/http/head.h"

#include <event2/buffer.h>

#include "lib/base/banned.h"

#define CHUNK_LINE_MAX   1024 /* bytes: size, extensions, CRLF */
#define CHUNK_DIGITS_MAX 15   /* hexadecimal digits: well below the top of int64_t */
#define TRAILER_SIZE_MAX 8192

void framing_init(struct framing *framing, int64_t length)
{
    *framing = (struct framing){.state = FRAMING_DATA, .remaining = length};
    if (length == HEAD_BODY_CHUNKED)
        *framing = (struct framing){.state = FRAMING_CHUNK_SIZE, .is_chunked = true};
    else if (length == 0)
        framing->state = FRAMING_DONE;
}

static int broken(struct framing *framing, struct error *err, const char *why)
{
    framing->state = FRAMING_BROKEN;
    return error_set(err, ERROR_BODY_INVALID, "%s", why);
}

/*
 * Takes a line with its CRLF from the front of @raw into @line, @max bytes at the most.
 * 1 with the line's length without CRLF, 0 when it is not complete yet, -1 when it is too long or
 * not ended by CRLF.
 */
static int take_line(struct evbuffer *raw, char *line, size_t max, size_t *out_len)
{
    struct evbuffer_ptr at = evbuffer_search_eol(raw, NULL, NULL, EVBUFFER_EOL_LF);
    size_t len;

    if (at.pos < 0)
        return evbuffer_get_length(raw) < max ? 0 : -1;
    len = (size_t)at.pos + 1;
    if (len < 2 || len > max)
        return -1;
    evbuffer_remove(raw, line, len);
    if (line[len - 2] != '\r')
        return -1;
    *out_len = len - 2;
    return 1;
}

/* "1a2B" or "1a2B;extension...": the extension is skipped, but has no control characters. */
static bool parse_chunk_size(const char *line, size_t len, int64_t *out)
{
    int64_t size = 0;
    size_t digits = 0;

    while (digits < len && ascii_hex_value(line[digits]) >= 0) {
        if (digits == CHUNK_DIGITS_MAX)
            return false;
        size = size << 4 | ascii_hex_value(line[digits++]);
    }
    if (digits == 0 || (digits < len && line[digits] != ';'))
        return false;
    for (size_t i = digits; i < len; i++) {
        unsigned char c = (unsigned char)line[i];

        if ((c < 0x20 && c != '\t') || c == 0x7f)
            return false;
    }
    *out = size;
    return true;
}

static int take_chunk_size(struct framing *framing, struct evbuffer *raw, struct error *err)
{
    char line[CHUNK_LINE_MAX];
    size_t len;
    int rc = take_line(raw, line, sizeof(line), &len);

    if (rc == 0)
        return 0;
    if (rc < 0 || !parse_chunk_size(line, len, &framing->remaining))
        return broken(framing, err, "malformed chunk size");
    framing->state = framing->remaining > 0 ? FRAMING_DATA : FRAMING_TRAILER;
    return 1;
}

static int take_chunk_end(struct framing *framing, struct evbuffer *raw, struct error *err)
{
    char end[2];

    if (evbuffer_get_length(raw) < sizeof(end))
        return 0;
    evbuffer_remove(raw, end, sizeof(end));
    if (end[0] != '\r' || end[1] != '\n')
        return broken(framing, err, "chunk longer than its size");
    framing->state = FRAMING_CHUNK_SIZE;
    return 1;
}

/* Trailer fields are read and dropped: nothing here wants them. */
static int take_trailer(struct framing *framing, struct evbuffer *raw, struct error *err)
{
    char line[CHUNK_LINE_MAX];
    size_t len;
    int rc = take_line(raw, line, sizeof(line), &len);

    if (rc == 0)
        return 0;
    if (rc < 0)
        return broken(framing, err, "malformed trailer");
    if (len == 0) {
        framing->state = FRAMING_DONE;
        return 1;
    }
    framing->trailer_size += len;
    if (framing->trailer_size > TRAILER_SIZE_MAX || memchr(line, ':', len) == NULL ||
        line[0] == ' ' || line[0] == '\t' || line[0] == ':')
        return broken(framing, err, "malformed trailer");
    return 1;
}

/* Returns the bytes moved. */
static size_t take_data(struct framing *framing, struct evbuffer *raw, struct evbuffer *out,
                        size_t max)
{
    size_t len = evbuffer_get_length(raw);

    if (len > max)
        len = max;
    if ((int64_t)len > framing->remaining)
        len = (size_t)framing->remaining;
    if (len > 0)
        evbuffer_remove_buffer(raw, out, len);
    framing->remaining -= (int64_t)len;
    if (framing->remaining == 0)
        framing->state = framing->is_chunked ? FRAMING_CHUNK_END : FRAMING_DONE;
    return len;
}

int framing_take(struct framing *framing, struct evbuffer *raw, struct evbuffer *out, size_t max,
                 struct error *err)
{
    struct error why = ERROR_INIT;
    size_t moved = 0;

    for (;;) {
        int rc = 0;

        switch (framing->state) {
        case FRAMING_DATA: {
            size_t len = take_data(framing, raw, out, max - moved);

            moved += len;
            rc = len > 0 && moved < max ? 1 : 0;
            break;
        }
        case FRAMING_CHUNK_SIZE:
            rc = take_chunk_size(framing, raw, &why);
            break;
        case FRAMING_CHUNK_END:
            rc = take_chunk_end(framing, raw, &why);
            break;
        case FRAMING_TRAILER:
            rc = take_trailer(framing, raw, &why);
            break;
        case FRAMING_DONE:
            return moved > 0;
        case FRAMING_BROKEN:
            return broken(framing, err, "body broken before");
        }
        if (rc < 0 && moved == 0) {
            *err = why;
            return -1;
        }
        if (rc <= 0)
            return moved > 0; /* what is broken behind these bytes is said at the next call */
    }
}
