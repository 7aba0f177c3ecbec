/* SPDX-License-Identifier: Apache-2.0
 *
 * sink - see sink.h.
 */
#include "lib/base/sink.h"

#include <errno.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/banned.h"

#define PIECE_MAX   4096 /* bytes a writable pipe takes without waiting (PIPE_BUF) */
#define WAIT_MAX_MS 20   /* for a reader that is slow for a moment */

/* Whether PIECE_MAX bytes can be written without waiting. Files always can; so can what is broken,
 * where the write fails at once. */
static bool is_writable(const struct sink *sink)
{
    struct pollfd room = {.fd = sink->fd, .events = POLLOUT};
    int rc;

    do {
        rc = poll(&room, 1, sink->is_stalled ? 0 : WAIT_MAX_MS);
    } while (rc < 0 && errno == EINTR);
    return rc != 0;
}

static bool is_file(int fd)
{
    struct stat stat;

    return fstat(fd, &stat) == 0 && S_ISREG(stat.st_mode);
}

/* Writes what fits of @text; returns the bytes written. */
static size_t write_some(struct sink *sink, struct span text)
{
    size_t max = text.len <= PIECE_MAX || is_file(sink->fd) ? text.len : PIECE_MAX;
    size_t done = 0;

    while (done < text.len && is_writable(sink)) {
        size_t left = text.len - done;
        ssize_t written = write(sink->fd, text.data + done, left < max ? left : max);

        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return text.len;
        done += (size_t)written;
    }
    return done;
}

bool sink_write(struct sink *sink, struct span line)
{
    size_t done = 0;

    if (!sink->is_cut || write_some(sink, SPAN("\n")) > 0) {
        sink->is_cut = false;
        done = write_some(sink, line);
    }
    sink->is_stalled = done < line.len;
    if (!sink->is_stalled)
        return true;
    sink->is_cut = sink->is_cut || done > 0;
    sink->lost_count++;
    return false;
}

uint64_t sink_take_lost(struct sink *sink)
{
    uint64_t count = sink->lost_count;

    sink->lost_count = 0;
    return count;
}
