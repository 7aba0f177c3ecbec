/* SPDX-License-Identifier: Apache-2.0
 *
 * manifest_put - PUT /v2/<name>/manifests/<reference>: store a manifest, and set a tag if the
 * reference is one (end-7).
 *
 *     reference -> body -> parse -> digest -> references there? -> store -> tag
 *
 * Answers 201 only for what is durable; Location names the digest, never the tag.
 */
#include "lib/api/handlers.h"
#include "lib/registry/manifest_store.h"
#include "lib/registry/parse_aside.h"
#include "lib/registry/tag_store.h"

#include "lib/base/banned.h"

/* What a push brings. */
struct pushed {
    struct reference reference;
    struct digest canonical; /* sha256 of the content */
    struct digest digest;    /* as the reference says it, or the canonical one */
    struct str content;
    struct manifest *manifest; /* owned; NULL until parsed */
};

/* May suspend. */
static int receive(struct exchange *ex, struct str *out, struct error *err)
{
    if (http_body_read_all(ex->http, out, err) == 0)
        return 0;
    if (err->code == ERROR_TOO_LARGE) {
        error_translate(err, ERROR_MANIFEST_TOO_LARGE);
        error_detail_string(err, SPAN("http: request body too large"));
    }
    return -1;
}

/* May suspend. */
static int parse(struct exchange *ex, struct pushed *pushed, struct error *err)
{
    const struct reference *reference = &pushed->reference;
    enum digest_algorithm algorithm =
        reference->is_digest ? reference->digest.algorithm : DIGEST_SHA256;

    if (parse_aside_pushed(str_span(&pushed->content), exchange_header(ex, "Content-Type"),
                           algorithm, &pushed->canonical, &pushed->digest, &pushed->manifest,
                           err) < 0)
        return -1;
    if (reference->is_digest && !digest_equals(&pushed->digest, &reference->digest))
        return error_set(err, ERROR_DIGEST_INVALID, "%s is not the digest of the content",
                         ex->reference);
    return 0;
}

/* ---- references ---- */

/* What is wrong with the URLs of a layer. */
static void note_urls(struct exchange *ex, const struct descriptor *descriptor)
{
    struct error refused = ERROR_INIT;
    const char *reason = descriptor->url_count == 0 ? "a foreign layer needs a URL"
                                                    : "a URL of the layer is not allowed here";
    char text[DIGEST_TEXT_SIZE];

    digest_format(&descriptor->digest, text);
    error_set(&refused, ERROR_MANIFEST_INVALID, "%s: %s", text, reason);
    error_detail_json(&refused, "{\"Digest\":\"%s\",\"Reason\":\"%s\"}", text, reason);
    exchange_add_error(ex, &refused);
}

/* One entry for each thing that is missing; one more before it when its digest is none. */
static void note_missing(const struct descriptor *descriptor, enum error_code code, void *arg)
{
    struct exchange *ex = arg;
    struct error missing = ERROR_INIT;

    if (code == ERROR_MANIFEST_INVALID) {
        note_urls(ex, descriptor);
        return;
    }
    if (code != ERROR_MANIFEST_BLOB_UNKNOWN) {
        error_set(&missing, code, "reference to \"%s\"", descriptor->digest_text);
        exchange_add_error(ex, &missing);
    }
    error_set(&missing, ERROR_MANIFEST_BLOB_UNKNOWN, "reference to \"%s\"",
              descriptor->digest_text);
    error_detail_string(&missing, span_of(descriptor->digest_text));
    exchange_add_error(ex, &missing);
}

/* May suspend. */
static int check_references(struct exchange *ex, const struct manifest *manifest, struct error *err)
{
    if (manifest_store_check(ex->registry, ex->repository, manifest, note_missing, ex, err) < 0) {
        ex->error_count = 0; /* nobody knows what is missing */
        return -1;
    }
    if (ex->error_count == 0)
        return 0;
    *err = ex->errors[0];
    return -1;
}

/* May suspend. */
static int store(struct exchange *ex, const struct pushed *pushed, struct error *err)
{
    bool has_alias = !digest_equals(&pushed->digest, &pushed->canonical);

    if (manifest_store_put(ex->registry, ex->repository, &pushed->canonical,
                           has_alias ? &pushed->digest : NULL, str_span(&pushed->content), err) < 0)
        return -1;
    if (pushed->reference.is_digest)
        return 0;
    return tag_put(ex->registry, ex->repository, ex->reference, &pushed->canonical, err);
}

/* OCI-Subject tells the client that it need not keep a list of referrers itself. */
static void send_created(struct exchange *ex, const struct pushed *pushed)
{
    char text[DIGEST_TEXT_SIZE];

    if (pushed->manifest->has_subject)
        http_reply_header(ex->http, "OCI-Subject", digest_format(&pushed->manifest->subject, text));
    digest_format(&pushed->digest, text);
    exchange_set_location(ex, "manifests/%s", text);
    http_reply_header(ex->http, "Docker-Content-Digest", text);
    exchange_send_empty(ex, 201);
}

int manifest_put(struct exchange *ex, struct error *err)
{
    struct pushed pushed = {.content = STR_INIT(MANIFEST_SIZE_MAX)};
    int rc = -1;

    if (!reference_parse(span_of(ex->reference), &pushed.reference))
        return error_set(err, ERROR_DIGEST_INVALID, "%s is no digest we support", ex->reference);
    if (receive(ex, &pushed.content, err) == 0 && parse(ex, &pushed, err) == 0 &&
        check_references(ex, pushed.manifest, err) == 0)
        rc = store(ex, &pushed, err);
    if (rc == 0)
        send_created(ex, &pushed);
    manifest_free(pushed.manifest);
    str_fini(&pushed.content);
    return rc;
}
