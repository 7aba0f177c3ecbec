/* SPDX-License-Identifier: Apache-2.0
 *
 * Manifests: what is accepted as which kind, what is found in it, and that hostile content costs
 * little.
 */
#include "lib/base/str.h"
#include "lib/oci/manifest.h"
#include "test/support/cost.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/banned.h"

#define DOCKER      "application/vnd.docker.distribution.manifest.v2+json"
#define DOCKER_LIST "application/vnd.docker.distribution.manifest.list.v2+json"
#define OCI         "application/vnd.oci.image.manifest.v1+json"
#define OCI_INDEX   "application/vnd.oci.image.index.v1+json"
#define LAYER       "application/vnd.oci.image.layer.v1.tar+gzip"

#define HEX_A       "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define HEX_B       "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define A           "\"sha256:" HEX_A "\""
#define B           "\"sha256:" HEX_B "\""
#define TYPED(type) "{\"schemaVersion\":2,\"mediaType\":\"" type "\""
#define V2          "{\"schemaVersion\":2"

/* Given: manifest_free; NULL when refused, which must be as MANIFEST_INVALID. */
static struct manifest *parse(const char *content, const char *declared)
{
    struct manifest *manifest = NULL;
    struct error err = ERROR_INIT;

    if (manifest_parse(span_of(content), span_of(declared), &manifest, &err) == 0)
        return manifest;
    assert_null(manifest);
    assert_int_equal(err.code, ERROR_MANIFEST_INVALID);
    assert_string_not_equal(err.message, "");
    return NULL;
}

static struct manifest *parse_stored(const char *content)
{
    struct manifest *manifest = NULL;
    struct error err = ERROR_INIT;

    if (manifest_parse_stored(span_of(content), &manifest, &err) == 0)
        return manifest;
    assert_int_equal(err.code, ERROR_MANIFEST_INVALID);
    return NULL;
}

static void an_image_has_its_config_first_and_then_its_layers(void **state)
{
    auto_manifest struct manifest *manifest =
        parse(TYPED(OCI) ",\"config\":{\"mediaType\":\"x/config\",\"digest\":" A ",\"size\":7},"
                         "\"layers\":[{\"mediaType\":\"" LAYER "\",\"digest\":" B
                         ",\"size\":9007199254740992,\"urls\":[\"http://h/1\",null]},"
                         "{\"digest\":\"sha256:abc\",\"size\":-1}]}",
              OCI);
    const struct descriptor *descriptor = manifest->descriptors;
    char text[DIGEST_TEXT_SIZE];

    (void)state;
    assert_int_equal(manifest->kind, MANIFEST_OCI);
    assert_int_equal(manifest->descriptor_count, 3);
    assert_string_equal(manifest->config_media_type, "x/config");
    assert_int_equal(descriptor[0].role, DESCRIPTOR_CONFIG);
    assert_int_equal(descriptor[0].size, 7);
    assert_true(descriptor[0].is_digest_valid);
    assert_string_equal(digest_format(&descriptor[0].digest, text), "sha256:" HEX_A);
    assert_int_equal(descriptor[1].role, DESCRIPTOR_LAYER);
    assert_string_equal(descriptor[1].media_type, LAYER);
    assert_true(descriptor[1].size == (int64_t)1 << 53);
    assert_int_equal(descriptor[1].url_count, 2);
    assert_string_equal(descriptor[1].urls[0], "http://h/1");
    assert_string_equal(descriptor[1].urls[1], "");
    assert_false(descriptor[2].is_digest_valid);
    assert_string_equal(descriptor[2].digest_text, "sha256:abc");
    assert_string_equal(descriptor[2].media_type, "");
    assert_int_equal(descriptor[2].size, -1);
}

static void an_index_has_its_children(void **state)
{
    auto_manifest struct manifest *manifest = parse(
        TYPED(OCI_INDEX) ",\"manifests\":[{\"mediaType\":\"" OCI "\",\"digest\":" A ",\"size\":1,"
                         "\"platform\":{\"architecture\":\"arm64\",\"os\":\"linux\"}},"
                         "{\"digest\":" B ",\"size\":2}]}",
        OCI_INDEX);

    (void)state;
    assert_int_equal(manifest->kind, MANIFEST_OCI_INDEX);
    assert_int_equal(manifest->descriptor_count, 2);
    assert_int_equal(manifest->descriptors[0].role, DESCRIPTOR_CHILD);
    assert_string_equal(manifest->descriptors[0].platform_architecture, "arm64");
    assert_string_equal(manifest->descriptors[0].platform_os, "linux");
    assert_null(manifest->descriptors[1].platform_os);
    assert_null(manifest->config_media_type);
}

