/* SPDX-License-Identifier: Apache-2.0
 *
 * watched - see watched.h. Who is within the gate may use `seen` and `digest`, also on a helper.
 */
#include "lib/task/watched.h"

#include "lib/base/clock.h"
#include "lib/base/memory.h"
#include "lib/task/gate.h"
#include "lib/task/offload.h"
#include "lib/task/task.h"
#include "lib/task/watched_files.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/banned.h"

struct watched {
    char **paths; /* owned, each */
    size_t count;
    bool may_be_directories;
    size_t size_max;
    watched_cb *read;
    struct gate gate;
    uint64_t begun;                                  /* looks, by number */
    uint64_t done;                                   /* the last that came to an end */
    int64_t began_at_ns;                             /* that one; clock_monotonic_ns */
    struct watched_files seen;                       /* last read, without their texts */
    unsigned char digest[WATCHED_FILES_DIGEST_SIZE]; /* of what was last shown to the owner */
    bool has_digest;
    bool is_unread; /* a file was there and could not be read: it is tried again */
};

struct watched *watched_new(const struct watched_options *options)
{
    struct watched *watched = xcalloc(1, sizeof(*watched));

    watched->paths = xcalloc(options->count, sizeof(*watched->paths));
    for (size_t i = 0; i < options->count; i++)
        watched->paths[i] = xstrdup(options->paths[i]);
    watched->count = options->count;
    watched->may_be_directories = options->may_be_directories;
    watched->size_max = options->size_max;
    watched->read = options->read;
    gate_init(&watched->gate, 1);
    return watched;
}

void watched_free(struct watched *watched)
{
    if (watched == NULL)
        return;
    for (size_t i = 0; i < watched->count; i++)
        free(watched->paths[i]);
    free(watched->paths);
    watched_files_fini(&watched->seen);
    free(watched);
}

/* ---- on a helper ---- */

struct look {
    struct watched *watched;
    bool is_forced;
    void *arg;
    bool is_read;
};

static bool has_changed(const struct watched *watched, const struct watched_files *files)
{
    return !watched->has_digest || watched->is_unread ||
           has_watched_files_changed(files, &watched->seen);
}

/* Whether the owner has not seen these texts. */
static bool is_news(struct watched *watched, const struct watched_files *files)
{
    unsigned char digest[WATCHED_FILES_DIGEST_SIZE];
    bool is_known;

    watched_files_digest(files, digest);
    is_known = watched->has_digest && memcmp(watched->digest, digest, sizeof(digest)) == 0;
    memcpy(watched->digest, digest, sizeof(digest));
    watched->has_digest = true;
    return !is_known;
}

/* What changes while it is read has another version at the next look. */
static int read_and_show(struct look *look, struct watched_files *files, struct error *err)
{
    struct watched *watched = look->watched;
    int rc = 0;

    watched->is_unread = !watched_files_read(files, watched->size_max);
    look->is_read = is_news(watched, files) || look->is_forced;
    if (look->is_read)
        rc = watched->read(files->items, files->count, look->arg, err);
    watched_files_wipe(files);
    return rc;
}

static int run_look(void *arg, struct error *err)
{
    struct look *look = arg;
    struct watched *watched = look->watched;
    struct watched_files files = watched_files_list((const char *const *)watched->paths,
                                                    watched->count, watched->may_be_directories);
    int rc;

    if (!look->is_forced && !has_changed(watched, &files)) {
        watched_files_fini(&files);
        return 0;
    }
    rc = read_and_show(look, &files, err);
    watched_files_fini(&watched->seen);
    watched->seen = files;
    return rc;
}

/* ---- looking ---- */

/* Within the gate. A look whose job was taken back has not been. */
static int look_now(struct watched *watched, struct look *look, struct error *err)
{
    uint64_t number = ++watched->begun;
    int64_t now = clock_monotonic_ns();
    int rc = task_self() != NULL ? offload(run_look, look, err) : run_look(look, err);

    if (rc == 0 || err->code != ERROR_CANCELED) {
        watched->done = number;
        watched->began_at_ns = now;
    }
    return rc;
}

static bool has_age(const struct watched *watched, int age_ms)
{
    return watched->done == 0 ||
           clock_monotonic_ns() - watched->began_at_ns >= age_ms * CLOCK_MS_NS;
}

int watched_look(struct watched *watched, int age_ms, void *arg, bool *out_is_read,
                 struct error *err)
{
    struct look look = {.watched = watched, .arg = arg};
    uint64_t before = watched->begun;
    int rc = 0;

    if (gate_enter(&watched->gate, err) < 0)
        return -1;
    if (watched->done <= before && has_age(watched, age_ms))
        rc = look_now(watched, &look, err);
    gate_leave(&watched->gate);
    *out_is_read = look.is_read;
    return rc;
}

int watched_read(struct watched *watched, void *arg, struct error *err)
{
    struct look look = {.watched = watched, .is_forced = true, .arg = arg};
    int rc;

    if (gate_enter(&watched->gate, err) < 0)
        return -1;
    rc = look_now(watched, &look, err);
    gate_leave(&watched->gate);
    return rc;
}

bool is_watched_due(const struct watched *watched, int age_ms)
{
    return watched->gate.free > 0 && has_age(watched, age_ms);
}
