/* SPDX-License-Identifier: Apache-2.0
 *
 * manifest_get - GET and HEAD /v2/<name>/manifests/<reference> (end-3).
 *
 * A manifest is served as it is stored, whatever the Accept header says. The one exception is an
 * index asked for by tag by a client that reads only images: it gets the image for linux/amd64, as
 * from upstream, if there is one.
 */
#include "lib/api/accept.h"
#include "lib/api/etag.h"
#include "lib/api/handlers.h"
#include "lib/registry/manifest_store.h"
#include "lib/registry/parse_aside.h"
#include "lib/registry/tag_store.h"

#include <string.h>

#include "lib/base/banned.h"

/* A stored manifest, ready to be served. */
struct served {
    struct digest digest;
    struct str content;
    struct manifest *manifest; /* owned */
};

static void served_fini(struct served *served)
{
    str_fini(&served->content);
    manifest_free(served->manifest);
}

/* @out is empty. May suspend. */
static int load(struct exchange *ex, const struct digest *digest, struct served *out,
                struct error *err)
{
    *out = (struct served){.digest = *digest, .content = STR_INIT(MANIFEST_SIZE_MAX)};
    if (manifest_store_get(ex->registry, ex->repository, digest, &out->content, err) == 0 &&
        parse_aside_stored(str_span(&out->content), &out->manifest, err) == 0)
        return 0;
    if (err->code == ERROR_MANIFEST_INVALID) /* what is stored is the registry's fault, if any */
        error_translate(err, ERROR_MANIFEST_UNKNOWN);
    served_fini(out);
    return -1;
}

/* ---- negotiation ---- */

static bool reads_images_only(const struct exchange *ex)
{
    struct accept accept = {false, false, false};
    const void *cursor = NULL;
    const char *line;

    while ((line = http_request_header_next(ex->http, "Accept", &cursor)) != NULL)
        accept_add(&accept, span_of(line));
    return is_accept_of_images_only(&accept);
}

static bool is_text(const char *text, const char *wanted)
{
    return text != NULL && strcmp(text, wanted) == 0;
}

static const struct descriptor *find_linux_amd64(const struct manifest *index)
{
    for (size_t i = 0; i < index->descriptor_count; i++) {
        const struct descriptor *child = &index->descriptors[i];

        if (child->is_digest_valid && is_text(child->platform_architecture, "amd64") &&
            is_text(child->platform_os, "linux"))
            return child;
    }
    return NULL;
}

/* Puts the child for linux/amd64 in the index's place, if there is one. May suspend. */
static int choose_child(struct exchange *ex, struct served *served, struct error *err)
{
    const struct descriptor *child = find_linux_amd64(served->manifest);
    struct error why = ERROR_INIT;
    struct served image;

    if (child == NULL)
        return 0;
    if (load(ex, &child->digest, &image, &why) < 0) {
        if (why.code == ERROR_MANIFEST_UNKNOWN)
            return 0;
        *err = why;
        return -1;
    }
    served_fini(served);
    *served = image;
    return 0;
}

/* ---- the answer ---- */

static bool has_client_it(const struct exchange *ex, struct span tag)
{
    const void *cursor = NULL;
    const char *line;

    while ((line = http_request_header_next(ex->http, "If-None-Match", &cursor)) != NULL) {
        if (etag_list_has(span_of(line), tag, ETAG_LOOSE))
            return true;
    }
    return false;
}

static void send(struct exchange *ex, const struct served *served)
{
    char digest[DIGEST_TEXT_SIZE];

    digest_format(&served->digest, digest);
    http_reply_header(ex->http, "Docker-Content-Digest", digest);
    exchange_set(ex, "Etag", "\"%s\"", digest);
    if (has_client_it(ex, span_of(digest))) {
        exchange_send_empty(ex, 304);
        return;
    }
    http_reply_header(ex->http, "Content-Type", media_type_of(served->manifest->kind));
    http_reply_send(ex->http, 200, str_span(&served->content));
}

/* The digest that is meant. May suspend. */
static int resolve(struct exchange *ex, struct reference *out, struct digest *out_digest,
                   struct error *err)
{
    if (!reference_parse(span_of(ex->reference), out))
        return error_set(err, ERROR_DIGEST_INVALID, "%s is no digest we support", ex->reference);
    if (!out->is_digest)
        return tag_resolve(ex->registry, ex->repository, ex->reference, out_digest, err);
    *out_digest = out->digest;
    return 0;
}

int manifest_get(struct exchange *ex, struct error *err)
{
    struct reference reference;
    struct digest digest;
    struct served served;
    int rc = 0;

    if (resolve(ex, &reference, &digest, err) < 0 || load(ex, &digest, &served, err) < 0)
        return -1;
    if (!reference.is_digest && is_index_kind(served.manifest->kind) && reads_images_only(ex))
        rc = choose_child(ex, &served, err);
    if (rc == 0)
        send(ex, &served);
    served_fini(&served);
    return rc;
}
