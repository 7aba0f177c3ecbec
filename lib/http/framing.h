/* SPDX-License-Identifier: Apache-2.0
 *
 * framing - where a body ends: Content-Length or chunked, strictly. Source: RFC 9112 sections 6, 7.
 * Pure but for evbuffers; fuzzed.
 */
#pragma once

#include "lib/base/error.h"

#include <stdbool.h>
#include <stdint.h>

struct evbuffer;

enum framing_state {
    FRAMING_DATA,       /* of a known length: remaining bytes */
    FRAMING_CHUNK_SIZE, /* a chunk's size line is next */
    FRAMING_CHUNK_END,  /* the CRLF behind a chunk's data is next */
    FRAMING_TRAILER,    /* trailer lines, up to an empty one */
    FRAMING_DONE,
    FRAMING_BROKEN,
};

struct framing {
    enum framing_state state;
    bool is_chunked;
    int64_t remaining;   /* bytes of the body, or of the chunk, still to come */
    size_t trailer_size; /* bytes of trailer so far */
};

/* @length: bytes, or HEAD_BODY_CHUNKED. */
void framing_init(struct framing *framing, int64_t length);

/*
 * framing_take - move up to @max bytes of body from @raw to @out, and swallow the framing around
 * them.
 *
 * Returns 1 when bytes were moved, 0 when more raw bytes are needed or the body is done (look at
 * is_framing_done), -1 with BODY_INVALID for good.
 */
must_check int framing_take(struct framing *framing, struct evbuffer *raw, struct evbuffer *out,
                            size_t max, struct error *err);

static inline bool is_framing_done(const struct framing *framing)
{
    return framing->state == FRAMING_DONE;
}
