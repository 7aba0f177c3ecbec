/* SPDX-License-Identifier: Apache-2.0
 *
 * media_type - the media types of manifests and of what they describe.
 */
#pragma once

#include "lib/base/span.h"

enum manifest_kind {
    MANIFEST_UNKNOWN_KIND, /* no manifest we take */
    MANIFEST_DOCKER,       /* application/vnd.docker.distribution.manifest.v2+json */
    MANIFEST_DOCKER_LIST,  /* application/vnd.docker.distribution.manifest.list.v2+json */
    MANIFEST_OCI,          /* application/vnd.oci.image.manifest.v1+json */
    MANIFEST_OCI_INDEX,    /* application/vnd.oci.image.index.v1+json */
};

/* The kind a media type names; parameters are ignored, letters compared without case. */
enum manifest_kind media_type_kind(struct span media_type);

const char *media_type_of(enum manifest_kind kind); /* static; NULL for MANIFEST_UNKNOWN_KIND */

bool is_index_kind(enum manifest_kind kind); /* a Docker list or an OCI index */

/* Layers that a registry need not hold: Docker foreign and OCI non-distributable ones. */
bool is_media_type_foreign(struct span media_type);