static void a_missing_config_is_an_empty_descriptor(void **state)
{
    auto_manifest struct manifest *manifest = parse(V2 "}", OCI);

    (void)state;
    assert_int_equal(manifest->descriptor_count, 1);
    assert_int_equal(manifest->descriptors[0].role, DESCRIPTOR_CONFIG);
    assert_false(manifest->descriptors[0].is_digest_valid);
    assert_string_equal(manifest->descriptors[0].digest_text, "");
    assert_null(manifest->config_media_type);
}

static void a_null_layer_is_an_empty_descriptor(void **state)
{
    auto_manifest struct manifest *manifest = parse(V2 ",\"layers\":[null]}", OCI);

    (void)state;
    assert_int_equal(manifest->descriptor_count, 2);
    assert_string_equal(manifest->descriptors[1].digest_text, "");
}

static const struct {
    const char *declared;
    const char *content;
} accepted[] = {
    {DOCKER, TYPED(DOCKER) "}"},
    {DOCKER_LIST, TYPED(DOCKER_LIST) "}"},
    {OCI, TYPED(OCI) "}"},
    {OCI_INDEX, TYPED(OCI_INDEX) "}"},
    {OCI "; charset=utf-8", V2 "}"},
    {"APPLICATION/VND.OCI.IMAGE.INDEX.V1+JSON", V2 "}"},
    {OCI, V2 ",\"mediaType\":\"\"}"},
    {OCI, V2 ",\"mediaType\":null}"},
    {OCI, " \n" V2 "}\r\n\t"},
    {OCI, "{\"SCHEMAVERSION\":2,\"Config\":null,\"LaYeRs\":[]}"},
    {OCI, "{\"schemaVersion\":1,\"schemaVersion\":2}"},
    {OCI, V2 ",\"manifests\":null}"},
    {OCI_INDEX, V2 ",\"config\":null,\"layers\":null}"},
    {OCI, V2 ",\"unknown\":[2.0,1e999,{\"digest\":7}],\"annotations\":{\"a\":\"b\",\"c\":null}}"},
    {OCI, V2 ",\"config\":{\"annotations\":{\"a\":\"b\"},\"data\":\"e30=\"}}"},
    {OCI, V2 ",\"subject\":null,\"artifactType\":null}"},
    {DOCKER, TYPED(DOCKER) ",\"subject\":5,\"artifactType\":5}"},
    {OCI, V2 ",\"\xff\":\"\xff\"}"},
    {OCI, V2 ",\"a\":\"\\u0000\\ud800\"}"},
};

static void content_as_upstream_takes_it_is_accepted(void **state)
{
    (void)state;
    for (size_t i = 0; i < array_count(accepted); i++) {
        auto_manifest struct manifest *manifest = parse(accepted[i].content, accepted[i].declared);

        if (manifest == NULL)
            fail_msg("refused: %s", accepted[i].content);
    }
}

