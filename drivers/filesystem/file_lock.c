/* SPDX-License-Identifier: Apache-2.0
 *
 * file_lock - see file_lock.h.
 */
#include "drivers/filesystem/file_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>

#include "lib/base/banned.h"

static int set_failure(struct error *err, int sys, const char *what)
{
    if (sys == EWOULDBLOCK || sys == EACCES)
        return error_set(err, ERROR_BUSY, "another writer holds the file");
    return error_set_sys(err, sys, "%s", what);
}

/* Open file description locks: like flock's, they belong to the descriptor, not to the process. */
static int lock_range(int fd, struct error *err)
{
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

    if (fcntl(fd, F_OFD_SETLK, &whole) == 0)
        return 0;
    return set_failure(err, errno, "locking the file (neither flock nor fcntl works here)");
}

int file_lock_try(int fd, struct error *err)
{
    if (flock(fd, LOCK_EX | LOCK_NB) == 0)
        return 0;
    if (errno == ENOLCK || errno == EOPNOTSUPP || errno == ENOSYS || errno == EINVAL)
        return lock_range(fd, err);
    return set_failure(err, errno, "flock");
}
