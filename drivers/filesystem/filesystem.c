/* SPDX-License-Identifier: Apache-2.0
 *
 * filesystem - keys are files below a root directory, as upstream lays them out.
 *
 * What the kernel holds in memory is answered on the loop (cached.h); all else is one job of a
 * helper thread (durable.h, subtree.h) per call, which makes each call all or nothing for a
 * cancellation. Streams are in file_reader.c and file_writer.c.
 */
#include "drivers/filesystem/filesystem.h"

#include "drivers/drivers.h"
#include "drivers/filesystem/cached.h"
#include "drivers/filesystem/durable.h"
#include "drivers/filesystem/file_descriptor.h"
#include "drivers/filesystem/litter.h"
#include "drivers/filesystem/place.h"
#include "drivers/filesystem/subtree.h"
#include "lib/base/log.h"
#include "lib/base/memory.h"
#include "lib/config/config.h"
#include "lib/task/offload.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/base/banned.h"

#define ROOT_DEFAULT "/var/lib/registry"

char *filesystem_path(const struct storage *storage, const char *key)
{
    const char *root = ((const struct filesystem *)storage)->root;
    size_t root_len = strlen(root);
    size_t key_len = strlen(key);
    char *path = xmalloc(root_len + key_len + 1);

    memcpy(path, root, root_len);
    memcpy(path + root_len, key, key_len + 1);
    return path;
}

/* ---- open and close ---- */

/* @root, absolute and without slashes at the end; the root directory of the host is "". Given. */
static char *absolute_root(const char *root, struct error *err)
{
    auto_str text = STR_INIT(4096);
    auto_free char *cwd = NULL;

    if (root[0] != '/') {
        cwd = getcwd(NULL, 0);
        if (cwd == NULL) {
            error_set_sys(err, errno, "getcwd");
            return NULL;
        }
        str_append_format(&text, "%s/", cwd);
    }
    str_append_text(&text, root);
    if (str_overflowed(&text)) {
        error_set(err, ERROR_INVALID, "the root directory's name is too long");
        return NULL;
    }
    while (text.len > 0 && text.data[text.len - 1] == '/')
        text.data[--text.len] = '\0';
    return str_take(&text);
}

/* Makes the root directory if need be. One that cannot be written to may be meant so (a registry
 * that is read-only): that is only said. */
static int prepare_root(const struct storage *storage, struct error *err)
{
    auto_free char *inside = filesystem_path(storage, "/docker");
    auto_place place = place_of(inside);

    if (place_make(&place, err) < 0 || place_sync(&place, err) < 0)
        return error_wrap(err, "root directory %s", ((const struct filesystem *)storage)->root);
    if (faccessat(place.directory, ".", W_OK | X_OK, AT_EACCESS) < 0)
        log_warn("storage: root directory %s cannot be written to: %s",
                 ((const struct filesystem *)storage)->root, strerror(errno));
    return 0;
}

static void filesystem_close(struct storage *storage)
{
    free(((struct filesystem *)storage)->root);
    free(storage);
}

static int filesystem_open(const struct config *config, struct storage **out_storage,
                           struct error *err)
{
    struct filesystem *filesystem = xcalloc(1, sizeof(*filesystem));
    const char *root = config->storage.filesystem.root;

    filesystem->base.driver = &filesystem_driver;
    filesystem->root = absolute_root(root[0] != '\0' ? root : ROOT_DEFAULT, err);
    if (filesystem->root == NULL || prepare_root(&filesystem->base, err) < 0) {
        filesystem_close(&filesystem->base);
        return -1;
    }
    *out_storage = &filesystem->base;
    return 0;
}

/* ---- get ---- */

struct read_job {
    int fd;
    char *buffer;
    size_t len;
    size_t done;
};

/* Reads until the buffer is full or the file ends. */
static int read_job(void *arg, struct error *err)
{
    struct read_job *job = arg;

    while (job->done < job->len) {
        ssize_t got =
            pread(job->fd, job->buffer + job->done, job->len - job->done, (off_t)job->done);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return error_set_sys(err, errno, "read");
        if (got == 0)
            break;
        job->done += (size_t)got;
    }
    return 0;
}

/* All of the file, from memory as far as it goes. */
static int read_file(struct read_job *job, struct error *err)
{
    while (job->done < job->len) {
        ssize_t got =
            cached_read(job->fd, job->buffer + job->done, job->len - job->done, (off_t)job->done);

        if (got == 0)
            break;
        if (got == CACHED_MISS)
            return offload(read_job, job, err);
        job->done += (size_t)got;
    }
    return 0;
}

static int filesystem_get(struct storage *storage, const char *key, struct str *out,
                          struct error *err)
{
    auto_free char *path = filesystem_path(storage, key);
    int64_t size;
    auto_close int fd = file_descriptor_open(path, &size, err);
    struct read_job job = {.fd = fd};

