/* SPDX-License-Identifier: Apache-2.0
 *
 * Every key of the storage, letter by letter: another registry reads the same tree.
 */
#include "lib/storage/layout.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/banned.h"

#define REPOSITORIES "/docker/registry/v2/repositories"
#define UUID         "0f1e2d3c-4b5a-4678-9abc-def012345678"
#define HEX256       "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define HEX512                                                                                     \
    "cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce"                             \
    "47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e"

static struct digest digest_from(const char *text)
{
    struct digest digest;

    assert_true(digest_parse(span_of(text), &digest));
    return digest;
}

static void content_is_named_by_its_digest(void **state)
{
    struct digest digest = digest_from("sha256:" HEX256);
    struct digest other = digest_from("sha512:" HEX512);

    (void)state;
    assert_string_equal(layout_blobs_root().text, "/docker/registry/v2/blobs");
    assert_string_equal(layout_blob_data(&digest).text,
                        "/docker/registry/v2/blobs/sha256/e3/" HEX256 "/data");
    assert_string_equal(layout_blob_data(&other).text,
                        "/docker/registry/v2/blobs/sha512/cf/" HEX512 "/data");
}

static void links_are_below_their_repository(void **state)
{
    struct digest digest = digest_from("sha256:" HEX256);
    struct digest other = digest_from("sha512:" HEX512);

    (void)state;
    assert_string_equal(layout_repositories_root().text, REPOSITORIES);
    assert_string_equal(layout_repository("a/b").text, REPOSITORIES "/a/b");
    assert_string_equal(layout_layers("a/b").text, REPOSITORIES "/a/b/_layers");
    assert_string_equal(layout_layer_link("a/b", &digest).text,
                        REPOSITORIES "/a/b/_layers/sha256/" HEX256 "/link");
    assert_string_equal(layout_layer_link("a/b", &other).text,
                        REPOSITORIES "/a/b/_layers/sha512/" HEX512 "/link");
    assert_string_equal(layout_revision_link("a/b", &digest).text,
                        REPOSITORIES "/a/b/_manifests/revisions/sha256/" HEX256 "/link");
    assert_string_equal(layout_revisions("a/b").text,
                        REPOSITORIES "/a/b/_manifests/revisions/sha256");
}

static void what_is_ours_alone_is_where_upstream_does_not_look(void **state)
{
    (void)state;
    assert_string_equal(layout_referrers_index("a/b").text, REPOSITORIES "/a/b/_referrers/index");
}

static void tags_have_a_current_link_and_an_index(void **state)
{
    struct digest digest = digest_from("sha256:" HEX256);

    (void)state;
    assert_string_equal(layout_tags("a").text, REPOSITORIES "/a/_manifests/tags");
    assert_string_equal(layout_tag("a", "v1.0").text, REPOSITORIES "/a/_manifests/tags/v1.0");
    assert_string_equal(layout_tag_current_link("a", "v1.0").text,
                        REPOSITORIES "/a/_manifests/tags/v1.0/current/link");
    assert_string_equal(layout_tag_index_link("a", "v1.0", &digest).text,
                        REPOSITORIES "/a/_manifests/tags/v1.0/index/sha256/" HEX256 "/link");
}

static void uploads_have_data_a_start_and_hash_states(void **state)
{
    (void)state;
    assert_string_equal(layout_upload("a", UUID).text, REPOSITORIES "/a/_uploads/" UUID);
    assert_string_equal(layout_upload_data("a", UUID).text,
                        REPOSITORIES "/a/_uploads/" UUID "/data");
    assert_string_equal(layout_upload_started_at("a", UUID).text,
                        REPOSITORIES "/a/_uploads/" UUID "/startedat");
    assert_string_equal(layout_upload_hash_states("a", UUID).text,
                        REPOSITORIES "/a/_uploads/" UUID "/hashstates/sha256");
    assert_string_equal(layout_upload_hash_state("a", UUID, 0).text,
                        REPOSITORIES "/a/_uploads/" UUID "/hashstates/sha256/0");
    assert_string_equal(layout_upload_hash_state("a", UUID, INT64_MAX).text,
                        REPOSITORIES "/a/_uploads/" UUID "/hashstates/sha256/9223372036854775807");
}

static void the_longest_key_fits(void **state)
{
    struct digest digest = digest_from("sha512:" HEX512);
    char repository[256];
    char tag[129];

    (void)state;
    memset(repository, 'r', sizeof(repository) - 1);
    repository[sizeof(repository) - 1] = '\0';
    memset(tag, 't', sizeof(tag) - 1);
    tag[sizeof(tag) - 1] = '\0';
    assert_int_equal(strlen(layout_tag_index_link(repository, tag, &digest).text),
                     strlen(REPOSITORIES "/") + 255 + strlen("/_manifests/tags/") + 128 +
                         strlen("/index/sha512/") + 128 + strlen("/link"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(content_is_named_by_its_digest),
        cmocka_unit_test(links_are_below_their_repository),
        cmocka_unit_test(what_is_ours_alone_is_where_upstream_does_not_look),
        cmocka_unit_test(tags_have_a_current_link_and_an_index),
        cmocka_unit_test(uploads_have_data_a_start_and_hash_states),
        cmocka_unit_test(the_longest_key_fits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