static const struct {
    const char *declared;
    const char *content;
} refused[] = {
    /* the declared type */
    {"", V2 "}"},
    {"application/json", V2 "}"},
    {"application/vnd.docker.distribution.manifest.v1+prettyjws", V2 "}"},
    {DOCKER, V2 "}"},
    {DOCKER_LIST, V2 "}"},
    {DOCKER, TYPED(OCI) "}"},
    {OCI, TYPED(OCI_INDEX) "}"},
    {OCI_INDEX, TYPED(OCI) "}"},
    {OCI, TYPED("APPLICATION/vnd.oci.image.manifest.v1+json") "}"},
    {OCI, TYPED(OCI "; charset=utf-8") "}"},
    {OCI, TYPED(OCI "\\u0000") "}"},
    /* no JSON object */
    {OCI, ""},
    {OCI, "null"},
    {OCI, "[]"},
    {OCI, "2"},
    {OCI, "\"x\""},
    {OCI, V2},
    {OCI, V2 "}x"},
    {OCI, V2 "}{}"},
    {OCI, "\xef\xbb\xbf" V2 "}"},
    {OCI, V2 ",}"},
    {OCI, V2 ",\"a\":\"\n\"}"},
    {OCI, V2 ",\"a\":01}"},
    /* schemaVersion */
    {OCI, "{}"},
    {OCI, "{\"schemaVersion\":null}"},
    {OCI, "{\"schemaVersion\":1}"},
    {OCI, "{\"schemaVersion\":3}"},
    {OCI, "{\"schemaVersion\":-2}"},
    {OCI, "{\"schemaVersion\":2.0}"},
    {OCI, "{\"schemaVersion\":2e0}"},
    {OCI, "{\"schemaVersion\":\"2\"}"},
    {OCI, "{\"schemaVersion\":true}"},
    {OCI, "{\"schemaVersion\":2,\"schemaVersion\":1}"},
    {OCI, "{\"schemaVersion\":2.0,\"schemaVersion\":2}"},
    /* types */
    {OCI, V2 ",\"mediaType\":5}"},
    {OCI, V2 ",\"config\":[]}"},
    {OCI, V2 ",\"config\":\"x\"}"},
    {OCI, V2 ",\"layers\":{}}"},
    {OCI, V2 ",\"layers\":[5]}"},
    {OCI, V2 ",\"layers\":[{},[]]}"},
    {OCI, V2 ",\"annotations\":{\"a\":5}}"},
    {OCI, V2 ",\"annotations\":[]}"},
    {OCI, V2 ",\"config\":{\"mediaType\":5}}"},
    {OCI, V2 ",\"config\":{\"digest\":5}}"},
    {OCI, V2 ",\"config\":{\"size\":\"5\"}}"},
    {OCI, V2 ",\"config\":{\"size\":5.0}}"},
    {OCI, V2 ",\"config\":{\"size\":1e3}}"},
    {OCI, V2 ",\"config\":{\"size\":9223372036854775808}}"},
    {OCI, V2 ",\"config\":{\"size\":9007199254740993}}"},
    {OCI, V2 ",\"config\":{\"urls\":\"x\"}}"},
    {OCI, V2 ",\"config\":{\"urls\":[5]}}"},
    {OCI, V2 ",\"config\":{\"annotations\":{\"a\":[]}}}"},
    {OCI, V2 ",\"config\":{\"platform\":\"linux\"}}"},
    {OCI_INDEX, V2 ",\"manifests\":{}}"},
    {OCI_INDEX, V2 ",\"manifests\":[{\"platform\":{\"os\":5}}]}"},
    {OCI_INDEX, V2 ",\"manifests\":[{\"platform\":{\"os.features\":[5]}}]}"},
    /* neither fish nor fowl */
    {OCI, V2 ",\"manifests\":[]}"},
    {OCI, V2 ",\"Manifests\":[]}"},
    {OCI_INDEX, V2 ",\"config\":{}}"},
    {OCI_INDEX, V2 ",\"layers\":[]}"},
    {OCI_INDEX, V2 ",\"manifests\":[],\"layers\":[]}"},
    /* subject */
    {OCI, V2 ",\"subject\":5}"},
    {OCI, V2 ",\"subject\":{}}"},
    {OCI, V2 ",\"subject\":{\"digest\":\"sha256:abc\",\"size\":1}}"},
    {OCI, V2 ",\"subject\":{\"digest\":" A ",\"size\":-1}}"},
    {OCI, V2 ",\"subject\":{\"digest\":" A ",\"size\":\"1\"}}"},
    {OCI_INDEX, V2 ",\"subject\":[" A "]}"},
    {OCI, V2 ",\"artifactType\":5}"},
};

static void everything_else_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < array_count(refused); i++) {
        auto_manifest struct manifest *manifest = parse(refused[i].content, refused[i].declared);

        if (manifest != NULL)
            fail_msg("accepted: %s", refused[i].content);
    }
}

static void a_nul_does_not_cut_a_digest_into_validity(void **state)
{
    auto_manifest struct manifest *manifest =
        parse(V2 ",\"config\":{\"digest\":\"sha256:" HEX_A "\\u0000x\"}}", OCI);
    struct manifest *other = NULL;
    struct error err = ERROR_INIT;

    (void)state;
    assert_false(manifest->descriptors[0].is_digest_valid);
    assert_string_equal(manifest->descriptors[0].digest_text, "sha256:" HEX_A "\xef\xbf\xbdx");
    assert_int_equal(manifest_parse(SPAN(V2 "}\0"), SPAN(OCI), &other, &err), -1);
    assert_int_equal(manifest_parse(SPAN(V2 ",\"config\":{\"digest\":\"sha256:" HEX_A "\0\"}}"),
                                    SPAN(OCI), &other, &err),
                     -1);
    assert_null(other);
}