    if (fd < 0)
        return -1;
    if ((uint64_t)size > out->max - out->len)
        return error_set(err, ERROR_TOO_LARGE, "%lld bytes are more than %zu", (long long)size,
                         out->max - out->len);
    job.len = (size_t)size;
    job.buffer = str_reserve(out, job.len);
    if (read_file(&job, err) < 0)
        return -1;
    str_grown(out, job.done);
    return 0;
}

/* ---- put ---- */

struct put_job {
    const char *path;
    struct span content;
};

static int put_job(void *arg, struct error *err)
{
    const struct put_job *job = arg;

    return durable_replace(job->path, job->content, err);
}

static int filesystem_put(struct storage *storage, const char *key, struct span content,
                          struct error *err)
{
    auto_free char *path = filesystem_path(storage, key);
    struct put_job job = {path, content};

    return offload(put_job, &job, err);
}

/* ---- stat ---- */

struct stat_job {
    const char *path;
    struct stat stat;
};

static int set_stat_error(int sys, struct error *err)
{
    return sys == ELOOP ? file_descriptor_refuse(err) : error_set_sys(err, sys, "stat");
}

static int stat_job(void *arg, struct error *err)
{
    struct stat_job *job = arg;

    return stat(job->path, &job->stat) == 0 ? 0 : set_stat_error(errno, err);
}

/* From memory by way of a descriptor that only names the file. */
static int cached_stat(struct stat_job *job, struct error *err)
{
    auto_close int fd = cached_open(job->path, O_PATH | O_CLOEXEC);

    if (fd == -1)
        return set_stat_error(errno, err);
    return fd >= 0 && fstat(fd, &job->stat) == 0 ? 0 : CACHED_MISS;
}

static int filesystem_stat(struct storage *storage, const char *key, enum storage_kind kind,
                           struct storage_stat *out, struct error *err)
{
    auto_free char *path = filesystem_path(storage, key);
    struct stat_job job = {.path = path};
    int rc = cached_stat(&job, err);

    (void)kind;
    if (rc == CACHED_MISS)
        rc = offload(stat_job, &job, err);
    if (rc < 0)
        return -1;
    out->is_directory = S_ISDIR(job.stat.st_mode);
    out->size = out->is_directory ? 0 : job.stat.st_size;
    out->modified_at = job.stat.st_mtim;
    return 0;
}

/* ---- list, remove ---- */

struct list_job {
    const char *path;
    struct storage_list *out;
};

static int list_job(void *arg, struct error *err)
{
    const struct list_job *job = arg;

    return subtree_list(job->path, job->out, err);
}

static int filesystem_list(struct storage *storage, const char *key, struct storage_list *out,
                           struct error *err)
{
    auto_free char *path = filesystem_path(storage, key);
    struct list_job job = {path, out};

    return offload(list_job, &job, err);
}

static int remove_job(void *arg, struct error *err)
{
    return subtree_remove(*(const char *const *)arg, err);
}

static int filesystem_remove(struct storage *storage, const char *key, struct error *err)
{
    auto_free char *path = filesystem_path(storage, key);

    return offload(remove_job, &path, err);
}

struct clear_job {
    const char *path;
    bool is_directory;
};

static int clear_job(void *arg, struct error *err)
{
    const struct clear_job *job = arg;

    return subtree_clear(job->path, job->is_directory, err);
}

static int filesystem_clear(struct storage *storage, const char *key, bool is_directory,
                            struct error *err)
{
    auto_free char *path = filesystem_path(storage, key);
    struct clear_job job = {path, is_directory};

    return offload(clear_job, &job, err);
}

struct sweep_job {
    const char *path;
    struct timespec before;
    bool is_dry_run;
    struct storage_sweep *out;
};

static int sweep_job(void *arg, struct error *err)
{
    const struct sweep_job *job = arg;

    return litter_sweep(job->path, job->before, job->is_dry_run, job->out, err);
}

static int filesystem_sweep(struct storage *storage, const char *key, struct timespec before,
                            bool is_dry_run, struct storage_sweep *out, struct error *err)
{
    auto_free char *path = filesystem_path(storage, key);
    struct sweep_job job = {path, before, is_dry_run, out};

    return offload(sweep_job, &job, err);
}

const struct storage_driver filesystem_driver = {
    .name = "filesystem",
    .summary = "Keeps everything in files below a root directory.",
    .open = filesystem_open,
    .close = filesystem_close,
    .get = filesystem_get,
    .put = filesystem_put,
    .stat = filesystem_stat,
    .list = filesystem_list,
    .remove = filesystem_remove,
    .clear = filesystem_clear,
    .sweep = filesystem_sweep,
    .reader_open = file_reader_open,
    .reader_read = file_reader_read,
    .reader_close = file_reader_close,
    .writer_open = file_writer_open,
    .writer_write = file_writer_write,
    .writer_flush = file_writer_flush,
    .writer_close = file_writer_close,
    .writer_commit = file_writer_commit,
};
