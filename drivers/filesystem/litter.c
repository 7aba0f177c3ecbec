/* SPDX-License-Identifier: Apache-2.0
 *
 * litter - see litter.h.
 */
#include "drivers/filesystem/litter.h"

#include "drivers/filesystem/durable.h"
#include "lib/storage/driver.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/banned.h"

static bool is_before(struct timespec a, struct timespec b)
{
    return a.tv_sec < b.tv_sec || (a.tv_sec == b.tv_sec && a.tv_nsec < b.tv_nsec);
}

static bool is_directory(int parent, const struct dirent *entry)
{
    struct stat stat;

    if (entry->d_type != DT_UNKNOWN)
        return entry->d_type == DT_DIR;
    return fstatat(parent, entry->d_name, &stat, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(stat.st_mode);
}

static bool is_litter(int parent, const char *name, struct timespec before)
{
    struct stat stat;

    return is_durable_temporary(name) && fstatat(parent, name, &stat, AT_SYMLINK_NOFOLLOW) == 0 &&
           S_ISREG(stat.st_mode) && is_before(stat.st_mtim, before);
}

static void sweep_entry(int parent, const struct dirent *entry, struct timespec before,
                        bool is_dry_run, struct storage_sweep *out)
{
    const char *name = entry->d_name;

    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return;
    if (is_directory(parent, entry))
        storage_list_add(&out->directories, span_of(name));
    else if (is_litter(parent, name, before) && (is_dry_run || unlinkat(parent, name, 0) == 0))
        storage_list_add(&out->litter, span_of(name));
}

int litter_sweep(const char *path, struct timespec before, bool is_dry_run,
                 struct storage_sweep *out, struct error *err)
{
    DIR *directory = opendir(path);
    const struct dirent *entry;
    int rc = 0;

    if (directory == NULL)
        return error_set_sys(err, errno, "opendir");
    for (;;) {
        errno = 0;
        entry = readdir(directory);
        if (entry == NULL)
            break;
        sweep_entry(dirfd(directory), entry, before, is_dry_run, out);
    }
    if (errno != 0)
        rc = error_set_sys(err, errno, "readdir");
    closedir(directory);
    storage_list_sort(&out->directories);
    return rc;
}
