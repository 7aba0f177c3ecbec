/* SPDX-License-Identifier: Apache-2.0
 *
 * referrers_get - GET /v2/<name>/referrers/<digest>: an OCI index of the manifests whose subject
 * that is (end-12), sorted by digest, a page at a time.
 *
 *     ?artifactType=    only those of this type; OCI-Filters-Applied says so
 *     ?n=&last=         as for tags; Link leads to the next page
 *
 * Never 404: clients take that for a registry without referrers, and go by a tag instead.
 */
#include "lib/api/handlers.h"
#include "lib/api/page.h"
#include "lib/base/json.h"
#include "lib/base/log.h"
#include "lib/registry/referrers.h"

#include <inttypes.h>

#include "lib/base/banned.h"

#define PAGE_MAX 1000              /* descriptors */
#define BODY_MAX ((size_t)4 << 20) /* bytes: as much as clients take for a manifest */
#define LAST_MAX 1024              /* bytes of `last` that are looked at */
#define TYPE_MAX 1024              /* bytes of a type that can be filtered by */
#define HEAD     "{\"schemaVersion\":2,\"mediaType\":\"%s\",\"manifests\":["
#define TAIL     "]}"

/* What was asked for, and the answer as it grows. */
struct listing {
    struct digest subject;
    struct str type; /* to filter by; empty for all */
    struct str last; /* digests after it; empty for all */
    int64_t limit;
    int64_t count;
    struct str body;
    const char *end; /* digest of the last entry; lent from the candidates */
    bool is_full;    /* and more would follow */
};

static void listing_fini(struct listing *listing)
{
    str_fini(&listing->type);
    str_fini(&listing->last);
    str_fini(&listing->body);
}

static int read_query(struct exchange *ex, struct listing *listing, struct error *err)
{
    auto_str text = STR_INIT(64);
    int64_t n = PAGE_MAX;

    if (page_get_count(ex, &text, &n) < 0)
        return page_refuse(str_span(&text), false, err);
    listing->limit = n < PAGE_MAX ? n : PAGE_MAX;
    if (!exchange_query(ex, "artifactType", &listing->type))
        str_reset(&listing->type); /* too long: no filter is an answer too */
    if (!exchange_query(ex, "last", &listing->last))
        str_reset(&listing->last);
    return 0;
}

/* ---- descriptors ---- */

/* Source: distribution-spec "Listing Referrers". */
static const char *type_of(const struct manifest *manifest)
{
    if (manifest->artifact_type != NULL)
        return manifest->artifact_type;
    if (manifest->config_media_type != NULL && !is_index_kind(manifest->kind))
        return manifest->config_media_type;
    return "";
}

static void append_descriptor(struct str *out, const char *digest, const struct referrer *referrer,
                              const char *type, const char *annotations)
{
    str_append_format(out, "{\"mediaType\":\"%s\",\"digest\":\"%s\",\"size\":%" PRId64,
                      media_type_of(referrer->manifest->kind), digest, referrer->size);
    if (type[0] != '\0') {
        str_append_text(out, ",\"artifactType\":");
        json_append_string(out, span_of(type));
    }
    if (annotations != NULL) {
        str_append_text(out, ",\"annotations\":");
        str_append_text(out, annotations);
    }
    str_append_char(out, '}');
}

/* The whole descriptor or, where an answer of its own could not hold that, what is needed to fetch
 * the manifest, which says the rest. */
static void format_descriptor(struct str *out, const char *digest, const struct referrer *referrer)
{
    append_descriptor(out, digest, referrer, type_of(referrer->manifest),
                      referrer->manifest->annotations);
    if (!str_overflowed(out))
        return;
    log_warn("referrer %s: annotations too long for a list", digest);
    str_fini(out);
    *out = STR_INIT(out->max);
    append_descriptor(out, digest, referrer, "", NULL);
}

/* ---- the page ---- */

/* Adds an entry, or finds that the page is full. */
static void add(struct listing *listing, const char *digest, const struct referrer *referrer)
{
    auto_str entry = STR_INIT(BODY_MAX - 256); /* with head and tail it fits alone */

    format_descriptor(&entry, digest, referrer);
    if (listing->count == listing->limit ||
        listing->body.len + entry.len + sizeof("," TAIL) > BODY_MAX) {
        listing->is_full = true;
        return;
    }
    if (listing->count > 0)
        str_append_char(&listing->body, ',');
    str_append(&listing->body, str_span(&entry));
    listing->count++;
    listing->end = digest;
}

/* May suspend. */
static int consider(struct exchange *ex, struct listing *listing, const char *text,
                    struct error *err)
{
    struct referrer referrer;
    struct error why = ERROR_INIT;
    struct digest digest;

    if (span_compare(span_of(text), str_span(&listing->last)) <= 0 ||
        !digest_parse(span_of(text), &digest))
        return 0;
    if (referrers_read(ex->registry, ex->repository, &listing->subject, &digest, &referrer, &why) <
        0) {
        if (why.code == ERROR_NOT_FOUND)
            return 0; /* removed */
        *err = why;
        return -1;
    }
    if (listing->type.len == 0 || span_is(str_span(&listing->type), type_of(referrer.manifest)))
        add(listing, text, &referrer);
    referrer_fini(&referrer);
    return 0;
}

static void send(struct exchange *ex, struct listing *listing)
{
    if (listing->type.len > 0)
        http_reply_header(ex->http, "OCI-Filters-Applied", "artifactType");
    if (listing->is_full)
        page_set_link_with(ex, "artifactType", str_span(&listing->type), listing->end,
                           listing->limit);
    str_append_text(&listing->body, TAIL);
    http_reply_header(ex->http, "Content-Type", media_type_of(MANIFEST_OCI_INDEX));
    http_reply_send(ex->http, 200, str_span(&listing->body));
}

/* May suspend. */
static int answer(struct exchange *ex, struct listing *listing, struct error *err)
{
    auto_storage_list candidates = {0};

    if (read_query(ex, listing, err) < 0)
        return -1;
    str_append_format(&listing->body, HEAD, media_type_of(MANIFEST_OCI_INDEX));
    if (listing->limit > 0 &&
        referrers_list(ex->registry, ex->repository, &listing->subject, &candidates, err) < 0)
        return -1;
    for (size_t i = 0; i < candidates.count && !listing->is_full; i++) {
        if (consider(ex, listing, candidates.names[i], err) < 0)
            return -1;
    }
    send(ex, listing);
    return 0;
}

int referrers_get(struct exchange *ex, struct error *err)
{
    struct listing listing = {
        .type = STR_INIT(TYPE_MAX), .last = STR_INIT(LAST_MAX), .body = STR_INIT(BODY_MAX)};
    int rc;

    if (!digest_parse(span_of(ex->reference), &listing.subject)) {
        error_set(err, ERROR_DIGEST_INVALID, "%s is no digest we support", ex->reference);
        error_detail_json(err, "{}");
        return -1;
    }
    rc = answer(ex, &listing, err);
    listing_fini(&listing);
    return rc;
}
