/* SPDX-License-Identifier: Apache-2.0
 *
 * Manifests and tags of a repository: what is written in which order, what is checked, what goes.
 */
#include "lib/base/memory.h"
#include "lib/registry/catalog.h"
#include "lib/registry/manifest_store.h"
#include "lib/registry/tag_store.h"
#include "lib/storage/layout.h"
#include "lib/task/task.h"
#include "test/support/rig.h"
#include "test/support/trial.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/banned.h"

#define MANIFEST "{\"schemaVersion\":2,\"manifests\":[]}"
#define OTHER    "{\"schemaVersion\":2,\"manifests\":[ ]}"

static struct digest put(struct span content)
{
    struct digest digest;

    digest_of(DIGEST_SHA256, content, &digest);
    assert_ok(manifest_store_put(rig_registry(), "r", &digest, NULL, content, &rig_error));
    return digest;
}

static void assert_content(const struct digest *digest, const char *expected)
{
    auto_str content = STR_INIT(MANIFEST_SIZE_MAX);

    assert_ok(manifest_store_get(rig_registry(), "r", digest, &content, &rig_error));
    assert_string_equal(str_text(&content), expected);
}

static void assert_unknown(const struct digest *digest)
{
    auto_str content = STR_INIT(MANIFEST_SIZE_MAX);
    char detail[512];

    assert_fails(manifest_store_get(rig_registry(), "r", digest, &content, &rig_error),
                 ERROR_MANIFEST_UNKNOWN);
    snprintf(detail, sizeof(detail), "{\"Name\":\"r\",\"Revision\":\"%s\"}", rig_text(digest));
    assert_string_equal(rig_error.detail, detail);
}

RIG_TEST(a_manifest_comes_back_as_it_was_put)
{
    struct digest digest = put(SPAN(MANIFEST));

    assert_content(&digest, MANIFEST);
    assert_ok(manifest_store_stat(registry, "r", &digest, &rig_error));
    assert_fails(manifest_store_stat(registry, "s", &digest, &rig_error), ERROR_MANIFEST_UNKNOWN);
    put(SPAN(MANIFEST));
    rig_check();
}

RIG_TEST(a_repository_of_manifests_only_is_in_the_catalog)
{
    auto_storage_list list = {0};
    bool more;

    put(SPAN(MANIFEST));
    assert_ok(catalog_list(registry, "", 10, &list, &more, &rig_error));
    assert_int_equal(list.count, 1);
    assert_string_equal(list.names[0], "r");
}

RIG_TEST(content_that_is_there_is_trusted_by_its_size)
{
    struct digest digest = rig_put_blob(NULL, SPAN(MANIFEST));

    trial_arm(TRIAL_NONE, 0);
    put(SPAN(MANIFEST));
    assert_int_equal(trial_count_of("put"), 2); /* _layers and the link */
    rig_put(layout_blob_data(&digest).text, SPAN("{\"schemaVer"));
    put(SPAN(MANIFEST));
    assert_content(&digest, MANIFEST);
    rig_check();
}

RIG_TEST(a_manifest_is_found_by_its_alias)
{
    struct digest digest;
    struct digest alias;
    char *link;

    digest_of(DIGEST_SHA256, SPAN(MANIFEST), &digest);
    digest_of(DIGEST_SHA512, SPAN(MANIFEST), &alias);
    assert_ok(manifest_store_put(registry, "r", &digest, &alias, SPAN(MANIFEST), &rig_error));
    link = rig_get(layout_layer_link("r", &alias).text, NULL);
    assert_string_equal(link, rig_text(&digest));
    free(link);
    assert_false(rig_has(layout_revision_link("r", &alias).text)); /* upstream's gc would stumble */
    assert_content(&alias, MANIFEST);
    assert_ok(manifest_store_stat(registry, "r", &alias, &rig_error));
    rig_check();

    assert_ok(manifest_store_remove(registry, "r", &digest, &rig_error));
    assert_unknown(&alias);
    assert_ok(manifest_store_put(registry, "r", &digest, &alias, SPAN(MANIFEST), &rig_error));
    assert_ok(manifest_store_remove(registry, "r", &alias, &rig_error));
    assert_unknown(&alias);
    assert_unknown(&digest);
}

