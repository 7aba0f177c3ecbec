/* SPDX-License-Identifier: Apache-2.0
 *
 * watched - see watched.h. Who is within the gate may use `seen` and `digest`, also on a helper.
 */
#include "lib/task/watched.h"

#include "lib/base/clock.h"
#include "lib/base/file.h"
#include "lib/base/memory.h"
#include "lib/task/gate.h"
#include "lib/task/offload.h"
#include "lib/task/task.h"

#include <openssl/evp.h>
#include <string.h>

#include "lib/base/banned.h"

#define DIGEST_SIZE 32 /* SHA-256 */

struct watched {
    char **paths; /* owned, each */
    size_t count;
    size_t size_max;
    watched_cb *read;
    struct gate gate;
    uint64_t begun;                    /* looks, by number */
    uint64_t done;                     /* the last that came to an end */
    int64_t began_at_ns;               /* that one; clock_monotonic_ns */
    struct file_version *seen;         /* owned; of what was last read */
    unsigned char digest[DIGEST_SIZE]; /* of what was last shown to the owner */
    bool has_digest;
    bool is_unread; /* a file was there and could not be read: it is tried again */
};

struct watched *watched_new(const struct watched_options *options)
{
    struct watched *watched = xcalloc(1, sizeof(*watched));

    watched->paths = xcalloc(options->count, sizeof(*watched->paths));
    for (size_t i = 0; i < options->count; i++)
        watched->paths[i] = xstrdup(options->paths[i]);
    watched->seen = xcalloc(options->count, sizeof(*watched->seen));
    watched->count = options->count;
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
    free(watched->seen);
    free(watched);
}

/* ---- on a helper ---- */

struct look {
    struct watched *watched;
    bool is_forced;
    void *arg;
    bool is_read;
};

/* Of the files as they are, into @files. */
static bool look_at_versions(const struct watched *watched, struct watched_file *files)
{
    bool has_changed = !watched->has_digest || watched->is_unread;

    for (size_t i = 0; i < watched->count; i++) {
        files[i].path = watched->paths[i];
        files[i].version = file_version_look(watched->paths[i]);
        has_changed |= has_file_changed(&files[i].version, &watched->seen[i]);
    }
    return has_changed;
}

/* What changes while it is read has another version at the next look. */
static void read_texts(struct watched *watched, struct watched_file *files)
{
    watched->is_unread = false;
    for (size_t i = 0; i < watched->count; i++) {
        struct watched_file *file = &files[i];

        file->text = STR_INIT(watched->size_max);
        if (file_read(file->path, &file->text, &file->err) < 0)
            watched->is_unread |= file->version.sys == 0 && file->err.sys != 0;
        watched->seen[i] = file->version;
    }
}

static void wipe(struct watched_file *files, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (files[i].text.data != NULL)
            explicit_bzero(files[i].text.data, files[i].text.cap);
        str_fini(&files[i].text);
    }
}

/* Of all texts, each with its length and what kept it from being read. */
static void digest_texts(const struct watched_file *files, size_t count,
                         unsigned char out[DIGEST_SIZE])
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();

    if (ctx == NULL || EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) != 1)
        abort();
    for (size_t i = 0; i < count; i++) {
        const struct watched_file *file = &files[i];
        uint64_t head[] = {file->text.len, (uint64_t)file->err.code, (uint64_t)file->err.sys};

        EVP_DigestUpdate(ctx, head, sizeof(head));
        EVP_DigestUpdate(ctx, str_text(&file->text), file->text.len);
    }
    EVP_DigestFinal_ex(ctx, out, NULL);
    EVP_MD_CTX_free(ctx);
}

/* Whether the owner has not seen these texts. */
static bool is_news(struct watched *watched, const struct watched_file *files)
{
    unsigned char digest[DIGEST_SIZE];
    bool is_known;

    digest_texts(files, watched->count, digest);
    is_known = watched->has_digest && memcmp(watched->digest, digest, sizeof(digest)) == 0;
    memcpy(watched->digest, digest, sizeof(digest));
    watched->has_digest = true;
    return !is_known;
}

static int run_look(void *arg, struct error *err)
{
    struct look *look = arg;
    struct watched *watched = look->watched;
    auto_free struct watched_file *files = xcalloc(watched->count, sizeof(*files));
    int rc = 0;

    if (!look_at_versions(watched, files) && !look->is_forced)
        return 0;
    read_texts(watched, files);
    look->is_read = is_news(watched, files) || look->is_forced;
    if (look->is_read)
        rc = watched->read(files, watched->count, look->arg, err);
    wipe(files, watched->count);
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
