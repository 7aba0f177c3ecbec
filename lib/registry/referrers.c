/* SPDX-License-Identifier: Apache-2.0
 *
 * referrers - see referrers.h. One search at a time reads one manifest at a time; passes over many
 * names run on a helper thread.
 */
#include "lib/registry/referrers.h"

#include "lib/base/encode.h"
#include "lib/base/log.h"
#include "lib/registry/link.h"
#include "lib/registry/manifest_store.h"
#include "lib/registry/parse_aside.h"
#include "lib/registry/presence.h"
#include "lib/registry/referrers_index.h"
#include "lib/registry/way.h"
#include "lib/storage/layout.h"
#include "lib/task/offload.h"
#include "lib/task/task.h"

#include "lib/base/banned.h"

#define SHORT_MAX (128 << 10) /* bytes of names and lines; less than a millisecond's work */

struct search {
    struct registry *registry;
    const char *repository;
    const struct digest *subject;
    struct storage_list revisions; /* names of those there are */
    struct str index;              /* as it was read */
    struct span known;             /* its lines */
    bool is_index_damaged;
    struct storage_list found;
    struct storage_list unseen;
    struct str learned; /* lines of those unseen before */
    struct str written; /* the new index */
};

static void search_fini(struct search *search)
{
    storage_list_fini(&search->revisions);
    storage_list_fini(&search->found);
    storage_list_fini(&search->unseen);
    str_fini(&search->index);
    str_fini(&search->learned);
    str_fini(&search->written);
}

/* ---- one manifest ---- */

static int check_revision(struct registry *registry, const char *repository,
                          const struct digest *digest, struct error *err)
{
    struct layout_key key = layout_revision_link(repository, digest);
    struct digest linked;

    if (link_read(registry, key.text, &linked, err) < 0)
        return -1;
    if (!digest_equals(&linked, digest))
        return error_set(err, ERROR_NOT_FOUND, "%s: names other content", key.text);
    return 0;
}

/* What a revision says. Its manifest is NULL if it is none that we can read. NOT_FOUND. Others get
 * their turn first, whether or not the driver waits: there may be many to read. */
static int read_revision(struct registry *registry, const char *repository,
                         const struct digest *digest, struct referrer *out, struct error *err)
{
    auto_str content = STR_INIT(MANIFEST_SIZE_MAX);
    struct referrer referrer = {0};
    struct error why = ERROR_INIT;

    if (task_sleep(0, err) < 0 || check_revision(registry, repository, digest, err) < 0)
        return -1;
    if (manifest_store_get(registry, repository, digest, &content, err) < 0)
        return err->code == ERROR_MANIFEST_UNKNOWN ? error_translate(err, ERROR_NOT_FOUND) : -1;
    referrer.size = (int64_t)content.len;
    if (parse_aside_stored(str_span(&content), &referrer.manifest, &why) < 0 &&
        why.code != ERROR_MANIFEST_INVALID && why.code != ERROR_MANIFEST_TOO_LARGE) {
        *err = why;
        return -1;
    }
    *out = referrer;
    return 0;
}

void referrer_fini(struct referrer *referrer)
{
    manifest_free(referrer->manifest);
    referrer->manifest = NULL;
}

static const struct digest *subject_of(const struct referrer *referrer)
{
    const struct manifest *manifest = referrer->manifest;

    return manifest != NULL && manifest->has_subject ? &manifest->subject : NULL;
}

int referrers_read(struct registry *registry, const char *repository, const struct digest *subject,
                   const struct digest *digest, struct referrer *out, struct error *err)
{
    struct referrer referrer = {0};
    const struct digest *actual;

    if (read_revision(registry, repository, digest, &referrer, err) < 0)
        return -1;
    actual = subject_of(&referrer);
    if (actual == NULL || !digest_equals(actual, subject)) {
        referrer_fini(&referrer);
        return error_set(err, ERROR_NOT_FOUND, "%s: a manifest with another subject", repository);
    }
    *out = referrer;
    return 0;
}

/* ---- the index ---- */

