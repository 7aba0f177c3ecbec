/* SPDX-License-Identifier: Apache-2.0
 *
 * password_file - see password_file.h.
 *
 *     look (helper): stat --same--> nothing
 *                      `--other--> read, parse --> take it at once | hold it till it has settled
 *
 * The version a helper returns is taken by the loop. `current` is what counts; `held` is a version
 * that would take users away or does not parse, and is too young to be believed.
 */
#include "auth/htpasswd/password_file.h"

#include "auth/htpasswd/bcrypt.h"
#include "auth/htpasswd/password_version.h"
#include "auth/htpasswd/passwords.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/memory.h"
#include "lib/task/offload.h"
#include "lib/task/task.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "lib/base/banned.h"

struct looker {
    struct task_wait wait;
    bool is_waiting;
    TAILQ_ENTRY(looker) link;
};

struct password_file {
    char *path;                      /* owned */
    struct password_version current; /* passwords NULL: never parsed */
    bool has_current;                /* false: never read */
    struct password_version held;
    bool is_held;
    int64_t held_since_ms;
    bool is_looking;   /* a task is at it */
    uint64_t started;  /* looks */
    uint64_t finished; /* the last of them that came to an end */
    int result;        /* of that */
    struct error err;
    TAILQ_HEAD(, looker) lookers; /* wait for the end of a look */
};

static int64_t now_ms(void)
{
    return clock_monotonic_ns() / 1000000;
}

struct password_file *password_file_new(const char *path)
{
    struct password_file *file = xcalloc(1, sizeof(*file));

    file->path = xstrdup(path);
    TAILQ_INIT(&file->lookers);
    return file;
}

void password_file_free(struct password_file *file)
{
    if (file == NULL)
        return;
    password_version_fini(&file->current);
    password_version_fini(&file->held);
    free(file->path);
    free(file);
}

void password_fini(struct password *password)
{
    str_fini(&password->entry);
}

/* ---- on a helper ---- */

struct look {
    const char *path;
    const struct password_identity *known; /* NULL: read in any case */
    bool is_changed;
    struct password_version version;
};

static int run_look(void *arg, struct error *err)
{
    struct look *look = arg;

    return password_version_read(look->path, look->known, &look->version, &look->is_changed, err);
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
    file->has_current = true;
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
    if (!file->is_held || !is_password_version_equal(&file->held, version) ||
        !is_password_identity(&file->held.identity, &version->identity))
        file->held_since_ms = now_ms();
    password_version_fini(&file->held);
    file->held = *version;
    file->is_held = true;
    *version = (struct password_version){0};
}

static bool has_settled(const struct password_file *file)
{
    return file->is_held && now_ms() - file->held_since_ms >= PASSWORD_VERSION_SETTLE_MS;
}

/* The same again only ends its youth: the text that counts, or the mistake that was told. */
static bool is_old_news(const struct password_file *file, const struct password_version *version)
{
    const struct password_version *current = &file->current;

    if (!file->has_current)
        return false;
    if (version->passwords == NULL)
        return strcmp(version->err.message, current->err.message) == 0 &&
               is_password_identity(&version->identity, &current->identity);
    return current->passwords != NULL &&
           span_equals(passwords_text(version->passwords), passwords_text(current->passwords));
}

static void refresh(struct password_file *file, struct password_version *version)
{
    file->current.identity = version->identity;
    file->current.is_young = version->is_young;
    file->current.err = version->err;
    password_version_fini(version);
}

static void arrive(struct password_file *file, struct password_version *version)
{
    if (is_old_news(file, version)) {
        refresh(file, version);
    } else if (is_believable(file, version)) {
        take(file, version);
    } else {
        hold(file, version);
        if (!has_settled(file))
            return;
        take(file, &file->held);
    }
    drop_held(file);
}

/* ---- looking ---- */

static void end_look(struct password_file *file)
{
    file->is_looking = false;
    while (!TAILQ_EMPTY(&file->lookers)) {
        struct looker *looker = TAILQ_FIRST(&file->lookers);

        TAILQ_REMOVE(&file->lookers, looker, link);
        looker->is_waiting = false;
        task_wake(&looker->wait);
    }
}

/* A copy, as the state may change while a helper reads it. */
static int look_now(struct password_file *file, struct error *err)
{
    struct password_identity known = file->current.identity;
    bool must_read = !file->has_current || file->current.is_young || file->is_held;
    struct look look = {.path = file->path, .known = must_read ? NULL : &known};
    uint64_t number = ++file->started;
    int rc;

    file->is_looking = true;
    rc = offload(run_look, &look, err);
    if (rc == 0 && look.is_changed)
        arrive(file, &look.version);
    if (rc == 0 || err->code != ERROR_CANCELED) {
        file->finished = number;
        file->result = rc;
        file->err = rc < 0 ? *err : ERROR_INIT;
    }
    end_look(file);
    return rc;
}

static int wait_for_look(struct password_file *file, struct error *err)
{
    struct looker looker = {.wait = TASK_WAIT_INIT, .is_waiting = true};

    TAILQ_INSERT_TAIL(&file->lookers, &looker, link);
    if (task_wait(&looker.wait, TASK_NO_TIMEOUT, err) == 0)
        return 0;
    if (looker.is_waiting)
        TAILQ_REMOVE(&file->lookers, &looker, link);
    return -1;
}

/* A look that begins after now, one's own or that of another task. */
static int look_again(struct password_file *file, struct error *err)
{
    uint64_t wanted = file->started + 1;

    while (file->finished < wanted) {
        if (!file->is_looking)
            return look_now(file, err);
        if (wait_for_look(file, err) < 0)
            return -1;
    }
    if (file->result < 0)
        *err = file->err;
    return file->result;
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
    int64_t left = PASSWORD_VERSION_SETTLE_MS - (now_ms() - file->held_since_ms);

    return task_sleep(left > 0 ? (int)left + 1 : 1, err);
}

static int look_until_settled(struct password_file *file, struct span user, struct error *err)
{
    int64_t until = now_ms() + PASSWORD_FILE_WAIT_MAX_MS;

    for (;;) {
        if (look_again(file, err) < 0)
            return -1;
        if (!is_entry_held_back(file, user) || now_ms() >= until)
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
    if (look_again(file, err) < 0)
        return -1;
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
