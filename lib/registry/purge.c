/* SPDX-License-Identifier: Apache-2.0
 *
 * purge - see purge.h. A session is removed while we hold its writer's lock: whoever writes it has
 * that lock, and whoever wants to write it waits until it is gone.
 */
#include "lib/registry/purge.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/uuid.h"
#include "lib/registry/newest.h"
#include "lib/registry/presence.h"
#include "lib/registry/walk.h"
#include "lib/storage/layout.h"
#include "lib/task/task.h"

#include <string.h>

#include "lib/base/banned.h"

struct purge {
    struct registry *registry;
    struct timespec before;
    bool is_dry_run;
    struct purge_result *result;
    struct walk walk;
};

struct session {
    struct layout_key key; /* of its directory */
    const char *uuid;      /* lent */
    struct timespec started_at;
};

static bool is_before(struct timespec a, struct timespec b)
{
    return a.tv_sec < b.tv_sec || (a.tv_sec == b.tv_sec && a.tv_nsec < b.tv_nsec);
}

/* Ends the work on one thing: only a cancellation ends the whole round. */
static int count_failure(struct purge_result *result, const struct error *why, struct error *err)
{
    if (why->code == ERROR_CANCELED) {
        *err = *why;
        return -1;
    }
    log_warn("purge: passed over: %s", why->message);
    result->error_count++;
    return 0;
}

/* "2026-11-21 11:23:21.02 +0000 UTC", as upstream prints an instant in a message. */
static const char *format_instant(struct timespec at, char out[64])
{
    char text[CLOCK_RFC3339_SIZE];
    size_t len;

    clock_format_rfc3339(at, text);
    text[strcspn(text, "T")] = ' ';
    len = strcspn(text, "Z");
    memcpy(out, text, len);
    memcpy(out + len, " +0000 UTC", sizeof(" +0000 UTC"));
    return out;
}

/* ---- one session ---- */

/* What `startedat` says, if that can be: 0; 1 when it says nothing. */
static int read_started_at(struct purge *purge, struct session *session, struct error *err)
{
    struct layout_key key = layout_upload_started_at(purge->walk.name, session->uuid);
    auto_str text = STR_INIT(CLOCK_RFC3339_SIZE);
    struct error why = ERROR_INIT;
    struct timespec at;

    if (store_get(purge->registry->store, key.text, &text, &why) < 0) {
        if (why.code == ERROR_TOO_LARGE || is_presence_local(&why))
            return 1;
        *err = why;
        return -1;
    }
    if (!clock_parse_rfc3339(str_span(&text), &at) || is_before(clock_now(), at))
        return 1;
    session->started_at = at;
    return 0;
}

/* 0; 1 when the session is gone. */
static int find_age(struct purge *purge, struct session *session, struct error *err)
{
    int rc = read_started_at(purge, session, err);

    if (rc <= 0)
        return rc;
    return newest_change(purge->registry->store, session->key.text, &session->started_at, err);
}

/*
 * Takes the writer's lock. 0: nobody writes the session from here on, or nobody ever could, as what
 * is there is no session (*out is NULL then); 1: somebody writes it now.
 */
static int hold(struct purge *purge, const struct session *session, struct storage_writer **out,
                struct error *err)
{
    struct store *store = purge->registry->store;
    struct layout_key key = layout_upload_data(purge->walk.name, session->uuid);
    struct error why = ERROR_INIT;

    *out = NULL;
    if (store_writer_open(store, key.text, STORAGE_WRITER_APPEND, out, &why) == 0)
        return 0;
    if (why.code == ERROR_NOT_FOUND && !purge->is_dry_run) {
        why = ERROR_INIT;
        if (store_writer_open(store, key.text, STORAGE_WRITER_CREATE, out, &why) == 0)
            return 0;
    }
    if (why.code == ERROR_BUSY)
        return 1;
    if (why.code == ERROR_EXISTS || is_presence_local(&why))
        return 0;
    *err = why;
    return -1;
}

