/* SPDX-License-Identifier: Apache-2.0
 *
 * file_writer - appending to a file that this writer alone may write (file_lock.h).
 *
 * The bytes of one write go out in one job: all are there afterwards, or the file is cut back to
 * what it was. A writer that is killed leaves the file as far as it came, unlocked.
 */
#include "drivers/drivers.h"
#include "drivers/filesystem/durable.h"
#include "drivers/filesystem/file_descriptor.h"
#include "drivers/filesystem/file_lock.h"
#include "drivers/filesystem/filesystem.h"
#include "drivers/filesystem/place.h"
#include "lib/base/memory.h"
#include "lib/task/offload.h"

#include <errno.h>
#include <event2/buffer.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include "lib/base/banned.h"

struct file_writer {
    struct storage_writer base;
    const struct storage *storage; /* lent */
    char *path;                    /* owned */
    int fd;
    int64_t flushed_size; /* bytes that are durable, or were here before us */
    int64_t started_size; /* bytes that are on their way to the disk */
    size_t old_len;       /* of its place; see place.h */
    bool is_dirty;        /* written since the last flush */
    bool is_entry_new;    /* its name, and the directories above, are not durable yet */
};

/* ---- open ---- */

struct open_job {
    const char *path;
    enum storage_writer_mode mode;
    int fd;
    int64_t size;
    size_t old_len;
};

/* Takes the lock, and makes sure that the name still leads here: whoever held the lock before may
 * have moved the file away. ENOENT in @err->sys asks for another attempt. */
static int lock_named(const struct place *place, int fd, struct error *err)
{
    if (file_lock_try(fd, err) < 0)
        return -1;
    if (!is_durable_same_file(place, fd))
        return error_set_sys(err, ENOENT, "the file was moved away");
    return 0;
}

/* With the lock: the size, or a fresh beginning. */
static int open_content(struct open_job *job, int fd, struct error *err)
{
    struct stat stat;

    if (fstat(fd, &stat) < 0)
        return error_set_sys(err, errno, "fstat");
    if (!S_ISREG(stat.st_mode))
        return error_set(err, job->mode == STORAGE_WRITER_APPEND ? ERROR_NOT_FOUND : ERROR_EXISTS,
                         "not a file");
    if (job->mode != STORAGE_WRITER_APPEND && stat.st_size > 0) {
        if (ftruncate(fd, 0) < 0)
            return error_set_sys(err, errno, "ftruncate");
        stat.st_size = 0;
    }
    job->size = stat.st_size;
    return 0;
}

static int set_open_error(const struct open_job *job, int sys, struct error *err)
{
    durable_error(err, sys, "open");
    if (err->code == ERROR_EXISTS && job->mode == STORAGE_WRITER_APPEND)
        err->code = ERROR_NOT_FOUND;
    return -1;
}

static int open_once(struct open_job *job, struct place *place, struct error *err)
{
    bool is_create = job->mode != STORAGE_WRITER_APPEND;
    int flags = O_WRONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | (is_create ? O_CREAT : 0);
    auto_close int fd = -1;

    if ((is_create ? place_make(place, err) : place_open(place, err)) < 0)
        return -1;
    fd = openat(place->directory, place->name, flags, 0666);
    if (fd < 0)
        return set_open_error(job, errno, err);
    if (lock_named(place, fd, err) < 0 || open_content(job, fd, err) < 0)
        return -1;
    job->fd = fd;
    job->old_len = place->old_len;
    fd = -1;
    return 0;
}

static int open_job(void *arg, struct error *err)
{
    struct open_job *job = arg;
    auto_place place = place_of(job->path);

    for (int attempt = 0; attempt < PLACE_ATTEMPTS; attempt++) {
        if (open_once(job, &place, err) == 0)
            return 0;
        if (err->sys != ENOENT)
            return -1;
    }
    return -1;
}

int file_writer_open(struct storage *storage, const char *key, enum storage_writer_mode mode,
                     struct storage_writer **out, struct error *err)
{
    auto_free char *path = filesystem_path(storage, key);
    struct open_job job = {.path = path, .mode = mode, .fd = -1};
    struct file_writer *writer;

    if (offload(open_job, &job, err) < 0)
        return -1;
    writer = xcalloc(1, sizeof(*writer));
    writer->base = (struct storage_writer){.driver = &filesystem_driver, .size = job.size};
    writer->storage = storage;
    writer->path = path;
    path = NULL;
    writer->flushed_size = job.size;
    writer->started_size = job.size;
    writer->fd = job.fd;
    writer->old_len = job.old_len;
    writer->is_entry_new = job.size == 0; /* who made it may have been killed before a flush */
    writer->is_dirty = mode != STORAGE_WRITER_APPEND;
    *out = &writer->base;
    return 0;
}

/* ---- write ---- */

/* Bytes after which the kernel is told to begin writing them to the disk. */
#define START_SIZE (8 * 1024 * 1024)

struct write_job {
    int fd;
    int64_t offset;
    int64_t started_size; /* moved on when there was enough to start */
    struct evbuffer_iovec *pieces;
    int piece_count;
};

