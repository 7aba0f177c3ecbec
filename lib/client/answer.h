/* SPDX-License-Identifier: Apache-2.0
 *
 * answer - the head of an answer, collected line by line as it arrives: status and headers. Pure.
 *
 * Interim answers (1xx) come and go; the last head is the one that counts. All lines of all heads
 * and trailers together have one limit, so nobody can send headers for ever.
 */
#pragma once

#include "lib/base/span.h"
#include "lib/base/str.h"

#include <stdbool.h>
#include <stdint.h>

#define ANSWER_HEAD_MAX (64 * 1024) /* bytes */

struct answer {
    int status;       /* of the head being collected, or of the whole one */
    bool is_complete; /* a head that is not interim has ended */
    int64_t length;   /* Content-Length; -1: none */
    bool is_chunked;
    size_t total;       /* bytes of lines so far */
    struct str headers; /* "name:value\0" after another */
};

enum answer_verdict { ANSWER_GOES_ON, ANSWER_COMPLETE, ANSWER_TOO_LARGE, ANSWER_BROKEN };

void answer_init(struct answer *answer);
void answer_fini(struct answer *answer);

/*
 * answer_line - the next line, with its line end.
 *
 * COMPLETE at the end of a head that is not interim; lines after it (trailers) are counted and
 * dropped. Before it, a new status line begins anew. BROKEN: no header line, a control character,
 * lengths that contradict each other, a coding of the transfer or a protocol nobody has asked for.
 */
enum answer_verdict answer_line(struct answer *answer, struct span line);

/* Value of the next header of that name, without blanks around it; *@cursor starts at 0. NULL at
 * the end. Lent until the next line. */
const char *answer_header(const struct answer *answer, const char *name, size_t *cursor);
