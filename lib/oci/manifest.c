/* SPDX-License-Identifier: Apache-2.0
 *
 * manifest - see manifest.h.
 *
 * Content comes from anybody. json_prepare makes it strict and safe and bounds its parts; then
 * cJSON makes a tree of it; then every object is matched, member by member, against a small table
 * of the keys that matter (members.h). What is not in a table is not looked at.
 */
#include "lib/oci/manifest.h"

#include "lib/base/json.h"
#include "lib/base/memory.h"
#include "lib/oci/annotations.h"
#include "lib/oci/members.h"

#include <cjson/cJSON.h>

#include "lib/base/banned.h"

/* The shortest descriptor with a digest is {"digest":"sha256:..."} and a comma: content with more
 * of them has some without. */
#define DESCRIPTORS_MAX (MANIFEST_SIZE_MAX / 85)

/* Four to a descriptor, and annotations: more than useful content of the largest size has. */
#define VALUES_MAX (1 << 18)

static char *copy_of(const cJSON *string)
{
    return string != NULL ? xstrdup(string->valuestring) : NULL;
}

/* The same, but nothing for an empty text. */
static char *copy_if_any(const cJSON *string)
{
    return members_text(string)[0] != '\0' ? xstrdup(string->valuestring) : NULL;
}

/* ---- descriptors ---- */

static void descriptor_fini(struct descriptor *descriptor)
{
    free(descriptor->digest_text);
    free(descriptor->media_type);
    for (size_t i = 0; i < descriptor->url_count; i++)
        free(descriptor->urls[i]);
    free(descriptor->urls);
    free(descriptor->platform_architecture);
    free(descriptor->platform_os);
}

static int parse_platform(const cJSON *platform, struct descriptor *out, struct error *err)
{
    enum { ARCHITECTURE, OS, OS_VERSION, OS_FEATURES, VARIANT, FEATURES, COUNT };
    struct member members[COUNT] = {
        [ARCHITECTURE] = {"architecture", cJSON_String, NULL},
        [OS] = {"os", cJSON_String, NULL},
        [OS_VERSION] = {"os.version", cJSON_String, NULL},
        [OS_FEATURES] = {"os.features", cJSON_Array, NULL},
        [VARIANT] = {"variant", cJSON_String, NULL},
        [FEATURES] = {"features", cJSON_Array, NULL},
    };

    if (members_pick(platform, members, COUNT, err) < 0 ||
        members_check_all(members[OS_FEATURES].value, "os.features", cJSON_String, err) < 0 ||
        members_check_all(members[FEATURES].value, "features", cJSON_String, err) < 0)
        return error_wrap(err, "platform");
    out->platform_architecture = copy_of(members[ARCHITECTURE].value);
    out->platform_os = copy_of(members[OS].value);
    return 0;
}

static void copy_urls(const cJSON *urls, struct descriptor *out)
{
    size_t count = members_count(urls);

    if (count == 0)
        return;
    out->urls = xcalloc(count, sizeof(*out->urls));
    for (const cJSON *url = urls->child; url != NULL; url = url->next)
        out->urls[out->url_count++] = xstrdup(members_text(url));
}

/* @object may be NULL: a descriptor without anything. @out is all zero before, and complete enough
 * for descriptor_fini after, even on failure. */
static int parse_descriptor(const cJSON *object, enum descriptor_role role, struct descriptor *out,
                            struct error *err)
{
    enum { MEDIA_TYPE, DIGEST, SIZE, URLS, ANNOTATIONS, PLATFORM, COUNT };
    struct member members[COUNT] = {
        [MEDIA_TYPE] = {"mediaType", cJSON_String, NULL},
        [DIGEST] = {"digest", cJSON_String, NULL},
        [SIZE] = {"size", cJSON_Number, NULL},
        [URLS] = {"urls", cJSON_Array, NULL},
        [ANNOTATIONS] = {"annotations", cJSON_Object, NULL},
        [PLATFORM] = {"platform", cJSON_Object, NULL},
    };

    if (members_pick(object, members, COUNT, err) < 0 ||
        members_check_all(members[URLS].value, "urls", cJSON_String, err) < 0 ||
        members_check_all(members[ANNOTATIONS].value, "annotations", cJSON_String, err) < 0 ||
        parse_platform(members[PLATFORM].value, out, err) < 0)
        return -1;
    out->role = role;
    out->digest_text = xstrdup(members_text(members[DIGEST].value));
    out->is_digest_valid = digest_parse(span_of(out->digest_text), &out->digest);
    out->media_type = xstrdup(members_text(members[MEDIA_TYPE].value));
    if (members[SIZE].value != NULL)
        out->size = (int64_t)members[SIZE].value->valuedouble;
    copy_urls(members[URLS].value, out);
    return 0;
}