/* Drops @len written bytes from the front of the pieces. */
static void skip_written(struct write_job *job, size_t len)
{
    job->offset += (int64_t)len;
    while (job->piece_count > 0 && len >= job->pieces[0].iov_len) {
        len -= job->pieces[0].iov_len;
        job->pieces++;
        job->piece_count--;
    }
    if (len > 0) {
        job->pieces[0].iov_base = (char *)job->pieces[0].iov_base + len;
        job->pieces[0].iov_len -= len;
    }
}

static int write_pieces(struct write_job *job, struct error *err)
{
    while (job->piece_count > 0) {
        int count = job->piece_count < IOV_MAX ? job->piece_count : IOV_MAX;
        ssize_t written = pwritev(job->fd, job->pieces, count, job->offset);

        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return error_set_sys(err, errno, "write");
        skip_written(job, (size_t)written);
    }
    return 0;
}

/* Left alone the kernel would wait for many seconds or a great many bytes, and the fsync at the end
 * of a big upload would have to write them all while the client waits. Only a hint: no error
 * counts. */
static void start_writing(struct write_job *job)
{
    if (job->offset - job->started_size < START_SIZE)
        return;
    sync_file_range(job->fd, job->started_size, job->offset - job->started_size,
                    SYNC_FILE_RANGE_WRITE);
    job->started_size = job->offset;
}

/* After a failure the file is cut back; should that fail too, its next owner sees the real size. */
static int write_job(void *arg, struct error *err)
{
    struct write_job *job = arg;
    int64_t size = job->offset;

    if (write_pieces(job, err) == 0) {
        start_writing(job);
        return 0;
    }
    if (ftruncate(job->fd, size) < 0)
        error_wrap(err, "(and the file could not be cut back)");
    return -1;
}

int file_writer_write(struct storage_writer *base, struct evbuffer *data, struct error *err)
{
    struct file_writer *writer = (struct file_writer *)base;
    size_t len = evbuffer_get_length(data);
    struct evbuffer *taken = evbuffer_new();
    struct write_job job = {
        .fd = writer->fd, .offset = base->size, .started_size = writer->started_size};
    struct evbuffer_iovec *pieces;
    int rc;

    if (evbuffer_add_buffer(taken, data) < 0) {
        evbuffer_free(taken);
        return error_set(err, ERROR_INTERNAL, "a buffer that cannot be emptied");
    }
    job.piece_count = evbuffer_peek(taken, -1, NULL, NULL, 0);
    pieces = xcalloc((size_t)job.piece_count, sizeof(*pieces));
    evbuffer_peek(taken, -1, NULL, pieces, job.piece_count);
    job.pieces = pieces;
    writer->is_dirty = true;
    rc = offload(write_job, &job, err);
    if (rc == 0) {
        base->size += (int64_t)len;
        writer->started_size = job.started_size;
    }
    free(pieces);
    evbuffer_free(taken);
    return rc;
}

/* ---- flush and commit ---- */

struct flush_job {
    const struct file_writer *writer;
    const char *to; /* the path to move to; NULL: flush only */
    bool is_cut;    /* set when the file was cut back to flushed_size */
};

/* Makes durable that the name is there. */
static int sync_entry(const struct file_writer *writer, struct error *err)
{
    auto_place place = place_of(writer->path);

    if (place_open(&place, err) < 0)
        return -1;
    place.old_len = writer->old_len;
    return place_sync(&place, err);
}

/* After a failed fsync the kernel may have dropped what it could not write, and a second fsync
 * would say all is well: the bytes are given up. */
static int sync_content(struct flush_job *job, struct error *err)
{
    const struct file_writer *writer = job->writer;

    if (!writer->is_dirty || fsync(writer->fd) == 0)
        return 0;
    error_set_sys(err, errno, "fsync");
    job->is_cut = ftruncate(writer->fd, writer->flushed_size) == 0;
    return -1;
}

static int flush_job(void *arg, struct error *err)
{
    struct flush_job *job = arg;
    const struct file_writer *writer = job->writer;

    if (sync_content(job, err) < 0)
        return -1;
    if (job->to != NULL)
        return durable_move(writer->path, job->to, writer->fd, err);
    return writer->is_entry_new ? sync_entry(writer, err) : 0;
}

static int flush_and_move(struct file_writer *writer, const char *to, struct error *err)
{
    struct flush_job job = {.writer = writer, .to = to};

    if (offload(flush_job, &job, err) < 0) {
        if (job.is_cut)
            writer->base.size = writer->flushed_size;
        return -1;
    }
    writer->flushed_size = writer->base.size;
    writer->is_dirty = false;
    writer->is_entry_new = false;
    return 0;
}

int file_writer_flush(struct storage_writer *base, struct error *err)
{
    struct file_writer *writer = (struct file_writer *)base;

    if (!writer->is_dirty && !writer->is_entry_new)
        return 0;
    return flush_and_move(writer, NULL, err);
}

int file_writer_commit(struct storage_writer *base, const char *to, struct error *err)
{
    struct file_writer *writer = (struct file_writer *)base;
    auto_free char *path = filesystem_path(writer->storage, to);

    return flush_and_move(writer, path, err);
}

void file_writer_close(struct storage_writer *base)
{
    struct file_writer *writer = (struct file_writer *)base;

    file_descriptor_close(writer->fd, writer->is_dirty);
    free(writer->path);
    free(writer);
}
