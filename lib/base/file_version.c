/* SPDX-License-Identifier: Apache-2.0
 *
 * file_version - see file_version.h.
 */
#include "lib/base/file_version.h"

#include "lib/base/clock.h"

#include <errno.h>
#include <sys/stat.h>

#include "lib/base/banned.h"

static int64_t age_ms(struct timespec at)
{
    struct timespec now = clock_now();

    return (int64_t)(now.tv_sec - at.tv_sec) * 1000 + (now.tv_nsec - at.tv_nsec) / CLOCK_MS_NS;
}

/* One that is far in the future is as good as old: else it would be young for years. */
static bool is_young(struct timespec changed)
{
    int64_t age = age_ms(changed);

    return age > -FILE_VERSION_GRAIN_MS && age < FILE_VERSION_GRAIN_MS;
}

struct file_version file_version_look(const char *path)
{
    struct stat there;

    if (stat(path, &there) < 0)
        return (struct file_version){.sys = errno};
    return (struct file_version){
        .device = there.st_dev,
        .inode = there.st_ino,
        .size = there.st_size,
        .modified = there.st_mtim,
        .changed = there.st_ctim,
        .is_young = is_young(there.st_ctim),
    };
}

static bool is_same_time(struct timespec a, struct timespec b)
{
    return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

bool has_file_changed(const struct file_version *now, const struct file_version *seen)
{
    return seen->is_young || now->sys != seen->sys || now->device != seen->device ||
           now->inode != seen->inode || now->size != seen->size ||
           !is_same_time(now->modified, seen->modified) ||
           !is_same_time(now->changed, seen->changed);
}

int64_t file_version_age_ms(const struct file_version *version)
{
    return age_ms(version->modified);
}
