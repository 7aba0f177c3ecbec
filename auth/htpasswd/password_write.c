/* SPDX-License-Identifier: Apache-2.0
 *
 * password_write - see password_write.h.
 *
 *     temporary beside it: write, mode, owner, fsync --> link or rename --> fsync of the directory
 */
#include "auth/htpasswd/password_write.h"

#include "lib/base/encode.h"
#include "lib/base/file.h"
#include "lib/base/memory.h"
#include "lib/base/random.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/base/banned.h"

#define DIRECTORY_MODE 0700

/* ---- one file ---- */

static int flush_and_close(int fd, int rc, struct error *err)
{
    if (rc == 0 && fsync(fd) < 0)
        rc = error_set_sys(err, errno, "fsync");
    if (close(fd) < 0 && rc == 0)
        rc = error_set_sys(err, errno, "close");
    return rc;
}

/* What a new file is to look like. */
struct look {
    mode_t mode;
    bool has_owner;
    uid_t user;
    gid_t group;
};

/* Who may not give files away keeps them; but a group that is not the old one gets no rights. */
static int set_look(int fd, struct look look, struct error *err)
{
    if (look.has_owner && fchown(fd, look.user, look.group) < 0 &&
        fchown(fd, (uid_t)-1, look.group) < 0)
        look.mode &= 07707;
    return fchmod(fd, look.mode) < 0 ? error_set_sys(err, errno, "chmod") : 0;
}

/* A temporary beside @path, complete. Given name: free(), unlink. */
static int write_temporary(const char *path, struct span content, struct look look, char **out_name,
                           struct error *err)
{
    uint8_t random[8];
    char hex[2 * sizeof(random) + 1];
    size_t size = strlen(path) + sizeof(hex) + sizeof("..tmp");
    auto_free char *name = xmalloc(size);
    int fd;
    int rc;

    random_fill(random, sizeof(random));
    encode_hex(random, sizeof(random), hex);
    snprintf(name, size, "%s.%s.tmp", path, hex);
    fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return error_set_sys(err, errno, "open %s", name);
    rc = file_write_all(fd, content, err);
    if (rc == 0)
        rc = set_look(fd, look, err);
    if (flush_and_close(fd, rc, err) < 0) {
        unlink(name);
        return -1;
    }
    *out_name = name;
    name = NULL;
    return 0;
}

static char *directory_of(const char *path)
{
    auto_free char *copy = xstrdup(path);

    return xstrdup(dirname(copy));
}

/* Some filesystems cannot flush a directory: their names are as safe as they get. */
static void sync_directory_of(const char *path)
{
    auto_free char *directory = directory_of(path);
    int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0)
        return;
    fsync(fd);
    close(fd);
}

/* ---- a new file ---- */

static int make_directories(const char *path, struct error *err)
{
    auto_free char *parent = NULL;
    struct stat there;

    if (stat(path, &there) == 0 && S_ISDIR(there.st_mode))
        return 0;
    parent = directory_of(path);
    if (strcmp(parent, path) != 0 && make_directories(parent, err) < 0)
        return -1;
    if (mkdir(path, DIRECTORY_MODE) < 0 && errno != EEXIST)
        return error_set_sys(err, errno, "mkdir %s", path);
    return 0;
}

/* A link refuses to replace; a filesystem without links takes the small risk of a rename. */
static int give_name(const char *temporary, const char *path, struct error *err)
{
    if (link(temporary, path) == 0) {
        unlink(temporary);
        return 0;
    }
    if (errno != EEXIST && rename(temporary, path) == 0)
        return 0;
    error_set_sys(err, errno, "making %s", path);
    unlink(temporary);
    return -1;
}

int password_write_new(const char *path, mode_t mode, struct span content, struct error *err)
{
    auto_free char *directory = directory_of(path);
    auto_free char *temporary = NULL;

    if (make_directories(directory, err) < 0 ||
        write_temporary(path, content, (struct look){.mode = mode}, &temporary, err) < 0 ||
        give_name(temporary, path, err) < 0)
        return -1;
    sync_directory_of(path);
    return 0;
}

/* ---- another content ---- */

static int write_into(const char *path, struct span content, struct error *err)
{
    int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);

    if (fd < 0)
        return error_set_sys(err, errno, "open %s", path);
    return flush_and_close(fd, file_write_all(fd, content, err), err);
}

static bool is_place_taken(int sys)
{
    return sys == EBUSY || sys == EACCES || sys == EPERM || sys == EROFS || sys == EXDEV;
}

int password_write_over(const char *path, struct span content, struct error *err)
{
    auto_free char *real = realpath(path, NULL);
    auto_free char *temporary = NULL;
    struct stat there;
    struct look look;

    if (real == NULL || stat(real, &there) < 0)
        return error_set_sys(err, errno, "open %s", path);
    look = (struct look){there.st_mode & 07777, true, there.st_uid, there.st_gid};
    if (write_temporary(real, content, look, &temporary, err) < 0)
        return is_place_taken(err->sys) ? write_into(real, content, err) : -1;
    if (rename(temporary, real) < 0) {
        int sys = errno;

        unlink(temporary);
        if (is_place_taken(sys))
            return write_into(real, content, err);
        return error_set_sys(err, sys, "rename to %s", real);
    }
    sync_directory_of(real);
    return 0;
}
