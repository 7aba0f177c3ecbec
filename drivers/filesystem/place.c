/* SPDX-License-Identifier: Apache-2.0
 *
 * place - see place.h.
 */
#include "drivers/filesystem/place.h"

#include "lib/base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/base/banned.h"

#define DIRECTORY_FLAGS (O_RDONLY | O_DIRECTORY | O_CLOEXEC)

/* Opens the directory that the first @len bytes of @path name. */
static int open_prefix(const char *path, size_t len)
{
    char *prefix = len > 0 ? xstrndup(path, len) : xstrdup("/");
    int fd = open(prefix, DIRECTORY_FLAGS);
    int sys = errno;

    free(prefix);
    errno = sys;
    return fd;
}

/* The length of the directory's path in the first @len bytes of @path; 0 is the root. */
static size_t parent_len(const char *path, size_t len)
{
    while (len > 0 && path[len - 1] != '/')
        len--;
    return len > 0 ? len - 1 : 0;
}

struct place place_of(const char *path)
{
    struct place place = {.directory = -1, .path = path};

    place.parent_len = parent_len(path, strlen(path));
    place.old_len = place.parent_len;
    place.name = path + place.parent_len + 1;
    return place;
}

int place_open(struct place *place, struct error *err)
{
    place_close(place);
    place->directory = open_prefix(place->path, place->parent_len);
    if (place->directory < 0)
        return error_set_sys(err, errno, "opening the directory");
    return 0;
}

static int set_in_the_way(struct error *err, int sys, const char *what)
{
    error_set_sys(err, sys, "%s", what);
    if (sys == ENOTDIR)
        err->code = ERROR_EXISTS;
    return -1;
}

/* Opens the deepest directory above the file that exists, the first @out_len bytes of the path. */
static int open_existing(struct place *place, size_t *out_len, struct error *err)
{
    size_t len = place->parent_len;

    place_close(place);
    for (;;) {
        place->directory = open_prefix(place->path, len);
        if (place->directory >= 0)
            break;
        if (errno != ENOENT || len == 0)
            return set_in_the_way(err, errno, "opening the directory");
        len = parent_len(place->path, len);
    }
    *out_len = len;
    return 0;
}

/* Goes from the open directory into its child @name, making it. */
static int enter(struct place *place, const char *name, struct error *err)
{
    int fd;

    if (mkdirat(place->directory, name, 0777) < 0 && errno != EEXIST)
        return set_in_the_way(err, errno, "making a directory");
    fd = openat(place->directory, name, DIRECTORY_FLAGS);
    if (fd < 0)
        return set_in_the_way(err, errno, "opening a new directory");
    close(place->directory);
    place->directory = fd;
    return 0;
}

/* Makes and enters every directory after the first @at bytes of the path. */
static int enter_all(struct place *place, size_t at, struct error *err)
{
    int rc = 0;

    if (at < place->old_len)
        place->old_len = at;
    while (rc == 0 && at < place->parent_len) {
        const char *name = place->path + at + 1;
        size_t len = strcspn(name, "/");
        char *component = xstrndup(name, len);

        if (len > 0)
            rc = enter(place, component, err);
        free(component);
        at += 1 + len;
    }
    return rc;
}

int place_make(struct place *place, struct error *err)
{
    for (int attempt = 0; attempt < PLACE_ATTEMPTS; attempt++) {
        size_t len;

        if (open_existing(place, &len, err) == 0 && enter_all(place, len, err) == 0)
            return 0;
        if (err->sys != ENOENT)
            return -1;
    }
    return -1;
}

/* Some network filesystems know no fsync of directories, and answer EINVAL. */
static int sync_directory(int fd, struct error *err)
{
    if (fsync(fd) < 0 && errno != EINVAL)
        return error_set_sys(err, errno, "fsync of a directory");
    return 0;
}

/*
 * The directory itself comes first: where one journal holds all of them, its commit takes the
 * others along. Then each directory that got a new child, upwards; one that somebody removed
 * meanwhile took its content along.
 */
int place_sync(const struct place *place, struct error *err)
{
    size_t len = place->parent_len;

    if (sync_directory(place->directory, err) < 0)
        return -1;
    while (len > place->old_len) {
        auto_close int fd = -1;

        len = parent_len(place->path, len);
        fd = open_prefix(place->path, len);
        if (fd < 0 && errno == ENOENT)
            continue;
        if (fd < 0)
            return error_set_sys(err, errno, "opening a directory for fsync");
        if (sync_directory(fd, err) < 0)
            return -1;
    }
    return 0;
}

void place_close(struct place *place)
{
    if (place->directory >= 0)
        close(place->directory);
    place->directory = -1;
}