static void the_last_of_equal_keys_counts(void **state)
{
    auto_manifest struct manifest *manifest = parse(V2 ",\"config\":{\"digest\":" A ",\"DIGEST\":" B
                                                       "},\"layers\":[{},{}],\"Layers\":[]}",
                                                    OCI);
    char text[DIGEST_TEXT_SIZE];

    (void)state;
    assert_int_equal(manifest->descriptor_count, 1);
    assert_string_equal(digest_format(&manifest->descriptors[0].digest, text), "sha256:" HEX_B);
}

static void subject_and_artifact_type_are_found(void **state)
{
    auto_manifest struct manifest *image =
        parse(V2 ",\"artifactType\":\"x/sbom\",\"subject\":{\"mediaType\":\"" OCI "\",\"digest\":" A
                 ",\"size\":5}}",
              OCI);
    auto_manifest struct manifest *index =
        parse(V2 ",\"artifactType\":\"\",\"subject\":{\"digest\":" B "}}", OCI_INDEX);
    auto_manifest struct manifest *docker =
        parse(TYPED(DOCKER) ",\"subject\":{\"digest\":" A "}}", DOCKER);
    char text[DIGEST_TEXT_SIZE];

    (void)state;
    assert_true(image->has_subject);
    assert_string_equal(digest_format(&image->subject, text), "sha256:" HEX_A);
    assert_string_equal(image->artifact_type, "x/sbom");
    assert_true(index->has_subject);
    assert_string_equal(digest_format(&index->subject, text), "sha256:" HEX_B);
    assert_null(index->artifact_type);
    assert_false(docker->has_subject);
}

static void stored_content_tells_its_kind(void **state)
{
    static const struct {
        const char *content;
        enum manifest_kind kind;
    } cases[] = {
        {TYPED(DOCKER) "}", MANIFEST_DOCKER},
        {TYPED(DOCKER_LIST) "}", MANIFEST_DOCKER_LIST},
        {TYPED(OCI) "}", MANIFEST_OCI},
        {TYPED(OCI_INDEX) "}", MANIFEST_OCI_INDEX},
        {V2 "}", MANIFEST_OCI},
        {V2 ",\"mediaType\":\"\",\"manifests\":[]}", MANIFEST_OCI_INDEX},
        {V2 ",\"manifests\":null}", MANIFEST_OCI},
        {V2 ",\"layers\":[]}", MANIFEST_OCI},
        {TYPED("x/y") "}", MANIFEST_UNKNOWN_KIND},
        {"{\"schemaVersion\":1}", MANIFEST_UNKNOWN_KIND},
        {V2 ",\"manifests\":[],\"config\":{}}", MANIFEST_UNKNOWN_KIND},
        {TYPED(OCI) ",\"manifests\":[]}", MANIFEST_UNKNOWN_KIND},
        {"not JSON", MANIFEST_UNKNOWN_KIND},
    };

    (void)state;
    for (size_t i = 0; i < array_count(cases); i++) {
        auto_manifest struct manifest *manifest = parse_stored(cases[i].content);

        assert_int_equal(manifest != NULL ? manifest->kind : MANIFEST_UNKNOWN_KIND, cases[i].kind);
    }
}

#define WITH_SUBJECT V2 ",\"subject\":{\"digest\":" A "}"

