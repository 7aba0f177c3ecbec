/* SPDX-License-Identifier: Apache-2.0
 *
 * file_reader - reading a file as a stream.
 */
#include "drivers/drivers.h"
#include "drivers/filesystem/cached.h"
#include "drivers/filesystem/file_descriptor.h"
#include "drivers/filesystem/filesystem.h"
#include "lib/base/memory.h"
#include "lib/task/offload.h"

#include <errno.h>
#include <event2/buffer.h>
#include <unistd.h>

#include "lib/base/banned.h"

#define READ_MAX (256 * 1024) /* bytes of one call */

struct file_reader {
    struct storage_reader base;
    struct evbuffer *chunk; /* owned; no one else sees it while a helper fills its space */
};

int file_reader_open(struct storage *storage, const char *key, int64_t offset,
                     struct storage_reader **out, struct error *err)
{
    auto_free char *path = filesystem_path(storage, key);
    struct file_reader *reader;
    int64_t size;
    int fd = file_descriptor_open(path, &size, err);

    if (fd < 0)
        return -1;
    if (offset > size) {
        close(fd);
        return error_set(err, ERROR_INVALID, "offset %lld is beyond the end, %lld",
                         (long long)offset, (long long)size);
    }
    reader = xcalloc(1, sizeof(*reader));
    reader->base = (struct storage_reader){
        .driver = &filesystem_driver, .size = size, .offset = offset, .fd = fd};
    reader->chunk = evbuffer_new();
    *out = &reader->base;
    return 0;
}

struct read_job {
    int fd;
    int64_t offset;
    struct iovec space;
    ssize_t got;
};

static int read_job(void *arg, struct error *err)
{
    struct read_job *job = arg;

    do {
        job->got = pread(job->fd, job->space.iov_base, job->space.iov_len, job->offset);
    } while (job->got < 0 && errno == EINTR);
    return job->got >= 0 ? 0 : error_set_sys(err, errno, "read");
}

int file_reader_read(struct storage_reader *base, struct evbuffer *out, size_t max,
                     struct error *err)
{
    struct file_reader *reader = (struct file_reader *)base;
    struct read_job job = {.fd = base->fd, .offset = base->offset};
    int64_t left = base->size - base->offset;

    if (left <= 0)
        return 0;
    if (max > READ_MAX)
        max = READ_MAX;
    if ((uint64_t)left < max)
        max = (size_t)left;
    if (evbuffer_reserve_space(reader->chunk, (ev_ssize_t)max, &job.space, 1) != 1)
        return error_set(err, ERROR_INTERNAL, "no space in a buffer");
    if (job.space.iov_len > max)
        job.space.iov_len = max;
    job.got = cached_read(job.fd, job.space.iov_base, job.space.iov_len, job.offset);
    if (job.got == CACHED_MISS && offload(read_job, &job, err) < 0)
        return -1;
    if (job.got == 0)
        return error_set(err, ERROR_IO, "the file ended %lld bytes early", (long long)left);
    job.space.iov_len = (size_t)job.got;
    evbuffer_commit_space(reader->chunk, &job.space, 1);
    evbuffer_add_buffer(out, reader->chunk);
    base->offset += job.got;
    return 1;
}

void file_reader_close(struct storage_reader *base)
{
    struct file_reader *reader = (struct file_reader *)base;

    evbuffer_free(reader->chunk);
    file_descriptor_close(base->fd, false);
    free(reader);
}
