/* SPDX-License-Identifier: Apache-2.0
 *
 * probe_file - a file whose existence takes the registry out of service.
 */
#include "lib/base/memory.h"
#include "lib/health/probe.h"
#include "lib/task/offload.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/base/banned.h"

struct file_probe {
    struct probe probe;
    const char *path; /* lent */
};

/* "stat /run/down: permission denied": the reason with a small letter, as upstream's. */
static int fail(const char *path, int sys, struct error *err)
{
    auto_free char *reason = xstrdup(strerror(sys));

    if (reason[0] >= 'A' && reason[0] <= 'Z')
        reason[0] = (char)(reason[0] - 'A' + 'a');
    return error_set(err, ERROR_IO, "stat %s: %s", path, reason);
}

/* On a helper: the file may be on a network. */
static int look(void *arg, struct error *err)
{
    const char *path = arg;
    struct stat stat_buffer;

    if (stat(path, &stat_buffer) == 0)
        return error_set(err, ERROR_UNAVAILABLE, "file exists");
    return errno == ENOENT ? 0 : fail(path, errno, err);
}

static int file_run(struct probe *probe, struct error *err)
{
    auto_free char *path = xstrdup(((struct file_probe *)probe)->path);

    return offload(look, path, err);
}

static void file_free(struct probe *probe)
{
    free(probe);
}

struct probe *probe_file_new(const char *path)
{
    struct file_probe *file = xcalloc(1, sizeof(*file));

    file->probe = (struct probe){file_run, file_free};
    file->path = path;
    return &file->probe;
}
