/* SPDX-License-Identifier: Apache-2.0
 *
 * key_files - see key_files.h. The work is done on a helper thread: a file may be on a share that
 * does not answer.
 */
#include "auth/token/key_files.h"

#include "lib/base/ascii.h"
#include "lib/base/memory.h"
#include "lib/task/offload.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/base/banned.h"

struct job {
    struct key_files *files;
    bool is_forced;
    struct key_files_result *out;
};

void key_files_init(struct key_files *files, const char *bundle, const char *jwks)
{
    *files = (struct key_files){.bundle = xstrdup(bundle), .jwks = xstrdup(jwks)};
}

void key_files_fini(struct key_files *files)
{
    free(files->bundle);
    free(files->jwks);
}

void key_files_result_fini(struct key_files_result *result)
{
    keys_unref(result->keys);
    str_fini(&result->warnings);
}

/* ---- stamps ---- */

static struct key_files_stamp stamp_of(const struct stat *stat)
{
    return (struct key_files_stamp){
        .device = stat->st_dev,
        .inode = stat->st_ino,
        .size = stat->st_size,
        .modified_at = stat->st_mtim,
        .changed_at = stat->st_ctim,
    };
}

static bool is_same_time(struct timespec a, struct timespec b)
{
    return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

static bool is_same(const struct key_files_stamp *a, const struct key_files_stamp *b)
{
    return a->sys == b->sys && a->device == b->device && a->inode == b->inode &&
           a->size == b->size && is_same_time(a->modified_at, b->modified_at) &&
           is_same_time(a->changed_at, b->changed_at);
}

static bool has_changed(const char *path, const struct key_files_stamp *seen)
{
    struct key_files_stamp now;
    struct stat found;

    if (path[0] == '\0')
        return false;
    now = stat(path, &found) == 0 ? stamp_of(&found) : (struct key_files_stamp){.sys = errno};
    return !is_same(&now, seen);
}

/* ---- reading ---- */

/* As upstream's runtime words it: "open /x: no such file or directory". */
static int refuse_open(struct error *err, const char *what, const char *path, int sys)
{
    auto_free char *text = xstrdup(strerror(sys));

    text[0] = ascii_lower(text[0]);
    return error_set(err, ERROR_INVALID, "unable to open %s file \"%s\": open %s: %s", what, path,
                     path, text);
}

static int read_rest(int fd, struct str *out)
{
    for (;;) {
        char *room = str_reserve(out, 1);
        size_t len = out->cap > out->len ? out->cap - out->len - 1 : 0;
        ssize_t got;

        if (room == NULL || len == 0)
            return EFBIG;
        got = read(fd, room, len);
        if (got == 0)
            return 0;
        if (got > 0)
            str_grown(out, (size_t)got);
        else if (errno != EINTR)
            return errno;
    }
}

/* @what as upstream calls the file. The stamp is that of the bytes, or older. */
static int read_file(const char *path, const char *what, struct key_files_stamp *stamp,
                     struct str *out, struct error *err)
{
    auto_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    struct stat found;
    int sys;

    if (fd < 0 || fstat(fd, &found) < 0) {
        sys = errno;
        *stamp = (struct key_files_stamp){.sys = sys};
        return refuse_open(err, what, path, sys);
    }
    *stamp = stamp_of(&found);
    sys = read_rest(fd, out);
    return sys == 0 ? 0
                    : error_set(err, ERROR_INVALID, "unable to read %s file \"%s\": %s", what, path,
                                strerror(sys));
}

static int read_bundle(struct key_files *files, struct keys *keys, struct str *warnings,
                       struct error *err)
{
    auto_str pem = STR_INIT(KEYS_FILE_MAX);

    if (files->bundle[0] == '\0')
        return 0;
    if (read_file(files->bundle, "token auth root certificate bundle", &files->bundle_stamp, &pem,
                  err) < 0)
        return -1;
    if (keys_add_bundle(keys, str_span(&pem), warnings, err) < 0)
        return -1;
    if (keys_count(keys) == 0 && files->jwks[0] == '\0')
        return error_set(err, ERROR_INVALID,
                         "token auth requires at least one token signing root certificate");
    return 0;
}

static int read_jwks(struct key_files *files, struct keys *keys, struct str *warnings,
                     struct error *err)
{
    auto_str json = STR_INIT(KEYS_FILE_MAX);

    if (files->jwks[0] == '\0')
        return 0;
    if (read_file(files->jwks, "jwks", &files->jwks_stamp, &json, err) < 0)
        return -1;
    return keys_add_jwks(keys, &json, warnings, err);
}

/* Both are read, so that the stamps of both are new, whatever becomes of the first. */
static int read_both(struct job *job, struct error *err)
{
    auto_keys struct keys *keys = keys_new();
    struct error second = ERROR_INIT;
    int bundle = read_bundle(job->files, keys, &job->out->warnings, err);
    int jwks = read_jwks(job->files, keys, &job->out->warnings, bundle < 0 ? &second : err);

    if (bundle < 0 || jwks < 0)
        return -1;
    if (keys_count(keys) == 0)
        return error_set(err, ERROR_INVALID, "token auth requires at least one token signing key");
    job->out->keys = keys;
    keys = NULL;
    return 0;
}

/* On a helper thread. */
static int look(void *arg, struct error *err)
{
    struct job *job = arg;

    if (!job->is_forced && !has_changed(job->files->bundle, &job->files->bundle_stamp) &&
        !has_changed(job->files->jwks, &job->files->jwks_stamp))
        return 0;
    job->out->is_new = true;
    return read_both(job, err);
}

int key_files_look(struct key_files *files, bool is_forced, struct key_files_result *out,
                   struct error *err)
{
    struct job job = {files, is_forced, out};

    *out = (struct key_files_result){.warnings = STR_INIT(KEYS_WARNINGS_MAX)};
    return offload(look, &job, err);
}
