/* SPDX-License-Identifier: Apache-2.0
 *
 * password_version - see password_version.h.
 */
#include "auth/htpasswd/password_version.h"

#include "lib/base/clock.h"
#include "lib/base/file.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/base/banned.h"

void password_version_fini(struct password_version *version)
{
    passwords_free(version->passwords);
    *version = (struct password_version){0};
}

static bool is_same_time(struct timespec a, struct timespec b)
{
    return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

bool is_password_identity(const struct password_identity *a, const struct password_identity *b)
{
    return a->device == b->device && a->inode == b->inode && a->size == b->size &&
           is_same_time(a->modified, b->modified) && is_same_time(a->changed, b->changed);
}

bool is_password_version_equal(const struct password_version *a, const struct password_version *b)
{
    if (a->passwords == NULL || b->passwords == NULL)
        return a->passwords == b->passwords && strcmp(a->err.message, b->err.message) == 0;
    return span_equals(passwords_text(a->passwords), passwords_text(b->passwords));
}

static int identify(const char *path, struct password_identity *out, struct error *err)
{
    struct stat there;

    if (stat(path, &there) < 0)
        return error_set_sys(err, errno, "stat %s", path);
    if (!S_ISREG(there.st_mode))
        return error_set(err, ERROR_INVALID, "read %s: not a file", path);
    *out = (struct password_identity){
        .device = there.st_dev,
        .inode = there.st_ino,
        .size = there.st_size,
        .modified = there.st_mtim,
        .changed = there.st_ctim,
    };
    return 0;
}

static int64_t age_ms(struct timespec at)
{
    struct timespec now = clock_now();

    return (int64_t)(now.tv_sec - at.tv_sec) * 1000 + (now.tv_nsec - at.tv_nsec) / 1000000;
}

static int read_text(const char *path, struct password_version *version, struct error *err)
{
    struct error bad = ERROR_INIT;
    auto_str text = STR_INIT(PASSWORDS_FILE_MAX);
    int rc = file_read(path, &text, &bad);

    if (rc < 0 && bad.code != ERROR_TOO_LARGE) {
        *err = bad;
        return -1;
    }
    if (rc == 0)
        rc = passwords_parse(str_span(&text), &version->passwords, &bad);
    if (rc < 0)
        version->err = bad;
    if (text.len > 0)
        explicit_bzero(text.data, text.len);
    return 0;
}

int password_version_read(const char *path, const struct password_identity *known,
                          struct password_version *out, bool *out_is_changed, struct error *err)
{
    struct password_version version = {0};
    int64_t age;

    if (identify(path, &version.identity, err) < 0)
        return -1;
    *out_is_changed = known == NULL || !is_password_identity(known, &version.identity);
    if (!*out_is_changed)
        return 0;
    age = age_ms(version.identity.modified);
    version.is_young =
        age > -PASSWORD_VERSION_TIME_GRAIN_MS && age < PASSWORD_VERSION_TIME_GRAIN_MS;
    version.is_fresh = age < PASSWORD_VERSION_SETTLE_MS;
    if (read_text(path, &version, err) < 0)
        return -1;
    *out = version;
    return 0;
}