RIG_TEST(a_layer_link_will_do_for_a_manifest)
{
    struct digest digest = rig_put_blob("r", SPAN(MANIFEST));
    struct digest layer = rig_put_blob("r", SPAN("a layer"));

    assert_content(&digest, MANIFEST);
    assert_unknown(&layer);
}

RIG_TEST(a_blob_too_big_for_a_manifest_is_none)
{
    char *content = xcalloc(1, MANIFEST_SIZE_MAX + 1);
    struct digest digest = rig_put_blob("r", span_make(content, MANIFEST_SIZE_MAX + 1));

    assert_unknown(&digest);
    free(content);
}

RIG_TEST(damaged_content_is_absence)
{
    struct digest digest = put(SPAN(MANIFEST));

    rig_put(layout_blob_data(&digest).text, SPAN("{\"schemaVer"));
    assert_unknown(&digest);
    rig_put(layout_blob_data(&digest).text, SPAN(""));
    assert_unknown(&digest);
    rig_remove(layout_blob_data(&digest).text);
    assert_unknown(&digest);
}

static void mend_main(void *arg)
{
    (void)arg;
    assert_ok(task_sleep(5, &rig_error));
    rig_put_blob(NULL, SPAN(MANIFEST));
}

RIG_TEST(content_that_is_just_being_written_in_place_is_read)
{
    struct digest digest = put(SPAN(MANIFEST));

    rig_put(layout_blob_data(&digest).text, SPAN("{\"schemaVer"));
    task_spawn("mend", mend_main, NULL);
    assert_content(&digest, MANIFEST);
}

RIG_TEST(damaged_links_are_absence)
{
    struct digest digest = put(SPAN(MANIFEST));
    struct digest other = put(SPAN(OTHER));

    rig_put(layout_revision_link("r", &digest).text, SPAN(""));
    assert_unknown(&digest);
    rig_put(layout_revision_link("r", &digest).text, span_of(rig_text(&other)));
    assert_unknown(&digest);
    assert_content(&other, OTHER);
    assert_ok(manifest_store_remove(registry, "r", &digest, &rig_error)); /* so it can be mended */
    rig_check();
}

RIG_TEST(remove_takes_the_tags_and_the_layer_link_too)
{
    struct digest digest = put(SPAN(MANIFEST));
    struct digest other = put(SPAN(OTHER));
    struct digest current;
    auto_storage_list tags = {0};

    rig_put_blob("r", SPAN(MANIFEST));
    assert_ok(tag_put(registry, "r", "one", &digest, &rig_error));
    assert_ok(tag_put(registry, "r", "two", &other, &rig_error));
    assert_ok(tag_put(registry, "r", "three", &digest, &rig_error));
    assert_ok(tag_put(registry, "r", "three", &other, &rig_error));
    assert_ok(tag_put(registry, "r", "four", &digest, &rig_error));
    rig_put(layout_tag_current_link("r", "broken").text, SPAN(""));
    assert_ok(manifest_store_remove(registry, "r", &digest, &rig_error));
    assert_unknown(&digest);
    assert_fails(manifest_store_remove(registry, "r", &digest, &rig_error), ERROR_MANIFEST_UNKNOWN);
    assert_content(&other, OTHER);
    assert_ok(tag_list(registry, "r", &tags, &rig_error));
    assert_int_equal(tags.count, 3);
    assert_string_equal(tags.names[0], "broken");
    assert_string_equal(tags.names[1], "three");
    assert_string_equal(tags.names[2], "two");
    assert_true(rig_has(layout_tag_index_link("r", "three", &digest).text));
    assert_ok(tag_resolve(registry, "r", "three", &current, &rig_error));
    assert_true(digest_equals(&current, &other));
    assert_true(rig_has(layout_blob_data(&digest).text));
    rig_remove(layout_tag("r", "broken").text);
    rig_check();
}

RIG_TEST(remove_of_what_is_only_a_layer_works)
{
    struct digest digest = rig_put_blob("r", SPAN("a layer"));

    assert_ok(manifest_store_remove(registry, "r", &digest, &rig_error));
    assert_fails(manifest_store_remove(registry, "r", &digest, &rig_error), ERROR_MANIFEST_UNKNOWN);
    assert_fails(manifest_store_remove(registry, "none", &digest, &rig_error),
                 ERROR_MANIFEST_UNKNOWN);
}