static void log_removal(const struct purge *purge, const struct session *session)
{
    char started_at[64];
    char before[64];

    log_info("Upload files in %s have older date (%s) than purge date (%s).  Removing upload "
             "directory.",
             session->key.text, format_instant(session->started_at, started_at),
             format_instant(purge->before, before));
}

static int remove_held(struct purge *purge, const struct session *session, struct error *err)
{
    int rc = 0;

    log_removal(purge, session);
    if (!purge->is_dry_run) {
        task_shield();
        rc = presence_end(purge->registry->store, session->key.text, err);
        task_unshield();
    }
    if (rc == 0)
        purge->result->session_count++;
    return rc;
}

static int remove_session(struct purge *purge, const struct session *session, struct error *err)
{
    struct storage_writer *writer;
    int rc = hold(purge, session, &writer, err);

    if (rc > 0) {
        log_info("purge: %s is old, but being written", session->key.text);
        purge->result->busy_count++;
        return 0;
    }
    if (rc == 0)
        rc = remove_held(purge, session, err);
    store_writer_close(writer);
    return rc;
}

static int purge_session(struct purge *purge, const char *uuid, struct error *err)
{
    struct session session = {.key = layout_upload(purge->walk.name, uuid), .uuid = uuid};
    int rc = find_age(purge, &session, err);

    if (rc != 0)
        return rc < 0 ? -1 : 0;
    return is_before(session.started_at, purge->before) ? remove_session(purge, &session, err) : 0;
}

/* ---- all of them ---- */

/* The sessions of the walk's repository; what has another name than a session's is nobody's. */
static int purge_repository(struct purge *purge, struct error *err)
{
    struct layout_key key = layout_uploads(purge->walk.name);
    auto_storage_list sessions = {0};
    struct error why = ERROR_INIT;

    if (store_list(purge->registry->store, key.text, &sessions, &why) < 0)
        return why.code == ERROR_NOT_FOUND ? 0 : count_failure(purge->result, &why, err);
    for (size_t i = 0; i < sessions.count; i++) {
        if (task_sleep(0, err) < 0)
            return -1;
        if (!is_uuid(span_of(sessions.names[i])))
            continue;
        why = ERROR_INIT;
        if (purge_session(purge, sessions.names[i], &why) < 0 &&
            count_failure(purge->result, &why, err) < 0)
            return -1;
    }
    return 0;
}

static int visit(struct purge *purge, struct error *err);

static int visit_child(struct purge *purge, const char *name, struct error *err)
{
    size_t len = purge->walk.len;
    int rc = 0;

    if (strcmp(name, "_uploads") == 0)
        return len > 0 ? purge_repository(purge, err) : 0;
    if (walk_enter(&purge->walk, name)) {
        rc = visit(purge, err);
        walk_leave(&purge->walk, len);
    }
    return rc;
}

/* The walk's directory and all below it. */
static int visit(struct purge *purge, struct error *err)
{
    auto_storage_list children = {0};
    int rc = walk_list(purge->registry->store, &purge->walk, "purge", &children, err);

    if (rc < 0)
        return -1;
    if (rc > 0)
        purge->result->error_count++;
    for (size_t i = 0; i < children.count; i++) {
        if (i % WALK_SKIPPED_A_TURN == 0 && task_sleep(0, err) < 0)
            return -1;
        if (visit_child(purge, children.names[i], err) < 0)
            return -1;
    }
    return 0;
}

int purge_uploads(struct registry *registry, struct timespec before, bool is_dry_run,
                  struct purge_result *result, struct error *err)
{
    struct purge purge = {
        .registry = registry,
        .before = before,
        .is_dry_run = is_dry_run,
        .result = result,
        .walk = WALK_INIT,
    };
    char text[64];

    log_info("PurgeUploads starting: olderThan=%s, actuallyDelete=%s", format_instant(before, text),
             is_dry_run ? "false" : "true");
    if (visit(&purge, err) < 0)
        return -1;
    log_info("Purge uploads finished.  Num deleted=%zu, num errors=%zu", result->session_count,
             result->error_count);
    return 0;
}