static int add_descriptors(struct manifest *manifest, const cJSON *array, enum descriptor_role role,
                           struct error *err)
{
    const char *field = role == DESCRIPTOR_CHILD ? "manifests" : "layers";
    size_t index = 0;

    if (members_check_all(array, field, cJSON_Object, err) < 0)
        return -1;
    for (const cJSON *child = array != NULL ? array->child : NULL; child != NULL;
         child = child->next, index++) {
        struct descriptor *next = &manifest->descriptors[manifest->descriptor_count++];

        if (parse_descriptor(cJSON_IsNull(child) ? NULL : child, role, next, err) < 0)
            return error_wrap(err, "%s[%zu]", field, index);
    }
    return 0;
}

/* ---- the whole ---- */

enum { SCHEMA_VERSION, MEDIA_TYPE, CONFIG, LAYERS, MANIFESTS, ANNOTATIONS, TOP_COUNT };

static int check_top(enum manifest_kind kind, const struct member *top, struct error *err)
{
    struct span media_type = span_of(members_text(top[MEDIA_TYPE].value));
    bool is_oci = kind == MANIFEST_OCI || kind == MANIFEST_OCI_INDEX;

    if (!span_is(media_type, media_type_of(kind)) && !(is_oci && media_type.len == 0))
        return members_refuse(err, "mediaType is not the declared one");
    if (top[SCHEMA_VERSION].value == NULL || top[SCHEMA_VERSION].value->valuedouble != 2)
        return members_refuse(err, "schemaVersion is not 2");
    if (kind == MANIFEST_OCI && top[MANIFESTS].value != NULL)
        return members_refuse(err, "an image manifest with manifests");
    if (kind == MANIFEST_OCI_INDEX && (top[CONFIG].value != NULL || top[LAYERS].value != NULL))
        return members_refuse(err, "an index with config or layers");
    return 0;
}

static int parse_references(struct manifest *manifest, const struct member *top, struct error *err)
{
    bool is_index = is_index_kind(manifest->kind);
    const cJSON *list = top[is_index ? MANIFESTS : LAYERS].value;
    size_t count = members_count(list);

    if (count > DESCRIPTORS_MAX)
        return members_refuse(err, "more descriptors than fit with a digest each");
    manifest->descriptors = xcalloc(count + 1, sizeof(*manifest->descriptors));
    if (is_index)
        return add_descriptors(manifest, list, DESCRIPTOR_CHILD, err);
    manifest->descriptor_count = 1;
    if (parse_descriptor(top[CONFIG].value, DESCRIPTOR_CONFIG, manifest->descriptors, err) < 0)
        return error_wrap(err, "config");
    if (manifest->descriptors[0].media_type[0] != '\0')
        manifest->config_media_type = xstrdup(manifest->descriptors[0].media_type);
    return add_descriptors(manifest, list, DESCRIPTOR_LAYER, err);
}

static int parse_subject(struct manifest *manifest, const cJSON *object, struct error *err)
{
    struct descriptor subject = {0};
    int rc = parse_descriptor(object, DESCRIPTOR_CHILD, &subject, err);

    if (rc == 0 && !subject.is_digest_valid)
        rc = members_refuse(err, "its digest is not a valid one");
    else if (rc == 0 && subject.size < 0)
        rc = members_refuse(err, "its size is negative");
    if (rc == 0) {
        manifest->has_subject = true;
        manifest->subject = subject.digest;
    } else {
        error_wrap(err, "subject");
    }
    descriptor_fini(&subject);
    return rc;
}

/* What OCI 1.1 adds. @is_stored: a peer that knows nothing of it let it in; then what is not as it
 * should be is not there. */
static int parse_relations(struct manifest *manifest, const cJSON *tree, const cJSON *annotations,
                           bool is_stored, struct error *err)
{
    struct error why = ERROR_INIT;
    struct member members[] = {
        {"subject", cJSON_Object, NULL},
        {"artifactType", cJSON_String, NULL},
    };

    if (manifest->kind != MANIFEST_OCI && manifest->kind != MANIFEST_OCI_INDEX)
        return 0;
    for (size_t i = 0; i < array_count(members); i++) {
        if (members_pick(tree, &members[i], 1, &why) < 0)
            members[i].value = NULL;
    }
    manifest->artifact_type = copy_if_any(members[1].value);
    if (members[0].value != NULL)
        parse_subject(manifest, members[0].value, &why);
    if (manifest->has_subject)
        manifest->annotations = annotations_format(annotations, MANIFEST_SIZE_MAX);
    if (why.code == ERROR_NONE || is_stored)
        return 0;
    *err = why;
    return -1;
}

/* Without a mediaType it depends on what is there. */
static enum manifest_kind kind_of_stored(const struct member *top)
{
    struct span media_type = span_of(members_text(top[MEDIA_TYPE].value));

