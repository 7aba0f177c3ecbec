/* SPDX-License-Identifier: Apache-2.0
 *
 * file - see file.h.
 */
#include "lib/base/file.h"

#include "lib/base/ascii.h"
#include "lib/base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/banned.h"

#define CHUNK_SIZE 16384 /* bytes of one read */

/* "open <path>: no such file or directory": the words of errno, in lower case as upstream's. */
static int fail(const char *verb, const char *path, int sys, struct error *err)
{
    auto_free char *words = xstrdup(strerror(sys));

    words[0] = ascii_lower(words[0]);
    error_set_sys(err, sys, "%s %s", verb, path);
    error_set(err, err->code, "%s %s: %s", verb, path, words);
    err->sys = sys;
    return -1;
}

/* What was read may be a key: no copy of it stays on the stack. */
static int read_all(int fd, const char *path, struct str *out, struct error *err)
{
    char chunk[CHUNK_SIZE];
    ssize_t got;

    do {
        got = read(fd, chunk, sizeof(chunk));
        if (got > 0)
            str_append(out, span_make(chunk, (size_t)got));
    } while (!str_overflowed(out) && (got > 0 || (got < 0 && errno == EINTR)));
    explicit_bzero(chunk, sizeof(chunk));
    if (str_overflowed(out))
        return error_set(err, ERROR_TOO_LARGE, "read %s: more than %zu bytes", path, out->max);
    return got < 0 ? fail("read", path, errno, err) : 0;
}

int file_read(const char *path, struct str *out, struct error *err)
{
    auto_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    struct stat there;

    if (fd < 0)
        return fail("open", path, errno, err);
    if (fstat(fd, &there) < 0)
        return fail("stat", path, errno, err);
    if (!S_ISREG(there.st_mode))
        return error_set(err, ERROR_INVALID, "%s is not a regular file", path);
    return read_all(fd, path, out, err);
}

int file_read_any(const char *path, struct str *out, struct error *err)
{
    auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);

    return fd < 0 ? fail("open", path, errno, err) : read_all(fd, path, out, err);
}

int file_write_all(int fd, struct span content, struct error *err)
{
    while (content.len > 0) {
        ssize_t written = write(fd, content.data, content.len);

        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return error_set_sys(err, errno, "write");
        content = span_from(content, (size_t)written);
    }
    return 0;
}