/* ---- what a manifest refers to ---- */

/* "<code> <name>;" for each that is missing. */
static void on_missing(const struct descriptor *descriptor, enum error_code code, void *arg)
{
    str_append_format(arg, "%s %s;", error_code_name(code), descriptor->digest_text);
}

/* A descriptor of @digest, with @name in the place of the digest's text. */
static struct descriptor describe(enum descriptor_role role, const char *media_type,
                                  const struct digest *digest, const char *name)
{
    return (struct descriptor){.role = role,
                               .is_digest_valid = true,
                               .digest = *digest,
                               .digest_text = xstrdup(name),
                               .media_type = xstrdup(media_type)};
}

static void add_url(struct descriptor *descriptor, const char *url)
{
    descriptor->urls =
        xrealloc(descriptor->urls, (descriptor->url_count + 1) * sizeof(*descriptor->urls));
    descriptor->urls[descriptor->url_count++] = xstrdup(url);
}

static void descriptor_fini(struct descriptor *descriptor)
{
    for (size_t i = 0; i < descriptor->url_count; i++)
        free(descriptor->urls[i]);
    free(descriptor->urls);
    free(descriptor->digest_text);
    free(descriptor->media_type);
}

static void assert_missing(struct descriptor *descriptors, size_t count, const char *expected)
{
    struct manifest manifest = {
        .kind = MANIFEST_DOCKER, .descriptor_count = count, .descriptors = descriptors};
    auto_str missing = STR_INIT(4096);

    assert_ok(
        manifest_store_check(rig_registry(), "r", &manifest, on_missing, &missing, &rig_error));
    assert_string_equal(str_text(&missing), expected);
    for (size_t i = 0; i < count; i++)
        descriptor_fini(&descriptors[i]);
}

#define FOREIGN           "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"
#define NON_DISTRIBUTABLE "application/vnd.oci.image.layer.nondistributable.v1.tar"
#define LAYER             "application/vnd.oci.image.layer.v1.tar+gzip"
#define CONFIG            "application/vnd.oci.image.config.v1+json"

RIG_TEST(missing_references_are_told_in_order)
{
    struct digest there = rig_put_blob("r", SPAN("there"));
    struct digest elsewhere = rig_put_blob("s", SPAN("elsewhere"));
    struct digest gone = rig_put_blob("r", SPAN("gone"));
    struct descriptor descriptors[4];

    rig_remove(layout_blob_data(&gone).text);
    descriptors[0] = describe(DESCRIPTOR_CONFIG, CONFIG, &gone, "gone");
    descriptors[1] = describe(DESCRIPTOR_LAYER, LAYER, &there, "there");
    descriptors[2] = describe(DESCRIPTOR_LAYER, LAYER, &there, "sha256:abc");
    descriptors[2].is_digest_valid = false;
    descriptors[3] = describe(DESCRIPTOR_LAYER, LAYER, &elsewhere, "elsewhere");
    assert_missing(descriptors, 4,
                   "MANIFEST_BLOB_UNKNOWN gone;DIGEST_INVALID sha256:abc;"
                   "MANIFEST_BLOB_UNKNOWN elsewhere;");
}

RIG_TEST(children_are_manifests_of_this_repository)
{
    struct digest child = put(SPAN(MANIFEST));
    struct digest blob = rig_put_blob("r", SPAN("blob"));
    struct digest unknown;
    struct descriptor descriptors[3];

    digest_of(DIGEST_SHA256, SPAN("unknown"), &unknown);
    descriptors[0] = describe(DESCRIPTOR_CHILD, "", &child, "child");
    descriptors[1] = describe(DESCRIPTOR_CHILD, "", &blob, "blob");
    descriptors[2] = describe(DESCRIPTOR_CHILD, "", &unknown, "unknown");
    assert_missing(descriptors, 3, "MANIFEST_BLOB_UNKNOWN unknown;");
}

