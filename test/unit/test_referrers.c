/* SPDX-License-Identifier: Apache-2.0
 *
 * The referrers of a subject: found in whatever is stored, whoever stored it, and whatever has
 * become of the index.
 */
#include "lib/base/memory.h"
#include "lib/registry/manifest_store.h"
#include "lib/registry/referrers.h"
#include "lib/storage/layout.h"
#include "test/support/rig.h"
#include "test/support/trial.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/banned.h"

#define HEX_16  "0123456789abcdef"
#define SUBJECT "sha256:" HEX_16 HEX_16 HEX_16 HEX_16
#define LONG    "sha512:" HEX_16 HEX_16 HEX_16 HEX_16 HEX_16 HEX_16 HEX_16 HEX_16
#define OCI     "application/vnd.oci.image.manifest.v1+json"
#define INDEX   "application/vnd.oci.image.index.v1+json"
#define DOCKER  "application/vnd.docker.distribution.manifest.v2+json"
#define MANY    2200 /* revisions whose names are a helper's work */

/* A manifest of @type that is like no other @number, with a subject unless that is NULL. */
static char *make(const char *type, unsigned number, const char *subject)
{
    struct str out = STR_INIT(4096);

    str_append_format(&out, "{\"schemaVersion\":2,\"mediaType\":\"%s\",\"x\":%u", type, number);
    if (strcmp(type, INDEX) == 0)
        str_append_text(&out, ",\"manifests\":[]");
    if (subject != NULL)
        str_append_format(&out, ",\"subject\":{\"digest\":\"%s\",\"size\":1}", subject);
    str_append_char(&out, '}');
    return str_take(&out);
}

static struct digest put_text(const char *content)
{
    struct digest digest;

    digest_of(DIGEST_SHA256, span_of(content), &digest);
    assert_ok(manifest_store_put(rig_registry(), "r", &digest, NULL, span_of(content), &rig_error));
    return digest;
}

static struct digest put(const char *type, unsigned number, const char *subject)
{
    auto_free char *content = make(type, number, subject);

    return put_text(content);
}

/* How many referrers there are, read and all; sorted, and each with this subject. */
static size_t count_of(const char *subject_text)
{
    struct digest subject = rig_digest(subject_text);
    auto_storage_list list = {0};
    size_t count = 0;

    assert_ok(referrers_list(rig_registry(), "r", &subject, &list, &rig_error));
    for (size_t i = 0; i < list.count; i++) {
        struct digest digest = rig_digest(list.names[i]);
        struct error err = ERROR_INIT;
        struct referrer referrer;

        assert_true(i == 0 || strcmp(list.names[i - 1], list.names[i]) < 0);
        if (referrers_read(rig_registry(), "r", &subject, &digest, &referrer, &err) < 0) {
            assert_int_equal(err.code, ERROR_NOT_FOUND);
            continue;
        }
        assert_true(digest_equals(&referrer.manifest->subject, &subject));
        referrer_fini(&referrer);
        count++;
    }
    return count;
}

static bool has_index(void)
{
    return rig_has(layout_referrers_index("r").text);
}

RIG_TEST(images_and_indexes_with_this_subject_refer_to_it)
{
    put(OCI, 1, SUBJECT);
    put(INDEX, 2, SUBJECT);
    put(OCI, 3, LONG);
    put(OCI, 4, NULL);
    put(DOCKER, 5, SUBJECT);
    assert_int_equal(count_of(SUBJECT), 2);
    assert_int_equal(count_of(LONG), 1);
    rig_check();
}

RIG_TEST(a_referrer_is_described_by_its_content)
{
    auto_free char *content = make(INDEX, 1, SUBJECT);
    struct digest subject = rig_digest(SUBJECT);
    struct digest digest = put_text(content);
    struct referrer referrer;

    assert_ok(referrers_read(registry, "r", &subject, &digest, &referrer, &rig_error));
    assert_int_equal(referrer.size, strlen(content));
    assert_int_equal(referrer.manifest->kind, MANIFEST_OCI_INDEX);
    referrer_fini(&referrer);
    subject = rig_digest(LONG);
    assert_fails(referrers_read(registry, "r", &subject, &digest, &referrer, &rig_error),
                 ERROR_NOT_FOUND);
}

RIG_TEST(nothing_is_written_where_there_is_nothing)
{
    assert_int_equal(count_of(SUBJECT), 0);
    assert_int_equal(rig_check(), 0);
}

RIG_TEST(a_push_costs_nothing)
{
    put(OCI, 1, SUBJECT);
    assert_false(has_index());
}

RIG_TEST(what_came_later_is_found_too)
{
    put(OCI, 1, SUBJECT);
    assert_int_equal(count_of(SUBJECT), 1);
    assert_true(has_index());
    put(OCI, 2, NULL);
    put(OCI, 3, SUBJECT);
    assert_int_equal(count_of(SUBJECT), 2);
    assert_int_equal(count_of(LONG), 0);
}

