/* SPDX-License-Identifier: Apache-2.0
 *
 * manifest_store - see manifest_store.h. What a manifest refers to is checked in
 * manifest_check.c.
 */
#include "lib/registry/manifest_store.h"

#include "lib/base/log.h"
#include "lib/oci/reference.h"
#include "lib/registry/blob_store.h"
#include "lib/registry/hash_state.h"
#include "lib/registry/link.h"
#include "lib/registry/presence.h"
#include "lib/registry/repository.h"
#include "lib/registry/way.h"
#include "lib/storage/layout.h"
#include "lib/task/task.h"

#include <assert.h>
#include <event2/buffer.h>

#include "lib/base/banned.h"

/* Upstream writes manifests in place, so that one found cut may be whole a moment later. */
#define RETRY_COUNT 3
#define RETRY_MS    10

/* Links that are read before others get their turn: what the kernel has in memory never waits. */
#define TAGS_A_TURN 32

/* Turns a storage NOT_FOUND into MANIFEST_UNKNOWN of the digest that was asked for. */
static int translate(struct error *err, const char *repository, const struct digest *digest)
{
    char text[DIGEST_TEXT_SIZE];

    if (err->code != ERROR_NOT_FOUND)
        return -1;
    digest_format(digest, text);
    error_translate(err, ERROR_MANIFEST_UNKNOWN);
    error_wrap(err, "manifest %s of %s", text, repository);
    error_detail_json(err, "{\"Name\":\"%s\",\"Revision\":\"%s\"}", repository, text);
    return -1;
}

/* A link that must name @digest itself. NOT_FOUND. */
static int check_link(struct registry *registry, const char *key, const struct digest *digest,
                      struct error *err)
{
    struct digest linked;

    if (link_read(registry, key, &linked, err) < 0)
        return -1;
    if (digest_equals(&linked, digest))
        return 0;
    log_warn("link damaged, taken as absent: %s: names other content", key);
    return error_set(err, ERROR_NOT_FOUND, "%s: names other content", key);
}

/* The canonical digest of @digest, which may be an alias that this repository knows. An alias is a
 * layer link, as for a blob: as a revision it would end upstream's garbage collection, which takes
 * each revision link for a manifest of its own and removes the same one twice. NOT_FOUND. */
static int canonicalize(struct registry *registry, const char *repository,
                        const struct digest *digest, struct digest *out, struct error *err)
{
    struct layout_key key;
    struct digest linked;

    if (digest->algorithm == DIGEST_SHA256) {
        *out = *digest;
        return 0;
    }
    key = layout_layer_link(repository, digest);
    if (link_read(registry, key.text, &linked, err) < 0)
        return -1;
    if (linked.algorithm != DIGEST_SHA256)
        return error_set(err, ERROR_NOT_FOUND, "%s: names no canonical digest", key.text);
    *out = linked;
    return 0;
}

/* The content that @digest names in @repository, through the link of its revision or, as the first
 * releases of upstream stored manifests, that of a layer (then @out_is_layer). NOT_FOUND. */
static int resolve(struct registry *registry, const char *repository, const struct digest *digest,
                   struct digest *out, bool *out_is_layer, struct error *err)
{
    struct layout_key key;
    struct digest canonical;
    struct error why = ERROR_INIT;

    if (canonicalize(registry, repository, digest, &canonical, err) < 0)
        return -1;
    key = layout_revision_link(repository, &canonical);
    *out_is_layer = false;
    if (check_link(registry, key.text, &canonical, &why) < 0) {
        if (presence_tolerate(&why, err) < 0)
            return -1;
        key = layout_layer_link(repository, &canonical);
        *out_is_layer = true;
        if (check_link(registry, key.text, &canonical, err) < 0)
            return -1;
    }
    *out = canonical;
    return 0;
}

int manifest_store_stat(struct registry *registry, const char *repository,
                        const struct digest *digest, struct error *err)
{
    struct digest canonical;
    bool is_layer;
    int64_t size;

    if (resolve(registry, repository, digest, &canonical, &is_layer, err) < 0 ||
        blob_content_stat(registry, &canonical, &size, err) < 0)
        return translate(err, repository, digest);
    return 0;
}

