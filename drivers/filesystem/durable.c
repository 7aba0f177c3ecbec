/* SPDX-License-Identifier: Apache-2.0
 *
 * durable - see durable.h.
 */
#include "drivers/filesystem/durable.h"

#include "drivers/filesystem/place.h"
#include "lib/base/encode.h"
#include "lib/base/file.h"
#include "lib/base/random.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/base/banned.h"

#define RANDOM_LEN     8
#define TEMPORARY_SIZE sizeof(".0123456789abcdef.tmp")

bool is_durable_temporary(const char *name)
{
    struct span text = span_of(name);
    uint8_t random[RANDOM_LEN];

    return text.len == TEMPORARY_SIZE - 1 && name[0] == '.' && span_ends_with(text, SPAN(".tmp")) &&
           decode_hex(span_make(name + 1, 2 * RANDOM_LEN), random, RANDOM_LEN);
}

static void name_temporary(char out[TEMPORARY_SIZE])
{
    uint8_t random[RANDOM_LEN];
    char hex[2 * RANDOM_LEN + 1];

    random_fill(random, sizeof(random));
    encode_hex(random, sizeof(random), hex);
    snprintf(out, TEMPORARY_SIZE, ".%s.tmp", hex);
}

int durable_error(struct error *err, int sys, const char *what)
{
    error_set_sys(err, sys, "%s", what);
    if (sys == EISDIR || sys == ENOTDIR || sys == ELOOP)
        err->code = ERROR_EXISTS;
    return -1;
}

/* Gives @name in @directory this content; close tells what network filesystems kept back. */
static int write_file(int directory, const char *name, struct span content, struct error *err)
{
    int fd = openat(directory, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    int rc;

    if (fd < 0)
        return error_set_sys(err, errno, "making a temporary file");
    rc = file_write_all(fd, content, err);
    if (rc == 0 && fsync(fd) < 0)
        rc = error_set_sys(err, errno, "fsync");
    if (close(fd) < 0 && rc == 0)
        rc = error_set_sys(err, errno, "close");
    return rc;
}

static int replace_in(const struct place *place, struct span content, struct error *err)
{
    char temporary[TEMPORARY_SIZE];
    int rc;

    name_temporary(temporary);
    rc = write_file(place->directory, temporary, content, err);
    if (rc == 0 && renameat(place->directory, temporary, place->directory, place->name) < 0)
        rc = durable_error(err, errno, "rename");
    if (rc < 0)
        unlinkat(place->directory, temporary, 0);
    return rc;
}

int durable_replace(const char *path, struct span content, struct error *err)
{
    auto_place place = place_of(path);

    for (int attempt = 0; attempt < PLACE_ATTEMPTS; attempt++) {
        if (place_make(&place, err) < 0)
            return -1;
        if (replace_in(&place, content, err) == 0)
            return place_sync(&place, err);
        if (err->sys != ENOENT)
            return -1;
    }
    return -1;
}

static bool is_same_file(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

bool is_durable_same_file(const struct place *place, int fd)
{
    struct stat named;
    struct stat opened;

    return fstat(fd, &opened) == 0 && fstatat(place->directory, place->name, &named, 0) == 0 &&
           is_same_file(&named, &opened);
}

/* NOT_FOUND unless @from names the file that is open as @fd. */
static int check_source(const struct place *from, int fd, struct error *err)
{
    struct stat named;

    if (fstatat(from->directory, from->name, &named, 0) < 0)
        return error_set_sys(err, errno, "stat of the source");
    if (!S_ISREG(named.st_mode))
        return error_set(err, ERROR_NOT_FOUND, "the source is not a file");
    if (!is_durable_same_file(from, fd))
        return error_set(err, ERROR_NOT_FOUND, "the file was replaced while it was open");
    return 0;
}

/* Both names must be durable, else a crash could show the content at both or at none. */
static int sync_both(const struct place *from, const struct place *to, struct error *err)
{
    struct stat a;
    struct stat b;

    if (place_sync(to, err) < 0)
        return -1;
    if (fstat(from->directory, &a) == 0 && fstat(to->directory, &b) == 0 && is_same_file(&a, &b))
        return 0;
    return place_sync(from, err);
}

/* The rename's ENOENT may mean either end: the source is looked at again each time. */
int durable_move(const char *from_path, const char *to_path, int fd, struct error *err)
{
    auto_place from = place_of(from_path);
    auto_place to = place_of(to_path);

    if (place_open(&from, err) < 0)
        return -1;
    for (int attempt = 0; attempt < PLACE_ATTEMPTS; attempt++) {
        if (check_source(&from, fd, err) < 0 || place_make(&to, err) < 0)
            return -1;
        if (renameat(from.directory, from.name, to.directory, to.name) == 0)
            return sync_both(&from, &to, err);
        durable_error(err, errno, "rename");
        if (err->sys != ENOENT)
            return -1;
    }
    return -1;
}
