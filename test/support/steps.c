/* SPDX-License-Identifier: Apache-2.0
 *
 * steps - preloaded into a server, counts its steps on the storage (each call that changes files)
 * in all threads, and lets the one that was armed go wrong: killed before it, or failing with an
 * errno. Steps are also written down, so that a test can tell what would survive a power loss.
 *
 * KIST_STEPS names the control file, four native ints: the step that goes wrong (0: none), the
 * count so far, what happens (0: killed, else an errno), and whether all later steps fail too.
 * KIST_STEPS_LOG names the log: "<verb> <path>[ <second path>]" a line, after a step succeeded.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "lib/base/banned.h"

struct control {
    int armed;
    int count;
    int sys;
    int is_sticky;
};

static struct control *control;
static int log_fd = -1;

__attribute__((constructor)) static void begin(void)
{
    const char *control_path = getenv("KIST_STEPS");
    const char *log_path = getenv("KIST_STEPS_LOG");
    int fd = control_path != NULL ? (int)syscall(SYS_openat, AT_FDCWD, control_path, O_RDWR) : -1;

    if (fd < 0 || log_path == NULL)
        return;
    control = mmap(NULL, sizeof(*control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (control == MAP_FAILED)
        abort();
    close(fd);
    log_fd = (int)syscall(SYS_openat, AT_FDCWD, log_path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC,
                          0666);
}

/* One more step; 0 when it shall go on, -1 with errno when it shall fail. */
static int step(void)
{
    int count;

    if (control == NULL)
        return 0;
    count = __atomic_add_fetch(&control->count, 1, __ATOMIC_SEQ_CST);
    if (control->armed == 0 || count < control->armed ||
        (count > control->armed && !control->is_sticky))
        return 0;
    if (control->sys == 0)
        kill(getpid(), SIGKILL);
    errno = control->sys;
    return -1;
}

static void path_of(int fd, char out[PATH_MAX])
{
    char link[64];
    ssize_t len;

    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    len = readlink(link, out, PATH_MAX - 1);
    out[len > 0 ? len : 0] = '\0';
}

static void path_at(int directory, const char *name, char out[PATH_MAX])
{
    char above[PATH_MAX];

    if (name[0] == '/') {
        snprintf(out, PATH_MAX, "%s", name);
        return;
    }
    path_of(directory, above);
    snprintf(out, PATH_MAX, "%.2000s/%.2000s", above, name);
}

static void note(const char *verb, const char *path, const char *second)
{
    char line[2 * PATH_MAX];
    int sys = errno;
    int len = snprintf(line, sizeof(line), "%s %.3000s%s%.3000s\n", verb, path,
                       second[0] != '\0' ? " " : "", second);

    if (log_fd >= 0)
        syscall(SYS_write, log_fd, line, (size_t)len);
    errno = sys;
}

static void note_fd(const char *verb, int fd)
{
    char path[PATH_MAX];
    int sys = errno;

    path_of(fd, path);
    errno = sys;
    note(verb, path, "");
}

static void note_at(const char *verb, int directory, const char *name)
{
    char path[PATH_MAX];
    int sys = errno;

    path_at(directory, name, path);
    errno = sys;
    note(verb, path, "");
}

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static int is_file(int fd)
{
    struct stat stat;

    return fd > STDERR_FILENO && fd != log_fd && fstat(fd, &stat) == 0 && S_ISREG(stat.st_mode);
}

int openat64(int directory, const char *name, int flags, ...)
{
    mode_t mode = 0;
    va_list args;
    int fd;

    va_start(args, flags);
    if (flags & O_CREAT)
        mode = va_arg(args, mode_t);
    va_end(args);
    if (!(flags & O_CREAT))
        return NEXT(openat64)(directory, name, flags);
    if (step() < 0)
        return -1;
    fd = NEXT(openat64)(directory, name, flags, mode);
    if (fd >= 0)
        note_fd("create", fd);
    return fd;
}

ssize_t write(int fd, const void *data, size_t len)
{
    ssize_t written;

    if (!is_file(fd))
        return NEXT(write)(fd, data, len);
    if (step() < 0)
        return -1;
    written = NEXT(write)(fd, data, len);
    note_fd("write", fd);
    return written;
}

ssize_t pwritev64(int fd, const struct iovec *pieces, int count, off64_t offset)
{
    ssize_t written;

    if (step() < 0)
        return -1;
    written = NEXT(pwritev64)(fd, pieces, count, offset);
    note_fd("write", fd);
    return written;
}

int ftruncate64(int fd, off64_t size)
{
    int rc;

    if (step() < 0)
        return -1;
    rc = NEXT(ftruncate64)(fd, size);
    if (rc == 0)
        note_fd("write", fd);
    return rc;
}

int fsync(int fd)
{
    int rc;

    if (step() < 0)
        return -1;
    rc = NEXT(fsync)(fd);
    if (rc == 0)
        note_fd("fsync", fd);
    return rc;
}

int mkdirat(int directory, const char *name, mode_t mode)
{
    int rc;

    if (step() < 0)
        return -1;
    rc = NEXT(mkdirat)(directory, name, mode);
    if (rc == 0)
        note_at("mkdir", directory, name);
    return rc;
}

int unlinkat(int directory, const char *name, int flags)
{
    int rc;

    if (step() < 0)
        return -1;
    rc = NEXT(unlinkat)(directory, name, flags);
    if (rc == 0)
        note_at("unlink", directory, name);
    return rc;
}

int renameat(int from, const char *from_name, int to, const char *to_name)
{
    char from_path[PATH_MAX];
    char to_path[PATH_MAX];
    int rc;

    if (step() < 0)
        return -1;
    path_at(from, from_name, from_path);
    path_at(to, to_name, to_path);
    rc = NEXT(renameat)(from, from_name, to, to_name);
    if (rc == 0)
        note("rename", from_path, to_path);
    return rc;
}