static int load(struct search *search, struct error *err)
{
    struct layout_key revisions = layout_revisions(search->repository);
    struct layout_key index = layout_referrers_index(search->repository);
    struct store *store = search->registry->store;
    struct error why = ERROR_INIT;

    if (store_list(store, revisions.text, &search->revisions, &why) < 0)
        return presence_tolerate(&why, err);
    if (store_get(store, index.text, &search->index, &why) == 0 || why.code == ERROR_TOO_LARGE)
        return 0;
    return presence_tolerate(&why, err);
}

/* Runs @pass, which touches only the search, here or on a helper. May suspend. */
static int run_pass(offload_cb *pass, struct search *search, struct error *err)
{
    size_t work = search->index.len + search->learned.len + search->revisions.count * 64;

    return work <= SHORT_MAX ? pass(search, err) : offload(pass, search, err);
}

static int compare_pass(void *arg, struct error *err)
{
    struct search *search = arg;

    (void)err;
    search->is_index_damaged =
        search->index.len > 0 && !referrers_index_open(str_span(&search->index), &search->known);
    referrers_index_select(&search->revisions, search->known, search->subject, &search->found,
                           &search->unseen);
    return 0;
}

static int update_pass(void *arg, struct error *err)
{
    struct search *search = arg;
    struct span lines;

    referrers_index_write(&search->revisions, search->known, str_span(&search->learned),
                          &search->written);
    if (str_overflowed(&search->written) ||
        !referrers_index_open(str_span(&search->written), &lines))
        return error_set(err, ERROR_TOO_LARGE, "%s: %zu revisions are too many to index",
                         search->repository, search->revisions.count);
    storage_list_fini(&search->found);
    referrers_index_select(&search->revisions, lines, search->subject, &search->found, NULL);
    return 0;
}

/* Looks at what nobody has looked at. What is gone, or damaged, is left for another time. */
static int learn(struct search *search, struct error *err)
{
    for (size_t i = 0; i < search->unseen.count; i++) {
        struct span revision = span_of(search->unseen.names[i]);
        struct digest digest = {.algorithm = DIGEST_SHA256};
        struct referrer referrer;
        struct error why = ERROR_INIT;

        if (!decode_hex(revision, digest.bytes, digest_size(DIGEST_SHA256)))
            continue;
        if (read_revision(search->registry, search->repository, &digest, &referrer, &why) < 0) {
            if (presence_tolerate(&why, err) < 0)
                return -1;
            continue;
        }
        referrers_index_add(&search->learned, revision, subject_of(&referrer));
        referrer_fini(&referrer);
    }
    return 0;
}

/* Takes in what was learned. That it cannot be kept is nobody's error: it will be read again. */
static int update(struct search *search, struct error *err)
{
    struct layout_key key = layout_referrers_index(search->repository);
    struct error why = ERROR_INIT;

    if (search->learned.len == 0)
        return 0;
    if (run_pass(update_pass, search, err) < 0)
        return -1;
    if (!search->registry->is_read_only &&
        way_put(search->registry->store, key.text, str_span(&search->written), &why) < 0)
        log_warn("referrers are not kept: %s", why.message);
    return 0;
}

static int run(struct search *search, struct error *err)
{
    struct error why = ERROR_INIT;
    int rc;

    if (load(search, err) < 0 || run_pass(compare_pass, search, err) < 0)
        return -1;
    if (search->is_index_damaged)
        log_warn("referrers of %s: index damaged, made anew", search->repository);
    rc = learn(search, err);
    task_shield();
    if (update(search, rc < 0 ? &why : err) < 0)
        rc = -1;
    task_unshield();
    return rc;
}

int referrers_list(struct registry *registry, const char *repository, const struct digest *subject,
                   struct storage_list *out, struct error *err)
{
    struct search search = {
        .registry = registry,
        .repository = repository,
        .subject = subject,
        .index = STR_INIT(REFERRERS_INDEX_MAX),
        .learned = STR_INIT(REFERRERS_INDEX_MAX),
        .written = STR_INIT(REFERRERS_INDEX_MAX),
    };
    int rc = run(&search, err);

    if (rc == 0) {
        *out = search.found;
        search.found = (struct storage_list){0};
    }
    search_fini(&search);
    return rc;
}