RIG_TEST(a_revision_is_read_once)
{
    for (unsigned i = 0; i < 20; i++)
        put(OCI, i, NULL);
    assert_int_equal(count_of(SUBJECT), 0);
    trial_arm(TRIAL_NONE, 0);
    assert_int_equal(count_of(SUBJECT), 0);
    assert_int_equal(trial_count_of("get"), 1);
    assert_int_equal(trial_count_of("put"), 0);
    assert_int_equal(trial_count(), 2);
}

RIG_TEST(what_is_removed_refers_no_more)
{
    struct digest first = put(OCI, 1, SUBJECT);
    struct digest second = put(OCI, 2, SUBJECT);

    assert_int_equal(count_of(SUBJECT), 2);
    assert_ok(manifest_store_remove(registry, "r", &first, &rig_error));
    assert_int_equal(count_of(SUBJECT), 1);
    rig_remove(layout_revision_link("r", &second).text);
    rig_put("/docker/registry/v2/repositories/r/_manifests/revisions/sha256/.keep", SPAN(""));
    assert_int_equal(count_of(SUBJECT), 0);
    put(OCI, 1, SUBJECT);
    put(OCI, 2, SUBJECT);
    assert_int_equal(count_of(SUBJECT), 2);
}

/* As after upstream's delete: the directory stays, without a link. */
RIG_TEST(a_directory_of_a_revision_is_no_revision)
{
    struct digest known = put(OCI, 1, SUBJECT);
    struct digest unknown;
    char key[LAYOUT_KEY_SIZE];

    assert_int_equal(count_of(SUBJECT), 1);
    unknown = put(OCI, 2, SUBJECT);
    for (int i = 0; i < 2; i++) {
        struct layout_key link = layout_revision_link("r", i == 0 ? &known : &unknown);
        struct str stray = STR_INIT(sizeof(key));

        str_append(&stray, span_make(link.text, strlen(link.text) - strlen("link")));
        str_append_text(&stray, ".other");
        rig_put(str_text(&stray), SPAN("x"));
        rig_remove(link.text);
        str_fini(&stray);
    }
    assert_int_equal(count_of(SUBJECT), 0);
    put(OCI, 2, SUBJECT);
    assert_int_equal(count_of(SUBJECT), 1);
}

RIG_TEST(a_layer_of_the_same_content_is_no_referrer)
{
    auto_free char *content = make(OCI, 1, SUBJECT);
    struct digest digest = put_text(content);

    assert_int_equal(count_of(SUBJECT), 1);
    assert_ok(manifest_store_remove(registry, "r", &digest, &rig_error));
    rig_put_blob("r", span_of(content));
    assert_int_equal(count_of(SUBJECT), 0);
}

RIG_TEST(a_revision_without_content_is_found_when_that_comes)
{
    auto_free char *content = make(OCI, 1, SUBJECT);
    struct digest digest = put_text(content);

    rig_remove(layout_blob_data(&digest).text);
    assert_int_equal(count_of(SUBJECT), 0);
    rig_put(layout_blob_data(&digest).text, SPAN("{}"));
    assert_int_equal(count_of(SUBJECT), 0);
    rig_put(layout_blob_data(&digest).text, span_of(content));
    assert_int_equal(count_of(SUBJECT), 1);
}

RIG_TEST(what_is_no_manifest_or_has_a_broken_subject_refers_to_nothing)
{
    put_text("no json");
    put_text("[]");
    put(OCI, 1, "sha256:broken");
    put_text("{\"schemaVersion\":2,\"mediaType\":\"" OCI "\",\"subject\":\"" SUBJECT "\"}");
    put_text("{\"schemaVersion\":2,\"config\":{},\"subject\":{\"digest\":\"" SUBJECT "\"}}");
    assert_int_equal(count_of(SUBJECT), 1);
    trial_arm(TRIAL_NONE, 0);
    assert_int_equal(count_of(LONG), 0);
    assert_int_equal(trial_count_of("get"), 1);
}

/* ---- the index ---- */

RIG_TEST(a_damaged_index_is_made_anew)
{
    struct layout_key key = layout_referrers_index("r");
    auto_free char *whole = NULL;

    put(OCI, 1, SUBJECT);
    put(OCI, 2, NULL);
    put(OCI, 3, SUBJECT);
    assert_int_equal(count_of(SUBJECT), 2);
    whole = rig_get(key.text, NULL);
    for (size_t len = 0; len < strlen(whole); len += 7) {
        auto_free char *again = NULL;

        rig_put(key.text, span_make(whole, len));
        assert_int_equal(count_of(SUBJECT), 2);
        again = rig_get(key.text, NULL);
        assert_string_equal(again, whole);
    }
    rig_remove(key.text);
    rig_put("/docker/registry/v2/repositories/r/_referrers/index/x", SPAN("in the way"));
    assert_int_equal(count_of(SUBJECT), 2);
}

