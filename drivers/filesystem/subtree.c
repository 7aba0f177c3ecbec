/* SPDX-License-Identifier: Apache-2.0
 *
 * subtree - see subtree.h.
 */
#include "drivers/filesystem/subtree.h"

#include "drivers/filesystem/durable.h"
#include "drivers/filesystem/place.h"
#include "lib/storage/driver.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>

#include "lib/base/banned.h"

/* Each level holds a descriptor and a little stack; repository names allow less than 140. */
#define DEPTH_MAX 256

static bool is_dot(const char *name)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

/* The next entry, NULL at the end or with errno set. */
static struct dirent *next_entry(DIR *directory)
{
    struct dirent *entry;

    do {
        errno = 0;
        entry = readdir(directory);
    } while (entry != NULL && is_dot(entry->d_name));
    return entry;
}

int subtree_list(const char *path, struct storage_list *out, struct error *err)
{
    DIR *directory = opendir(path);
    struct dirent *entry;
    int rc = 0;

    if (directory == NULL)
        return error_set_sys(err, errno, "opendir");
    while ((entry = next_entry(directory)) != NULL) {
        if (!is_durable_temporary(entry->d_name))
            storage_list_add(out, span_of(entry->d_name));
    }
    if (errno != 0)
        rc = error_set_sys(err, errno, "readdir");
    closedir(directory);
    storage_list_sort(out);
    return rc;
}

static int remove_entry(int parent, const char *name, int depth, struct error *err);

/* Removes what is in a directory; the entries that readdir skips because others disappear while it
 * reads are found by the caller's next round. */
static int remove_children(int parent, const char *name, int depth, struct error *err)
{
    int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *directory;
    struct dirent *entry;
    int rc = 0;

    if (fd < 0 && errno == ENOTDIR)
        return error_set_sys(err, EPERM, "unlink");
    if (fd < 0)
        return error_set_sys(err, errno, "opening a directory to remove");
    directory = fdopendir(fd);
    if (directory == NULL) {
        close(fd);
        return error_set_sys(err, errno, "fdopendir");
    }
    while (rc == 0 && (entry = next_entry(directory)) != NULL)
        rc = remove_entry(fd, entry->d_name, depth + 1, err);
    if (rc == 0 && errno != 0)
        rc = error_set_sys(err, errno, "readdir");
    closedir(directory);
    return rc;
}

/* Somebody may add to a directory while we empty it: it is emptied again, some times. */
static int remove_directory(int parent, const char *name, int depth, struct error *err)
{
    if (depth > DEPTH_MAX)
        return error_set(err, ERROR_IO, "directories nest too deep to be removed");
    for (int attempt = 0; attempt < PLACE_ATTEMPTS; attempt++) {
        if (remove_children(parent, name, depth, err) < 0)
            return err->sys == ENOENT ? 0 : -1;
        if (unlinkat(parent, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
            return 0;
        error_set_sys(err, errno, "rmdir");
        if (err->sys != ENOTEMPTY && err->sys != EEXIST)
            return -1;
    }
    return -1;
}

/* What is gone already counts as removed. A directory is told by EISDIR, elsewhere by EPERM. */
static int remove_entry(int parent, const char *name, int depth, struct error *err)
{
    if (unlinkat(parent, name, 0) == 0 || errno == ENOENT)
        return 0;
    if (errno == EISDIR || errno == EPERM)
        return remove_directory(parent, name, depth, err);
    return error_set_sys(err, errno, "unlink");
}

/* The system calls refuse the wrong kind, so that no look beforehand can be out of date. */
int subtree_clear(const char *path, bool is_directory, struct error *err)
{
    auto_place place = place_of(path);

    if (place_open(&place, err) < 0)
        return -1;
    if (is_directory && remove_directory(place.directory, place.name, 0, err) < 0) {
        if (err->sys == EPERM || err->sys == ENOTDIR)
            err->code = ERROR_NOT_FOUND;
        return -1;
    }
    if (!is_directory && unlinkat(place.directory, place.name, 0) < 0) {
        error_set_sys(err, errno, "unlink");
        if (err->sys == EISDIR)
            err->code = ERROR_NOT_FOUND;
        return -1;
    }
    return place_sync(&place, err);
}

int subtree_remove(const char *path, struct error *err)
{
    auto_place place = place_of(path);

    if (place_open(&place, err) < 0)
        return -1;
    if (faccessat(place.directory, place.name, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
        return error_set_sys(err, errno, "looking for what to remove");
    if (remove_entry(place.directory, place.name, 0, err) < 0)
        return -1;
    return place_sync(&place, err);
}