/* Lets layers be at any http and https URL that none of @deny matches. Freed by drop_policy. */
static void use_policy(const char *deny)
{
    struct url_expressions none = {0};
    struct url_expressions one = {&deny, deny != NULL};
    struct url_policy *policy = NULL;

    assert_ok(url_policy_new(none, one, &policy, &rig_error));
    rig_registry()->url_policy = policy;
}

static void drop_policy(void)
{
    struct url_policy *policy = (struct url_policy *)(uintptr_t)rig_registry()->url_policy;

    rig_registry()->url_policy = NULL;
    url_policy_free(policy);
}

RIG_TEST(only_foreign_layers_with_urls_need_not_be_there)
{
    struct digest absent = rig_put_blob("s", SPAN("absent"));
    struct descriptor descriptors[3];

    use_policy(NULL);
    descriptors[0] = describe(DESCRIPTOR_LAYER, FOREIGN, &absent, "foreign");
    add_url(&descriptors[0], "https://example.com/x");
    add_url(&descriptors[0], "http://example.com/y?z=%20");
    descriptors[1] = describe(DESCRIPTOR_LAYER, FOREIGN, &absent, "no-url");
    descriptors[2] = describe(DESCRIPTOR_LAYER, LAYER, &absent, "layer");
    add_url(&descriptors[2], "https://example.com/x");
    assert_missing(descriptors, 3, "MANIFEST_INVALID no-url;MANIFEST_BLOB_UNKNOWN layer;");
    drop_policy();
}

RIG_TEST(non_distributable_oci_layers_without_urls_must_be_there)
{
    struct digest absent = rig_put_blob("s", SPAN("absent"));
    struct digest present = rig_put_blob("r", SPAN("present"));
    struct descriptor descriptors[2];

    descriptors[0] = describe(DESCRIPTOR_LAYER, NON_DISTRIBUTABLE, &absent, "absent");
    descriptors[1] = describe(DESCRIPTOR_LAYER, NON_DISTRIBUTABLE, &present, "present");
    assert_missing(descriptors, 2, "MANIFEST_BLOB_UNKNOWN absent;");
}

/* @url in layers of all sorts: only those of which clients fetch from elsewhere are looked at. */
static void assert_refused(const char *url)
{
    struct digest absent = rig_put_blob("s", SPAN("absent"));
    struct digest present = rig_put_blob("r", SPAN("present"));
    struct descriptor descriptors[4];

    descriptors[0] = describe(DESCRIPTOR_LAYER, FOREIGN, &absent, "absent");
    add_url(&descriptors[0], "https://example.com/good");
    add_url(&descriptors[0], url);
    descriptors[1] = describe(DESCRIPTOR_LAYER, LAYER, &present, "present");
    add_url(&descriptors[1], url);
    descriptors[2] = describe(DESCRIPTOR_LAYER, "application/x-artifact", &present, "other");
    add_url(&descriptors[2], url);
    descriptors[3] = describe(DESCRIPTOR_LAYER, FOREIGN, &absent, "sha256:abc");
    descriptors[3].is_digest_valid = false;
    add_url(&descriptors[3], url);
    assert_missing(descriptors, 4,
                   "MANIFEST_INVALID absent;MANIFEST_INVALID present;DIGEST_INVALID sha256:abc;");
}

RIG_TEST(layers_with_urls_that_may_not_be_are_refused)
{
    use_policy("^https://evil\\.org/");
    assert_refused("ftp://example.com/x");
    assert_refused("");
    assert_refused("https://evil.org/x");
    drop_policy();
    assert_refused("https://example.com/x"); /* without a policy none may be */
}

RIG_TEST(urls_of_one_manifest_are_bounded)
{
    struct digest absent = rig_put_blob("s", SPAN("absent"));
    struct descriptor descriptor = describe(DESCRIPTOR_LAYER, FOREIGN, &absent, "foreign");

    use_policy("^https://evil\\.org/");
    for (int i = 0; i < 64 * 1024 / 19 + 1; i++)
        add_url(&descriptor, "http://example.com/");
    assert_missing(&descriptor, 1, "MANIFEST_INVALID foreign;");
    drop_policy();
}

/* ---- tags ---- */