    if (media_type.len == 0)
        return top[MANIFESTS].value != NULL ? MANIFEST_OCI_INDEX : MANIFEST_OCI;
    for (enum manifest_kind kind = MANIFEST_DOCKER; kind <= MANIFEST_OCI_INDEX; kind++) {
        if (span_is(media_type, media_type_of(kind)))
            return kind;
    }
    return MANIFEST_UNKNOWN_KIND;
}

/* @kind is MANIFEST_UNKNOWN_KIND for stored content. */
static int parse_tree(const cJSON *tree, enum manifest_kind kind, struct manifest *manifest,
                      struct error *err)
{
    bool is_stored = kind == MANIFEST_UNKNOWN_KIND;
    struct member top[TOP_COUNT] = {
        [SCHEMA_VERSION] = {"schemaVersion", cJSON_Number, NULL},
        [MEDIA_TYPE] = {"mediaType", cJSON_String, NULL},
        [CONFIG] = {"config", cJSON_Object, NULL},
        [LAYERS] = {"layers", cJSON_Array, NULL},
        [MANIFESTS] = {"manifests", cJSON_Array, NULL},
        [ANNOTATIONS] = {"annotations", cJSON_Object, NULL},
    };

    if (!cJSON_IsObject(tree))
        return members_refuse(err, "not a JSON object");
    if (members_pick(tree, top, TOP_COUNT, err) < 0)
        return -1;
    manifest->kind = is_stored ? kind_of_stored(top) : kind;
    if (manifest->kind == MANIFEST_UNKNOWN_KIND)
        return members_refuse(err, "mediaType is none of a manifest");
    if (manifest->kind == MANIFEST_OCI &&
        members_check_all(top[ANNOTATIONS].value, "annotations", cJSON_String, err) < 0)
        return -1;
    if (check_top(manifest->kind, top, err) < 0 || parse_references(manifest, top, err) < 0)
        return -1;
    return parse_relations(manifest, tree, top[ANNOTATIONS].value, is_stored, err);
}

/* Given: free(). The content as cJSON can take it. */
static char *prepare(struct span content, struct error *err)
{
    struct json_limits limits = {.depth = MANIFEST_DEPTH_MAX, .values = VALUES_MAX};
    char *text = xmalloc(content.len);
    size_t offset = 0;
    enum json_fault fault;

    if (content.len > 0)
        memcpy(text, content.data, content.len);
    fault = json_prepare(text, content.len, limits, &offset);
    if (fault == JSON_FINE)
        return text;
    free(text);
    error_set(err, ERROR_MANIFEST_INVALID, "%s, seen after %zu bytes",
              fault == JSON_TOO_DEEP   ? "nested too deeply"
              : fault == JSON_TOO_MANY ? "too many values"
                                       : "not JSON",
              offset);
    error_detail_json(err, "{\"Offset\":%zu}", offset);
    return NULL;
}

static int parse(struct span content, enum manifest_kind kind, struct manifest **out,
                 struct error *err)
{
    auto_free char *text = NULL;
    struct manifest *manifest;
    cJSON *tree;
    int rc;

    if (content.len > MANIFEST_SIZE_MAX) {
        error_set(err, ERROR_MANIFEST_TOO_LARGE, "a manifest of more than %d bytes",
                  MANIFEST_SIZE_MAX);
        error_detail_string(err, SPAN("http: request body too large"));
        return -1;
    }
    text = prepare(content, err);
    if (text == NULL)
        return -1;
    tree = cJSON_ParseWithLength(text, content.len);
    if (tree == NULL)
        return members_refuse(err, "not JSON");
    manifest = xcalloc(1, sizeof(*manifest));
    rc = parse_tree(tree, kind, manifest, err);
    cJSON_Delete(tree);
    if (rc == 0)
        *out = manifest;
    else
        manifest_free(manifest);
    return rc;
}

int manifest_parse(struct span content, struct span declared, struct manifest **out,
                   struct error *err)
{
    enum manifest_kind kind = media_type_kind(declared);

    if (kind == MANIFEST_UNKNOWN_KIND)
        return members_refuse(err, "the Content-Type is none of a manifest");
    return parse(content, kind, out, err);
}

int manifest_parse_stored(struct span content, struct manifest **out, struct error *err)
{
    return parse(content, MANIFEST_UNKNOWN_KIND, out, err);
}

void manifest_free(struct manifest *manifest)
{
    if (manifest == NULL)
        return;
    for (size_t i = 0; i < manifest->descriptor_count; i++)
        descriptor_fini(&manifest->descriptors[i]);
    free(manifest->descriptors);
    free(manifest->artifact_type);
    free(manifest->config_media_type);
    free(manifest->annotations);
    free(manifest);
}