static int digest_content(struct span content, struct digest *out, struct error *err)
{
    struct hasher *hasher = hasher_new(DIGEST_SHA256);
    struct evbuffer *lent = evbuffer_new();
    int rc;

    evbuffer_add_reference(lent, content.data, content.len, NULL, NULL);
    rc = hash_evbuffer(hasher, lent, err);
    if (rc == 0)
        hasher_digest(hasher, out);
    evbuffer_free(lent);
    hasher_free(hasher);
    return rc;
}

/* NOT_FOUND; DAMAGED when the content does not have its digest. */
static int load_once(struct registry *registry, const struct digest *canonical, struct str *out,
                     struct error *err)
{
    struct layout_key key = layout_blob_data(canonical);
    struct digest actual;

    if (store_get(registry->store, key.text, out, err) < 0)
        return err->code == ERROR_TOO_LARGE ? error_translate(err, ERROR_DAMAGED) : -1;
    if (digest_content(str_span(out), &actual, err) < 0)
        return -1;
    if (!digest_equals(&actual, canonical))
        return error_set(err, ERROR_DAMAGED, "%s: %zu bytes of other content", key.text, out->len);
    return 0;
}

/* The verified content; NOT_FOUND when it is no manifest by its size or by its digest. */
static int load(struct registry *registry, const struct digest *canonical, struct str *out,
                struct error *err)
{
    for (int attempt = 0;; attempt++) {
        struct error why = ERROR_INIT;

        if (load_once(registry, canonical, out, &why) == 0)
            return 0;
        str_reset(out);
        if (why.code == ERROR_DAMAGED && attempt < RETRY_COUNT) {
            if (task_sleep(RETRY_MS, err) < 0)
                return -1;
            continue;
        }
        if (why.code == ERROR_DAMAGED) {
            log_error("manifest damaged, taken as absent: %s", why.message);
            error_translate(&why, ERROR_NOT_FOUND);
        }
        *err = why;
        return -1;
    }
}

int manifest_store_get(struct registry *registry, const char *repository,
                       const struct digest *digest, struct str *out, struct error *err)
{
    auto_str content = STR_INIT(MANIFEST_SIZE_MAX);
    auto_manifest struct manifest *manifest = NULL;
    struct error why = ERROR_INIT;
    struct digest canonical;
    bool is_layer;

    if (resolve(registry, repository, digest, &canonical, &is_layer, err) < 0 ||
        load(registry, &canonical, &content, err) < 0)
        return translate(err, repository, digest);
    if (is_layer && manifest_parse_stored(str_span(&content), &manifest, &why) < 0) {
        error_set(err, ERROR_NOT_FOUND, "a blob that is no manifest");
        return translate(err, repository, digest);
    }
    str_append(out, str_span(&content));
    if (str_overflowed(out))
        return error_set(err, ERROR_TOO_LARGE, "manifest of %zu bytes", content.len);
    return 0;
}

/* Whether there is nothing to write: 1, else 0. Content that is there with another size is what is
 * left of a broken write. */
static int has_content(struct registry *registry, const struct digest *digest, struct span content,
                       struct error *err)
{
    struct error why = ERROR_INIT;
    int64_t size;

    if (blob_content_stat(registry, digest, &size, &why) < 0)
        return presence_tolerate(&why, err);
    if (size == (int64_t)content.len)
        return 1;
    log_warn("%s: %zu bytes expected, written again", layout_blob_data(digest).text, content.len);
    return 0;
}

/* Where a put costs no more than looking, nobody looks. */
static int put_content(struct registry *registry, const struct digest *digest, struct span content,
                       struct error *err)
{
    struct layout_key key = layout_blob_data(digest);
    int rc = 0;

    if (!is_store_put_cheap(registry->store))
        rc = has_content(registry, digest, content, err);
    if (rc != 0)
        return rc < 0 ? -1 : 0;
    return way_put(registry->store, key.text, content, err);
}