static void annotations_of_a_referrer_are_one_line_of_json(void **state)
{
    static const struct {
        const char *content;
        const char *declared;
        const char *expected;
    } cases[] = {
        {WITH_SUBJECT "}", OCI, NULL},
        {WITH_SUBJECT ",\"annotations\":null}", OCI, NULL},
        {WITH_SUBJECT ",\"annotations\":{}}", OCI, NULL},
        {V2 ",\"annotations\":{\"a\":\"b\"}}", OCI, NULL},
        {WITH_SUBJECT ",\"annotations\": {\"b\" : \"2\",\"a\":\"1\"}}", OCI,
         "{\"a\":\"1\",\"b\":\"2\"}"},
        {WITH_SUBJECT ",\"annotations\":{\"a\":\"1\",\"b\":null,\"a\":\"2\",\"A\":\"3\"}}", OCI,
         "{\"A\":\"3\",\"a\":\"2\",\"b\":\"\"}"},
        {WITH_SUBJECT ",\"annotations\":{\"\":\"\\u0000\\\"\\n\\u00e9\"}}", OCI,
         "{\"\":\"\xef\xbf\xbd\\\"\\n\xc3\xa9\"}"},
        {WITH_SUBJECT ",\"manifests\":[],\"annotations\":{\"a\":5,\"b\":[],\"c\":\"1\"}}",
         OCI_INDEX, "{\"c\":\"1\"}"},
        {WITH_SUBJECT ",\"manifests\":[],\"annotations\":{\"a\":5}}", OCI_INDEX, NULL},
    };

    (void)state;
    for (size_t i = 0; i < array_count(cases); i++) {
        auto_manifest struct manifest *manifest = parse(cases[i].content, cases[i].declared);

        print_message("%s\n", cases[i].content);
        assert_non_null(manifest);
        if (cases[i].expected == NULL)
            assert_null(manifest->annotations);
        else
            assert_string_equal(manifest->annotations, cases[i].expected);
    }
}

/* Each byte of the content is six of the text: more than anybody could list. */
static void annotations_that_would_grow_too_long_are_none(void **state)
{
    auto_str content = STR_INIT(MANIFEST_SIZE_MAX);
    auto_manifest struct manifest *manifest = NULL;

    (void)state;
    str_append_text(&content, WITH_SUBJECT ",\"annotations\":{\"a\":\"");
    for (size_t i = 0; i < MANIFEST_SIZE_MAX / 2; i++)
        str_append_char(&content, '<');
    str_append_text(&content, "\"}}");
    manifest = parse(str_text(&content), OCI);
    assert_true(manifest->has_subject);
    assert_null(manifest->annotations);
}

/* Another registry, which knows no subject, may have let it in. */
static void a_broken_subject_in_stored_content_is_none(void **state)
{
    static const char *const contents[] = {
        V2 ",\"artifactType\":\"x/y\",\"subject\":5}",
        V2 ",\"subject\":{\"digest\":\"sha256:abc\"},\"artifactType\":\"x/y\"}",
        V2 ",\"subject\":{\"digest\":" A ",\"size\":\"1\"},\"artifactType\":\"x/y\"}",
    };

    (void)state;
    for (size_t i = 0; i < array_count(contents); i++) {
        auto_manifest struct manifest *manifest = parse_stored(contents[i]);

        assert_non_null(manifest);
        assert_false(manifest->has_subject);
        assert_string_equal(manifest->artifact_type, "x/y");
    }
}

static void errors_say_where(void **state)
{
    static const struct {
        const char *content;
        const char *message;
        const char *detail;
    } cases[] = {
        {"{\"schemaVersion\":2,}", "not JSON, seen after 20 bytes", "{\"Offset\":20}"},
        {V2 ",\"layers\":[{},{\"size\":\"1\"}]}", "layers[1]: size is of type string, not integer",
         "{\"Value\":\"string\",\"Field\":\"size\"}"},
        {V2 ",\"config\":{\"platform\":{\"os\":[]}}}",
         "config: platform: os is of type array, not string",
         "{\"Value\":\"array\",\"Field\":\"os\"}"},
        {"{\"schemaVersion\":1}", "schemaVersion is not 2", "{}"},
        {V2 ",\"subject\":{}}", "subject: its digest is not a valid one", "{}"},
    };

    (void)state;
    for (size_t i = 0; i < array_count(cases); i++) {
        struct manifest *manifest = NULL;
        struct error err = ERROR_INIT;

        assert_int_equal(manifest_parse(span_of(cases[i].content), SPAN(OCI), &manifest, &err), -1);
        assert_string_equal(err.message, cases[i].message);
        assert_string_equal(err.detail, cases[i].detail);
    }
}

/* ---- size ---- */

/* @head, as many @part as fit, the last one without its comma, @tail, blanks: 4 MiB and @extra. */
static void fill(struct str *str, const char *head, const char *part, const char *tail,
                 size_t extra)
{
    size_t size = MANIFEST_SIZE_MAX + extra;

    str_append_text(str, head);
    while (part[0] != '\0' && str->len + strlen(part) + strlen(tail) < size)
        str_append_text(str, part);
    if (part[0] != '\0')
        str->len--;
    str_append_text(str, tail);
    while (str->len < size)
        str_append_char(str, ' ');
    assert_false(str_overflowed(str));
}

