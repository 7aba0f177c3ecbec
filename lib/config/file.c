/* SPDX-License-Identifier: Apache-2.0
 *
 * file - see file.h.
 */
#include "lib/config/file.h"

#include "lib/base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "lib/base/banned.h"

#define FILE_CHUNK 16384 /* bytes of one read */

/* "open <path>: no such file or directory", as upstream words it. */
static int fail_open(const char *path, struct error *err)
{
    int sys = errno;

    error_set_sys(err, sys, "open %s", path);
    if (sys == ENOENT)
        error_set(err, ERROR_NOT_FOUND, "open %s: no such file or directory", path);
    else if (sys == EACCES)
        error_set(err, ERROR_IO, "open %s: permission denied", path);
    err->sys = sys;
    return -1;
}

int file_read(const char *path, struct str *out, struct error *err)
{
    auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);
    char chunk[FILE_CHUNK];
    ssize_t got;

    if (fd < 0)
        return fail_open(path, err);
    do {
        got = read(fd, chunk, sizeof(chunk));
        if (got < 0)
            return error_set_sys(err, errno, "read %s", path);
        str_append(out, span_make(chunk, (size_t)got));
        if (str_overflowed(out))
            return error_set(err, ERROR_TOO_LARGE, "error parsing %s: more than %zu bytes", path,
                             out->max);
    } while (got > 0);
    return 0;
}
