/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz_manifest - any bytes as a pushed manifest of a kind, and as a stored one: what is accepted
 * is JSON, describes itself consistently, and is accepted again when stored.
 *
 * Input: one byte says the declared kind, the rest is the content.
 */
#include "lib/base/cleanup.h"
#include "lib/base/json.h"
#include "lib/oci/manifest.h"

#include <assert.h>
#include <string.h>

#include "lib/base/banned.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_descriptor(const struct descriptor *descriptor)
{
    char text[DIGEST_TEXT_SIZE];

    assert(descriptor->digest_text != NULL && descriptor->media_type != NULL);
    assert((descriptor->url_count > 0) == (descriptor->urls != NULL));
    for (size_t i = 0; i < descriptor->url_count; i++)
        assert(descriptor->urls[i] != NULL);
    if (descriptor->is_digest_valid)
        assert(strcmp(digest_format(&descriptor->digest, text), descriptor->digest_text) == 0);
}

/* They go into an answer as they are. */
static void check_annotations(const struct manifest *manifest)
{
    struct json_limits limits = {.depth = 1, .values = 1 << 20};
    auto_free char *copy = strdup(manifest->annotations);
    size_t offset;

    assert(manifest->has_subject && copy[0] == '{');
    assert(json_prepare(copy, strlen(copy), limits, &offset) == JSON_FINE);
    assert(strcmp(copy, manifest->annotations) == 0);
}

static void check(const struct manifest *manifest)
{
    bool is_index = is_index_kind(manifest->kind);

    assert(media_type_of(manifest->kind) != NULL);
    assert(is_index || manifest->descriptor_count >= 1);
    for (size_t i = 0; i < manifest->descriptor_count; i++) {
        enum descriptor_role role = is_index ? DESCRIPTOR_CHILD
                                    : i == 0 ? DESCRIPTOR_CONFIG
                                             : DESCRIPTOR_LAYER;

        assert(manifest->descriptors[i].role == role);
        check_descriptor(&manifest->descriptors[i]);
    }
    assert(manifest->artifact_type == NULL || manifest->artifact_type[0] != '\0');
    if (manifest->annotations != NULL)
        check_annotations(manifest);
    if (manifest->kind == MANIFEST_DOCKER || manifest->kind == MANIFEST_DOCKER_LIST)
        assert(!manifest->has_subject && manifest->artifact_type == NULL);
}

static void check_error(const struct error *err)
{
    assert(err->code == ERROR_MANIFEST_INVALID || err->code == ERROR_MANIFEST_TOO_LARGE);
    assert(err->message[0] != '\0' && err->detail[0] == '{');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    auto_manifest struct manifest *pushed = NULL;
    auto_manifest struct manifest *stored = NULL;
    struct error err = ERROR_INIT;
    struct span content;
    enum manifest_kind kind;

    if (size == 0)
        return 0;
    kind = (enum manifest_kind)(MANIFEST_DOCKER + data[0] % 4);
    content = span_make(data + 1, size - 1);
    if (manifest_parse(content, span_of(media_type_of(kind)), &pushed, &err) == 0) {
        check(pushed);
        assert(pushed->kind == kind && err.code == ERROR_NONE);
    } else {
        assert(pushed == NULL);
        check_error(&err);
    }
    err = ERROR_INIT;
    if (manifest_parse_stored(content, &stored, &err) == 0)
        check(stored);
    else
        check_error(&err);
    /* an index without mediaType and manifests is served as an image manifest, if it is one */
    if (pushed != NULL && stored != NULL && stored->kind != pushed->kind)
        assert(pushed->kind == MANIFEST_OCI_INDEX && pushed->descriptor_count == 0);
    if (pushed != NULL && stored != NULL && stored->kind == pushed->kind)
        assert(stored->descriptor_count == pushed->descriptor_count);
    return 0;
}