static int put_links(struct registry *registry, const char *repository, const struct digest *digest,
                     const struct digest *alias, struct error *err)
{
    struct layout_key key = layout_revision_link(repository, digest);

    if (repository_keep(registry, repository, err) < 0 ||
        link_write(registry, key.text, digest, err) < 0)
        return -1;
    if (alias == NULL || digest_equals(alias, digest))
        return 0;
    key = layout_layer_link(repository, alias);
    return link_write(registry, key.text, digest, err);
}

int manifest_store_put(struct registry *registry, const char *repository,
                       const struct digest *digest, const struct digest *alias, struct span content,
                       struct error *err)
{
    int rc;

    assert(digest->algorithm == DIGEST_SHA256);
    task_shield();
    rc = put_content(registry, digest, content, err);
    if (rc == 0)
        rc = put_links(registry, repository, digest, alias, err);
    task_unshield();
    return rc;
}

static int remove_tag_of(struct registry *registry, const char *repository, const char *tag,
                         const struct digest *digest, struct error *err)
{
    struct layout_key key = layout_tag_current_link(repository, tag);
    struct error why = ERROR_INIT;
    struct digest current;

    if (link_read(registry, key.text, &current, &why) < 0) {
        if (why.code != ERROR_NOT_FOUND && is_presence_local(&why)) {
            log_warn("tag passed over: %s", why.message);
            return 0;
        }
        return presence_tolerate(&why, err);
    }
    if (!digest_equals(&current, digest))
        return 0;
    key = layout_tag(repository, tag);
    return presence_end(registry->store, key.text, err);
}

static int remove_tags_of(struct registry *registry, const char *repository,
                          const struct digest *digest, struct error *err)
{
    struct layout_key key = layout_tags(repository);
    auto_storage_list tags = {0};
    struct error why = ERROR_INIT;

    if (store_list(registry->store, key.text, &tags, &why) < 0)
        return presence_tolerate(&why, err);
    for (size_t i = 0; i < tags.count; i++) {
        if (i % TAGS_A_TURN == TAGS_A_TURN - 1 && task_sleep(0, err) < 0)
            return -1;
        if (is_tag(span_of(tags.names[i])) &&
            remove_tag_of(registry, repository, tags.names[i], digest, err) < 0)
            return -1;
    }
    return 0;
}

static int unlink_layer(struct registry *registry, const char *repository, const char *key,
                        struct error *err)
{
    struct error why = ERROR_INIT;

    if (repository_unlink(registry, repository, key, &why) == 0)
        return 0;
    return presence_tolerate(&why, err);
}

/* The tags go first and the revision last, so that what was interrupted can be repeated. */
static int remove_all(struct registry *registry, const char *repository,
                      const struct digest *canonical, const struct digest *alias, struct error *err)
{
    struct layout_key layer = layout_layer_link(repository, canonical);
    struct layout_key revision = layout_revision_link(repository, canonical);
    struct layout_key alias_layer = layout_layer_link(repository, alias);
    bool has_layer;
    bool has_revision;

    if (presence_of(registry->store, layer.text, &has_layer, err) < 0 ||
        presence_of(registry->store, revision.text, &has_revision, err) < 0)
        return -1;
    if (!has_layer && !has_revision)
        return error_set(err, ERROR_NOT_FOUND, "%s: absent", revision.text);
    if (remove_tags_of(registry, repository, canonical, err) < 0)
        return -1;
    if (has_layer && unlink_layer(registry, repository, layer.text, err) < 0)
        return -1;
    if (presence_end(registry->store, revision.text, err) < 0)
        return -1;
    return digest_equals(alias, canonical)
               ? 0
               : unlink_layer(registry, repository, alias_layer.text, err);
}

int manifest_store_remove(struct registry *registry, const char *repository,
                          const struct digest *digest, struct error *err)
{
    struct digest canonical;

    if (canonicalize(registry, repository, digest, &canonical, err) < 0 ||
        remove_all(registry, repository, &canonical, digest, err) < 0)
        return translate(err, repository, digest);
    return 0;
}
