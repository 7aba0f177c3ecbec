/* SPDX-License-Identifier: Apache-2.0
 *
 * media_type - see media_type.h.
 */
#include "lib/oci/media_type.h"

#include "lib/base/cleanup.h"

#include "lib/base/banned.h"

static const char *const manifest_types[] = {
    [MANIFEST_DOCKER] = "application/vnd.docker.distribution.manifest.v2+json",
    [MANIFEST_DOCKER_LIST] = "application/vnd.docker.distribution.manifest.list.v2+json",
    [MANIFEST_OCI] = "application/vnd.oci.image.manifest.v1+json",
    [MANIFEST_OCI_INDEX] = "application/vnd.oci.image.index.v1+json",
};

static const char *const foreign_types[] = {
    "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
    "application/vnd.oci.image.layer.nondistributable.v1.tar",
    "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
    "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd",
};

enum manifest_kind media_type_kind(struct span media_type)
{
    struct span name = span_trim(span_cut(&media_type, ';'));

    for (size_t i = MANIFEST_DOCKER; i < array_count(manifest_types); i++) {
        if (span_equals_nocase(name, span_of(manifest_types[i])))
            return (enum manifest_kind)i;
    }
    return MANIFEST_UNKNOWN_KIND;
}

const char *media_type_of(enum manifest_kind kind)
{
    return manifest_types[kind];
}

bool is_index_kind(enum manifest_kind kind)
{
    return kind == MANIFEST_DOCKER_LIST || kind == MANIFEST_OCI_INDEX;
}

bool is_media_type_foreign(struct span media_type)
{
    for (size_t i = 0; i < array_count(foreign_types); i++) {
        if (span_equals_nocase(media_type, span_of(foreign_types[i])))
            return true;
    }
    return false;
}
