/* SPDX-License-Identifier: Apache-2.0
 *
 * rules_file - see rules_file.h.
 *
 *     look (helper): stat --same--> nothing
 *                      `--other--> read, parse --> rules, or a fault that is told
 */
#include "auth/htpasswd/rules_file.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/memory.h"
#include "lib/task/offload.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/base/banned.h"

#define YOUNG_NS 2000000000 /* a file changed so lately may change again with the same time */

struct rules_file {
    char *path; /* owned */
    struct rules *rules;
    struct stat seen;     /* of the last look that read it */
    bool is_young;        /* it had just been changed then: read it again */
    char fault[256];      /* what was told last; "" for none */
    int64_t looked_at_ns; /* clock_monotonic_ns */
    bool is_looking;      /* a task is at it */
};

/* ---- on a helper ---- */

struct look {
    const char *path;
    const struct stat *known; /* NULL: read in any case */
    struct stat seen;
    struct rules *rules; /* given; NULL: as before, or a fault */
    bool is_read;        /* @seen was read, well or not */
};

static bool is_same(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
           a->st_ctim.tv_sec == b->st_ctim.tv_sec && a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

/* One byte more than the limit is enough to know that it is too long. */
static int read_text(int fd, struct str *out, struct error *err)
{
    for (;;) {
        char *room = str_reserve(out, 64 << 10);
        ssize_t len;

        if (room == NULL)
            return error_set(err, ERROR_TOO_LARGE, "longer than %d bytes", RULES_FILE_MAX);
        len = read(fd, room, 64 << 10);
        if (len < 0 && errno != EINTR)
            return error_set_sys(err, errno, "read");
        if (len == 0)
            return 0;
        if (len > 0)
            str_grown(out, (size_t)len);
    }
}

/* Not a pipe or a device: opening or reading one could take for ever. */
static int open_regular(struct look *look, struct error *err)
{
    int fd = open(look->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

    if (fd < 0)
        return error_set_sys(err, errno, "open");
    if (fstat(fd, &look->seen) == 0 && S_ISREG(look->seen.st_mode))
        return fd;
    close(fd);
    return error_set(err, ERROR_INVALID, "not a regular file");
}

static int run_look(void *arg, struct error *err)
{
    struct look *look = arg;
    auto_str text = STR_INIT(RULES_FILE_MAX + (64 << 10));
    auto_close int fd = open_regular(look, err);

    if (fd < 0)
        return error_wrap(err, "%s", look->path);
    if (look->known != NULL && is_same(look->known, &look->seen))
        return 0;
    look->is_read = true;
    if (read_text(fd, &text, err) < 0 || rules_parse(str_span(&text), &look->rules, err) < 0)
        return error_wrap(err, "%s", look->path);
    return 0;
}

/* ---- on the loop ---- */

static bool is_young(const struct stat *seen)
{
    struct timespec now = clock_now();
    int64_t age_ns = (int64_t)(now.tv_sec - seen->st_mtim.tv_sec) * 1000000000 +
                     (now.tv_nsec - seen->st_mtim.tv_nsec);

    return age_ns < YOUNG_NS;
}

static void note_fault(struct rules_file *file, const struct error *err)
{
    if (strcmp(file->fault, err->message) == 0)
        return;
    memcpy(file->fault, err->message, sizeof(file->fault));
    log_error("the access rules stay as they are: %s", err->message);
}

/* A file that had just been changed is read more than once; the same text again is nothing new. */
static bool is_other_text(const struct rules_file *file, const struct rules *rules)
{
    return file->rules == NULL || !span_equals(rules_text(file->rules), rules_text(rules));
}

/* Whether other rules hold now. */
static bool take(struct rules_file *file, const struct look *look)
{
    if (look->is_read) {
        file->seen = look->seen;
        file->is_young = is_young(&look->seen);
    }
    if (look->rules == NULL)
        return false;
    if (!is_other_text(file, look->rules)) {
        rules_free(look->rules);
        return false;
    }
    rules_free(file->rules);
    file->rules = look->rules;
    return true;
}

/* May suspend. */
static int look_at(struct rules_file *file, bool is_forced, bool *out_is_new, struct error *err)
{
    struct stat known = file->seen;
    bool must_read = is_forced || file->rules == NULL || file->is_young;
    struct look look = {.path = file->path, .known = must_read ? NULL : &known};
    int rc;

    file->is_looking = true;
    rc = offload(run_look, &look, err);
    file->is_looking = false;
    file->looked_at_ns = clock_monotonic_ns();
    *out_is_new = take(file, &look);
    if (rc == 0)
        file->fault[0] = '\0';
    if (*out_is_new)
        log_info("the access rules of %s hold now", file->path);
    return rc;
}

int rules_file_open(const char *path, struct rules_file **out, struct error *err)
{
    struct rules_file *file = xcalloc(1, sizeof(*file));
    bool is_new;

    file->path = xstrdup(path);
    if (look_at(file, true, &is_new, err) < 0) {
        rules_file_close(file);
        return -1;
    }
    *out = file;
    return 0;
}

void rules_file_close(struct rules_file *file)
{
    if (file == NULL)
        return;
    rules_free(file->rules);
    free(file->path);
    free(file);
}

const struct rules *rules_file_rules(const struct rules_file *file)
{
    return file->rules;
}

int rules_file_refresh(struct rules_file *file, struct error *err)
{
    bool is_new = false;
    int64_t waited_ns = clock_monotonic_ns() - file->looked_at_ns;

    if (file->is_looking || waited_ns < (int64_t)RULES_FILE_LOOK_MS * 1000000)
        return 0;
    if (look_at(file, false, &is_new, err) == 0)
        return is_new;
    if (err->code == ERROR_CANCELED)
        return -1;
    note_fault(file, err);
    *err = ERROR_INIT;
    return 0;
}

int rules_file_reload(struct rules_file *file, struct error *err)
{
    bool is_new;

    return look_at(file, true, &is_new, err);
}
