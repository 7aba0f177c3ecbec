/* SPDX-License-Identifier: Apache-2.0
 *
 * manifest - what a registry needs to know of a manifest: its kind and whom it refers to. Pure.
 *
 * The content is kept and served as the bytes that came; a parsed manifest only describes it.
 */
#pragma once

#include "lib/base/error.h"
#include "lib/oci/digest.h"
#include "lib/oci/media_type.h"

#define MANIFEST_SIZE_MAX  (4 << 20) /* bytes, inclusive */
#define MANIFEST_DEPTH_MAX 64        /* nesting of braces and brackets */

enum descriptor_role { DESCRIPTOR_CONFIG, DESCRIPTOR_LAYER, DESCRIPTOR_CHILD };

struct descriptor {
    enum descriptor_role role;
    struct digest digest;
    bool is_digest_valid; /* false: digest_text is not a digest we support */
    char *digest_text;    /* as sent; owned */
    char *media_type;     /* owned; "" when absent */
    int64_t size;         /* bytes; as claimed, may be negative */
    size_t url_count;
    char **urls;                 /* owned */
    char *platform_architecture; /* owned; NULL when absent */
    char *platform_os;           /* owned; NULL when absent */
};

struct manifest {
    enum manifest_kind kind;
    size_t descriptor_count;        /* config first, then layers; or the children of an index */
    struct descriptor *descriptors; /* owned */
    bool has_subject;
    struct digest subject;   /* valid only if has_subject */
    char *artifact_type;     /* owned; NULL when absent or empty */
    char *config_media_type; /* owned; NULL when absent or empty */
    char *annotations;       /* owned; of a manifest with a subject, as JSON; NULL for none */
};

/*
 * manifest_parse - check and describe pushed content.
 *
 * @declared  the Content-Type of the push
 *
 * Rules as upstream's: one JSON value and nothing behind it, keys match without case, the last of
 * equal keys wins, unknown keys are ignored, types are enforced for the known ones, `mediaType`
 * must equal @declared (OCI: or be absent), schemaVersion is 2, an OCI image manifest has no
 * `manifests` and an OCI index neither `config` nor `layers`. Stricter: nesting, the number of
 * values, and a `size` beyond 2^53. OCI 1.1: a `subject` is a descriptor with a valid digest.
 * A missing config is a descriptor without a digest. Given: manifest_free.
 * Errors: MANIFEST_INVALID (unknown @declared too), MANIFEST_TOO_LARGE; detail as upstream's
 * shapes.
 */
must_check int manifest_parse(struct span content, struct span declared, struct manifest **out,
                              struct error *err);

/* Describes stored content, whose kind follows from the content alone: `mediaType`, or without it
 * an index if `manifests` is a non-null array, else an OCI manifest. A broken `subject` or
 * `artifactType` is none, for upstream lets them in. Given. MANIFEST_INVALID, MANIFEST_TOO_LARGE.
 */
must_check int manifest_parse_stored(struct span content, struct manifest **out, struct error *err);

void manifest_free(struct manifest *manifest);

static inline void cleanup_manifest(struct manifest **manifest)
{
    manifest_free(*manifest);
}
#define auto_manifest auto_cleanup(cleanup_manifest)
