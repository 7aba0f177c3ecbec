/* SPDX-License-Identifier: Apache-2.0
 *
 * sink - where lines of a log go: a file, a terminal, or a pipe whose reader may be slow or stuck.
 *
 * The loop must not wait for whoever reads a log. A line waits a moment for a slow reader; once a
 * line did not fit, the next ones do not wait at all. Lines that find no room are lost and counted.
 */
#pragma once

#include "lib/base/span.h"

#include <stdbool.h>
#include <stdint.h>

struct sink {
    int fd;
    bool is_stalled; /* the last line did not fit */
    bool is_cut;     /* only the beginning of it did */
    uint64_t lost_count;
};

/* Writes one line, its newline included, in one piece where the kernel allows. False when it is
 * lost. A line that cannot be written at all counts as written: that is nobody's reason to stop. */
bool sink_write(struct sink *sink, struct span line);

/* How many lines were lost before the one that has just been written; sets the count to 0. */
uint64_t sink_take_lost(struct sink *sink);