RIG_TEST(a_tag_points_at_what_was_put_last)
{
    struct digest first = put(SPAN(MANIFEST));
    struct digest second = put(SPAN(OTHER));
    struct digest current;

    assert_ok(tag_put(registry, "r", "latest", &first, &rig_error));
    assert_ok(tag_put(registry, "r", "latest", &second, &rig_error));
    assert_ok(tag_resolve(registry, "r", "latest", &current, &rig_error));
    assert_true(digest_equals(&current, &second));
    assert_true(rig_has(layout_tag_index_link("r", "latest", &first).text));
    assert_true(rig_has(layout_tag_index_link("r", "latest", &second).text));
    rig_check();
}

RIG_TEST(an_unknown_or_damaged_tag_is_unknown)
{
    struct digest current;

    assert_fails(tag_resolve(registry, "r", "v1", &current, &rig_error), ERROR_MANIFEST_UNKNOWN);
    assert_string_equal(rig_error.detail, "{\"Tag\":\"v1\"}");
    rig_put(layout_tag_current_link("r", "v1").text, SPAN("sha256:"));
    assert_fails(tag_resolve(registry, "r", "v1", &current, &rig_error), ERROR_MANIFEST_UNKNOWN);
    assert_fails(tag_remove(registry, "r", "v2", &rig_error), ERROR_MANIFEST_UNKNOWN);
}

RIG_TEST(tag_remove_leaves_the_manifest)
{
    struct digest digest = put(SPAN(MANIFEST));
    struct digest current;

    assert_ok(tag_put(registry, "r", "v1", &digest, &rig_error));
    assert_ok(tag_remove(registry, "r", "v1", &rig_error));
    assert_fails(tag_resolve(registry, "r", "v1", &current, &rig_error), ERROR_MANIFEST_UNKNOWN);
    assert_content(&digest, MANIFEST);
}

RIG_TEST(tags_are_listed_sorted_and_nothing_else_is)
{
    static const char *const names[] = {"v1", "V1", "latest", "1.0", "_x", "v1-a", "v10"};
    struct digest digest = put(SPAN(MANIFEST));
    auto_storage_list tags = {0};

    assert_fails(tag_list(registry, "r", &tags, &rig_error), ERROR_NAME_UNKNOWN);
    assert_string_equal(rig_error.detail, "{\"name\":\"r\"}");
    for (size_t i = 0; i < array_count(names); i++)
        assert_ok(tag_put(registry, "r", names[i], &digest, &rig_error));
    rig_put("/docker/registry/v2/repositories/r/_manifests/tags/.stray", SPAN("x"));
    assert_ok(tag_list(registry, "r", &tags, &rig_error));
    assert_int_equal(tags.count, array_count(names));
    for (size_t i = 0; i + 1 < tags.count; i++)
        assert_true(strcmp(tags.names[i], tags.names[i + 1]) < 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_RUN(a_manifest_comes_back_as_it_was_put),
        RIG_RUN(a_repository_of_manifests_only_is_in_the_catalog),
        RIG_RUN(content_that_is_there_is_trusted_by_its_size),
        RIG_RUN(a_manifest_is_found_by_its_alias),
        RIG_RUN(a_layer_link_will_do_for_a_manifest),
        RIG_RUN(a_blob_too_big_for_a_manifest_is_none),
        RIG_RUN(damaged_content_is_absence),
        RIG_RUN(content_that_is_just_being_written_in_place_is_read),
        RIG_RUN(damaged_links_are_absence),
        RIG_RUN(remove_takes_the_tags_and_the_layer_link_too),
        RIG_RUN(remove_of_what_is_only_a_layer_works),
        RIG_RUN(missing_references_are_told_in_order),
        RIG_RUN(children_are_manifests_of_this_repository),
        RIG_RUN(only_foreign_layers_with_urls_need_not_be_there),
        RIG_RUN(non_distributable_oci_layers_without_urls_must_be_there),
        RIG_RUN(layers_with_urls_that_may_not_be_are_refused),
        RIG_RUN(urls_of_one_manifest_are_bounded),
        RIG_RUN(a_tag_points_at_what_was_put_last),
        RIG_RUN(an_unknown_or_damaged_tag_is_unknown),
        RIG_RUN(tag_remove_leaves_the_manifest),
        RIG_RUN(tags_are_listed_sorted_and_nothing_else_is),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