static void four_mebibytes_are_the_most(void **state)
{
    auto_str fits = STR_INIT(MANIFEST_SIZE_MAX + 1);
    auto_str longer = STR_INIT(MANIFEST_SIZE_MAX + 1);
    auto_manifest struct manifest *manifest = NULL;
    struct manifest *none = NULL;
    struct error err = ERROR_INIT;

    (void)state;
    fill(&fits, V2, "", "}", 0);
    fill(&longer, V2, "", "}", 1);
    assert_int_equal(manifest_parse(str_span(&fits), SPAN(OCI), &manifest, &err), 0);
    assert_int_equal(manifest_parse(str_span(&longer), SPAN(OCI), &none, &err), -1);
    assert_int_equal(err.code, ERROR_MANIFEST_TOO_LARGE);
    assert_string_equal(err.detail, "\"http: request body too large\"");
}

static void the_most_descriptors_that_fit_are_accepted(void **state)
{
    auto_str content = STR_INIT(MANIFEST_SIZE_MAX);
    auto_manifest struct manifest *manifest = NULL;
    struct error err = ERROR_INIT;

    (void)state;
    fill(&content, V2 ",\"layers\":[", "{\"digest\":" A "},", "]}", 0);
    assert_int_equal(manifest_parse(str_span(&content), SPAN(OCI), &manifest, &err), 0);
    assert_in_range(manifest->descriptor_count, 49000, 50000);
}

static void hostile_content_is_refused_quickly(void **state)
{
    static const struct {
        const char *head;
        const char *part;
        const char *tail;
    } shapes[] = {
        {"", "[[", ""},
        {V2 ",\"a\":", "{\"a\":", "}"},
        {V2 ",\"layers\":[", "{},", "]}"},
        {V2 ",\"layers\":[", "null,", "]}"},
        {V2 ",\"a\":[", "0,", "]}"},
        {V2 ",\"a\":[", "\"\",", "]}"},
        {V2 ",", "\"layers\":[],", "\"a\":1.}"},
        {V2 ",\"a\":[\"", "\\u0000", "]}"},
        {V2 ",\"a\":\"", "\\\\", ""},
        {V2 ",\"schemaVersion\":", "9", ",\"a\":1}"},
        {V2 ",\"annotations\":{", "\"a\":\"b\",", "}}"},
    };

    (void)state;
    for (size_t i = 0; i < array_count(shapes); i++) {
        auto_str content = STR_INIT(MANIFEST_SIZE_MAX);
        int64_t start = cost_ns();
        struct manifest *manifest = NULL;
        struct error err = ERROR_INIT;

        fill(&content, shapes[i].head, shapes[i].part, shapes[i].tail, 0);
        if (manifest_parse(str_span(&content), SPAN(OCI), &manifest, &err) == 0)
            fail_msg("accepted: %s...", shapes[i].part);
        assert_int_equal(err.code, ERROR_MANIFEST_INVALID);
        assert_true(cost_ns() - start < COST_MAX_NS);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_image_has_its_config_first_and_then_its_layers),
        cmocka_unit_test(an_index_has_its_children),
        cmocka_unit_test(a_missing_config_is_an_empty_descriptor),
        cmocka_unit_test(a_null_layer_is_an_empty_descriptor),
        cmocka_unit_test(content_as_upstream_takes_it_is_accepted),
        cmocka_unit_test(everything_else_is_refused),
        cmocka_unit_test(a_nul_does_not_cut_a_digest_into_validity),
        cmocka_unit_test(the_last_of_equal_keys_counts),
        cmocka_unit_test(subject_and_artifact_type_are_found),
        cmocka_unit_test(stored_content_tells_its_kind),
        cmocka_unit_test(annotations_of_a_referrer_are_one_line_of_json),
        cmocka_unit_test(annotations_that_would_grow_too_long_are_none),
        cmocka_unit_test(a_broken_subject_in_stored_content_is_none),
        cmocka_unit_test(errors_say_where),
        cmocka_unit_test(four_mebibytes_are_the_most),
        cmocka_unit_test(the_most_descriptors_that_fit_are_accepted),
        cmocka_unit_test(hostile_content_is_refused_quickly),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
