/* SPDX-License-Identifier: Apache-2.0
 *
 * password_file - see password_file.h.
 *
 * What a helper has read is taken by the loop. `current` is what counts; `held` is a version that
 * would take users away or does not parse, and is too young to be believed.
 */
#include "auth/htpasswd/password_file.h"

#include "auth/htpasswd/bcrypt.h"
#include "auth/htpasswd/password_version.h"
#include "auth/htpasswd/passwords.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/memory.h"
#include "lib/task/task.h"
#include "lib/task/watched.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/banned.h"

struct password_file {
    struct watched *watched;
    char *path;                      /* owned */
    struct password_version current; /* passwords NULL: never parsed */
    struct password_version held;
    bool is_held;
    int64_t held_since_ms;
    struct error gone; /* why the file cannot be read; ERROR_NONE: it can */
};

/* On a helper. */
static int read_version(struct watched_file *files, size_t count, void *arg, struct error *err)
{
    (void)count, (void)err;
    password_version_init(arg, &files[0]);
    return 0;
}

struct password_file *password_file_new(const char *path)
{
    struct password_file *file = xcalloc(1, sizeof(*file));

    file->path = xstrdup(path);
    file->watched = watched_new(&(struct watched_options){
        .paths = &path,
        .count = 1,
        .size_max = PASSWORDS_FILE_MAX,
        .read = read_version,
    });
    return file;
}

void password_file_free(struct password_file *file)
{
    if (file == NULL)
        return;
    watched_free(file->watched);
    password_version_fini(&file->current);
    password_version_fini(&file->held);
    free(file->path);
    free(file);
}

void password_fini(struct password *password)
{
    str_fini(&password->entry);
}

/* ---- taking what was read ---- */

static void tell_of_users(const char *path, const struct passwords *passwords)
{
    size_t useless = passwords_useless_count(passwords);

    log_debug("%s: %zu users", path, passwords_count(passwords));
    if (useless > 0)
        log_warn("%s: %zu users cannot log in: no bcrypt hash, or one of a cost above %d", path,
                 useless, BCRYPT_COST_MAX);
}

/* A version that does not parse is remembered by what it was, and told once; its users are the ones
 * there were. */
static void take(struct password_file *file, struct password_version *version)
{
    if (version->passwords == NULL) {
        version->passwords = file->current.passwords;
        if (version->passwords != NULL)
            log_error("%s does not parse, the users there were stay: %s", file->path,
                      version->err.message);
    } else {
        passwords_free(file->current.passwords);
        tell_of_users(file->path, version->passwords);
    }
    file->current = *version;
    *version = (struct password_version){0};
}

static void drop_held(struct password_file *file)
{
    password_version_fini(&file->held);
    file->is_held = false;
}

/* Whether it may be taken as it comes: nobody loses by it, or it has been there for a while. */
static bool is_believable(const struct password_file *file, const struct password_version *version)
{
    if (file->current.passwords == NULL || !version->is_fresh)
        return true;
    return version->passwords != NULL &&
           passwords_only_gained(file->current.passwords, version->passwords);
}

static void hold(struct password_file *file, struct password_version *version)
{
    if (!file->is_held || !is_password_version_equal(&file->held, version))
        file->held_since_ms = clock_monotonic_ms();
    password_version_fini(&file->held);
    file->held = *version;
    file->is_held = true;
    *version = (struct password_version){0};
}

static bool has_settled(const struct password_file *file)
{
    return file->is_held &&
           clock_monotonic_ms() - file->held_since_ms >= PASSWORD_VERSION_SETTLE_MS;
}

/* The text that counts, or the mistake that was told. */
static bool is_old_news(const struct password_file *file, const struct password_version *version)
{
    const struct password_version *current = &file->current;

    if (version->passwords == NULL)
        return strcmp(version->err.message, current->err.message) == 0;
    return current->passwords != NULL &&
           span_equals(passwords_text(version->passwords), passwords_text(current->passwords));
}

/* What is held is believed once it has been there for a while. */
static void take_settled(struct password_file *file)
{
    if (!has_settled(file))
        return;
    take(file, &file->held);
    drop_held(file);
}

static void arrive(struct password_file *file, struct password_version *version)
{
    if (is_old_news(file, version)) {
        file->current.err = version->err;
        password_version_fini(version);
        drop_held(file);
    } else if (is_believable(file, version)) {
        take(file, version);
        drop_held(file);
    } else {
        hold(file, version);
        take_settled(file);
    }
}

/* ---- looking ---- */

static void take_read(struct password_file *file, struct password_version *version)
{
    file->gone = version->is_unreadable ? version->err : ERROR_INIT;
    if (!version->is_unreadable)
        arrive(file, version);
}

/* Errors: whatever keeps the file from being read. */
static int look(struct password_file *file, struct error *err)
{
    struct password_version version = {0};
    bool is_read = false;

    if (watched_look(file->watched, 0, &version, &is_read, err) < 0)
        return -1;
    if (is_read)
        take_read(file, &version);
    else
        take_settled(file);
    if (file->gone.code == ERROR_NONE)
        return 0;
    *err = file->gone;
    return -1;
}

/* ---- users ---- */

static bool is_entry_held_back(const struct password_file *file, struct span user)
{
    struct span now = {0};
    struct span then = {0};
    bool is_now;
    bool is_then;

    if (!file->is_held || file->held.passwords == NULL)
        return false;
    is_now = passwords_find(file->current.passwords, user, &now);
    is_then = passwords_find(file->held.passwords, user, &then);
    return is_now != is_then || !span_equals(now, then);
}

/* At least a little longer than what is left, so that the next look finds it settled. */
static int wait_for_rest(const struct password_file *file, struct error *err)
{
    int64_t left = PASSWORD_VERSION_SETTLE_MS - (clock_monotonic_ms() - file->held_since_ms);

    return task_sleep(left > 0 ? (int)left + 1 : 1, err);
}

static int look_until_settled(struct password_file *file, struct span user, struct error *err)
{
    int64_t until = clock_monotonic_ms() + PASSWORD_FILE_WAIT_MAX_MS;

    for (;;) {
        if (look(file, err) < 0)
            return -1;
        if (!is_entry_held_back(file, user) || clock_monotonic_ms() >= until)
            return 0;
        if (wait_for_rest(file, err) < 0)
            return -1;
    }
}

int password_file_find(struct password_file *file, struct span user, struct password *out,
                       struct error *err)
{
    struct span entry;

    if (look_until_settled(file, user, err) < 0)
        return -1;
    if (file->current.passwords == NULL) {
        *err = file->current.err;
        return -1;
    }
    out->is_known = passwords_find(file->current.passwords, user, &entry);
    if (out->is_known)
        str_append(&out->entry, entry);
    out->usual_cost = passwords_usual_cost(file->current.passwords);
    return 0;
}

int password_file_reload(struct password_file *file, struct error *err)
{
    struct password_version version = {0};

    if (watched_read(file->watched, &version, err) < 0)
        return -1;
    take_read(file, &version);
    if (file->gone.code != ERROR_NONE) {
        *err = file->gone;
        return -1;
    }
    if (file->is_held) {
        take(file, &file->held);
        drop_held(file);
    }
    if (file->current.err.code == ERROR_NONE)
        return 0;
    *err = file->current.err;
    return -1;
}

bool password_file_lacks(const struct password_file *file, struct span user)
{
    struct span entry;

    return file->current.passwords != NULL &&
           !passwords_find(file->current.passwords, user, &entry);
}