/* Another process may put back what it knew before we knew more. */
RIG_TEST(an_index_that_knows_less_does_no_harm)
{
    struct layout_key key = layout_referrers_index("r");
    auto_free char *before = NULL;

    put(OCI, 1, SUBJECT);
    assert_int_equal(count_of(SUBJECT), 1);
    before = rig_get(key.text, NULL);
    put(OCI, 2, SUBJECT);
    assert_int_equal(count_of(SUBJECT), 2);
    rig_put(key.text, span_of(before));
    assert_int_equal(count_of(SUBJECT), 2);
}

/* On a storage that keeps no empty directories. */
RIG_TEST(the_index_does_not_outgrow_the_repository)
{
    struct layout_key key = layout_referrers_index("r");
    auto_free char *first = NULL;
    auto_free char *last = NULL;

    for (unsigned i = 0; i < 10; i++) {
        put(OCI, i, SUBJECT);
        assert_int_equal(count_of(SUBJECT), 1);
        free(last);
        last = rig_get(key.text, NULL);
        if (first == NULL)
            first = rig_get(key.text, NULL);
        rig_remove(layout_revisions("r").text);
    }
    assert_int_equal(strlen(first), strlen(last));
}

RIG_TEST(storage_that_cannot_be_written_is_no_reason_not_to_answer)
{
    struct digest subject = rig_digest(SUBJECT);
    auto_storage_list list = {0};
    unsigned puts;

    put(OCI, 1, SUBJECT);
    trial_arm(TRIAL_NONE, 0);
    assert_int_equal(count_of(SUBJECT), 1);
    puts = trial_count_of("put");
    assert_int_equal(puts, 1);
    rig_remove(layout_referrers_index("r").text);
    trial_arm(TRIAL_FAIL_BEFORE, 6); /* list, index, link twice, content; the new index */
    assert_ok(referrers_list(registry, "r", &subject, &list, &rig_error));
    assert_true(has_trial_fired());
    assert_int_equal(list.count, 1);
    trial_arm(TRIAL_NONE, 0);
    assert_false(has_index());
}

RIG_TEST(a_read_only_registry_answers_and_keeps_nothing)
{
    put(OCI, 1, SUBJECT);
    registry->is_read_only = true;
    assert_int_equal(count_of(SUBJECT), 1);
    assert_int_equal(count_of(SUBJECT), 1);
    assert_false(has_index());
    registry->is_read_only = false;
    assert_int_equal(count_of(SUBJECT), 1);
    assert_true(has_index());
}

RIG_TEST(what_was_read_is_kept_when_the_client_goes)
{
    struct digest subject = rig_digest(SUBJECT);
    auto_storage_list list = {0};
    unsigned cold;

    for (unsigned i = 0; i < 10; i++)
        put(OCI, i, SUBJECT);
    trial_arm(TRIAL_FAIL_BEFORE, 14); /* fails for another reason, but as early */
    assert_fails(referrers_list(registry, "r", &subject, &list, &rig_error), ERROR_IO);
    trial_arm(TRIAL_NONE, 0);
    assert_ok(referrers_list(registry, "r", &subject, &list, &rig_error));
    cold = trial_count();
    assert_int_equal(list.count, 10);
    assert_int_equal(cold, 2 + 3 * 7 + 1);
}

RIG_TEST(many_revisions_are_compared_on_a_helper)
{
    auto_storage_list list = {0};
    struct digest subject = rig_digest(SUBJECT);

    for (unsigned i = 0; i < MANY; i++)
        put(OCI, i, i % 2 == 0 ? SUBJECT : LONG);
    assert_int_equal(count_of(SUBJECT), MANY / 2);
    put(OCI, MANY, SUBJECT);
    assert_ok(referrers_list(registry, "r", &subject, &list, &rig_error));
    assert_int_equal(list.count, MANY / 2 + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_RUN(images_and_indexes_with_this_subject_refer_to_it),
        RIG_RUN(a_referrer_is_described_by_its_content),
        RIG_RUN(nothing_is_written_where_there_is_nothing),
        RIG_RUN(a_push_costs_nothing),
        RIG_RUN(what_came_later_is_found_too),
        RIG_RUN(a_revision_is_read_once),
        RIG_RUN(what_is_removed_refers_no_more),
        RIG_RUN(a_directory_of_a_revision_is_no_revision),
        RIG_RUN(a_layer_of_the_same_content_is_no_referrer),
        RIG_RUN(a_revision_without_content_is_found_when_that_comes),
        RIG_RUN(what_is_no_manifest_or_has_a_broken_subject_refers_to_nothing),
        RIG_RUN(a_damaged_index_is_made_anew),
        RIG_RUN(an_index_that_knows_less_does_no_harm),
        RIG_RUN(the_index_does_not_outgrow_the_repository),
        RIG_RUN(storage_that_cannot_be_written_is_no_reason_not_to_answer),
        RIG_RUN(a_read_only_registry_answers_and_keeps_nothing),
        RIG_RUN(what_was_read_is_kept_when_the_client_goes),
        RIG_RUN(many_revisions_are_compared_on_a_helper),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
