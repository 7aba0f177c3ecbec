/* SPDX-License-Identifier: Apache-2.0
 *
 * file_descriptor - see file_descriptor.h.
 */
#include "drivers/filesystem/file_descriptor.h"

#include "drivers/filesystem/cached.h"
#include "lib/task/offload.h"
#include "lib/task/task.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/banned.h"

/* A removed file of this many bytes is freed by its last close fast enough for the loop. */
#define CLOSE_SIZE_MAX (1024 * 1024)

/* O_NONBLOCK: a FIFO somebody left in the tree must not hang us; regular files do not care. */
#define READ_FLAGS (O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK)

int file_descriptor_refuse(struct error *err)
{
    error_set(err, ERROR_NOT_FOUND, "not a file");
    err->sys = EISDIR;
    return -1;
}

/* A socket (ENXIO) and a link to itself (ELOOP) are no files either. */
static int set_open_error(int sys, struct error *err)
{
    return sys == ENXIO || sys == ELOOP ? file_descriptor_refuse(err)
                                        : error_set_sys(err, sys, "open");
}

struct open_job {
    const char *path;
    int fd;
};

static int open_job(void *arg, struct error *err)
{
    struct open_job *job = arg;

    job->fd = open(job->path, READ_FLAGS);
    return job->fd >= 0 ? 0 : set_open_error(errno, err);
}

static int open_descriptor(const char *path, struct error *err)
{
    struct open_job job = {.path = path, .fd = cached_open(path, READ_FLAGS)};

    if (job.fd == -1)
        return set_open_error(errno, err);
    if (job.fd == CACHED_MISS && offload(open_job, &job, err) < 0)
        return -1;
    return job.fd;
}

int file_descriptor_open(const char *path, int64_t *out_size, struct error *err)
{
    int fd = open_descriptor(path, err);
    struct stat stat;

    if (fd < 0)
        return -1;
    if (fstat(fd, &stat) < 0)
        error_set_sys(err, errno, "fstat");
    else if (!S_ISREG(stat.st_mode))
        file_descriptor_refuse(err);
    else {
        *out_size = stat.st_size;
        return fd;
    }
    close(fd);
    return -1;
}

static int close_job(void *arg, struct error *err)
{
    (void)err;
    close(*(const int *)arg);
    return 0;
}

void file_descriptor_close(int fd, bool is_dirty)
{
    struct error ignored = ERROR_INIT;
    struct stat stat;

    if (!is_dirty && fstat(fd, &stat) == 0)
        is_dirty = stat.st_nlink == 0 && stat.st_size > CLOSE_SIZE_MAX;
    if (!is_dirty) {
        close(fd);
        return;
    }
    task_shield();
    if (offload(close_job, &fd, &ignored) < 0)
        close(fd);
    task_unshield();
}
