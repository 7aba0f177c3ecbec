/* SPDX-License-Identifier: Apache-2.0
 *
 * Request targets: their parts, clean paths, and which route a path is.
 */
#include "lib/api/routes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/base/banned.h"

#define DIGEST "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define UUID   "177690b1-48e3-4b48-b530-02f51bb66f3a"
#define TAG_64 "tttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttt"

#define assert_span(span, text) assert_true(span_equals(span, span_of(text)))

static const struct {
    const char *target;
    const char *scheme;
    const char *authority;
    const char *path;
    const char *query; /* NULL: no question mark */
} targets[] = {
    {"/", "", "", "/", NULL},
    {"/v2/?n=1&x=y?z", "", "", "/v2/", "n=1&x=y?z"},
    {"/v2/?", "", "", "/v2/", ""},
    {"//v2/", "", "", "//v2/", NULL},
    {"/http://h/v2/", "", "", "/http://h/v2/", NULL},
    {"http://h:80/v2/x?y", "http", "h:80", "/v2/x", "y"},
    {"https://h", "https", "h", "/", NULL},
    {"https://h?n=1", "https", "h", "/", "n=1"},
    {"*", "", "", "*", NULL},
};

static void target_parse_finds_the_parts(void **state)
{
    (void)state;
    for (size_t i = 0; i < array_count(targets); i++) {
        struct target target;

        print_message("%s\n", targets[i].target);
        target_parse(span_of(targets[i].target), &target);
        assert_span(target.scheme, targets[i].scheme);
        assert_span(target.authority, targets[i].authority);
        assert_span(target.path, targets[i].path);
        assert_int_equal(target.query.data != NULL, targets[i].query != NULL);
        if (targets[i].query != NULL)
            assert_span(target.query, targets[i].query);
    }
}

static const struct {
    const char *path;
    const char *clean;
} paths[] = {
    {"/", "/"},
    {"", "/"},
    {"/v2/", "/v2/"},
    {"/v2", "/v2"},
    {"//", "/"},
    {"//v2///_catalog", "/v2/_catalog"},
    {"/v2/foo//", "/v2/foo/"},
    {"/./v2/./x", "/v2/x"},
    {"/v2/foo/../bar/tags/list", "/v2/bar/tags/list"},
    {"/v2/foo/..", "/v2"},
    {"/v2/foo/../", "/v2/"},
    {"/v2/foo/.", "/v2/foo"},
    {"/../../v2/", "/v2/"},
    {"/..", "/"},
    {"/a/../..", "/"},
    {"/...", "/..."},
    {"v2", "/v2"},
};

static void path_clean_leaves_only_names(void **state)
{
    (void)state;
    for (size_t i = 0; i < array_count(paths); i++) {
        auto_str clean = STR_INIT(100);
        auto_str again = STR_INIT(100);

        print_message("%s\n", paths[i].path);
        path_clean(&clean, span_of(paths[i].path));
        assert_string_equal(str_text(&clean), paths[i].clean);
        path_clean(&again, str_span(&clean));
        assert_string_equal(str_text(&again), paths[i].clean);
    }
}

static void path_clean_appends(void **state)
{
    auto_str out = STR_INIT(100);

    (void)state;
    str_append_text(&out, "x");
    path_clean(&out, SPAN("/../a/.."));
    assert_string_equal(str_text(&out), "x/");
}

static void path_encode_keeps_a_location_one_line(void **state)
{
    auto_str out = STR_INIT(100);

    (void)state;
    path_encode(&out, SPAN("/a:b@c;d=e/%?#\"<\r\n \xc3\xa9"));
    assert_string_equal(str_text(&out), "/a:b@c;d=e/%25%3F%23%22%3C%0D%0A%20%C3%A9");
}

static const struct {
    const char *path;
    enum route route;
    const char *repository;
    const char *reference;
} routes[] = {
    {"/v2/", ROUTE_BASE, "", ""},
    {"/v2/_catalog", ROUTE_CATALOG, "", ""},
    {"/auth/token", ROUTE_TOKEN, "", ""},
    {"/v2/auth/token/tags/list", ROUTE_TAGS, "auth/token", ""},
    {"/v2/foo/tags/list", ROUTE_TAGS, "foo", ""},
    {"/v2/a/b/c/tags/list", ROUTE_TAGS, "a/b/c", ""},
    {"/v2/foo/blobs/uploads/tags/list", ROUTE_TAGS, "foo/blobs/uploads", ""},
    {"/v2/tags/list/tags/list", ROUTE_TAGS, "tags/list", ""},
    {"/v2/foo/manifests/latest", ROUTE_MANIFEST, "foo", "latest"},
    {"/v2/foo/manifests/" DIGEST, ROUTE_MANIFEST, "foo", DIGEST},
    {"/v2/foo/manifests/sha256:abc", ROUTE_MANIFEST, "foo", "sha256:abc"},
    {"/v2/foo/manifests/uploads", ROUTE_MANIFEST, "foo", "uploads"},
    {"/v2/manifests/latest/manifests/x", ROUTE_MANIFEST, "manifests/latest", "x"},
    {"/v2/foo/manifests/" TAG_64 TAG_64, ROUTE_MANIFEST, "foo", TAG_64 TAG_64},
    {"/v2/foo/blobs/" DIGEST, ROUTE_BLOB, "foo", DIGEST},
    {"/v2/foo/blobs/md5:x", ROUTE_BLOB, "foo", "md5:x"},
    {"/v2/foo/blobs/uploads/", ROUTE_UPLOADS, "foo", ""},
    {"/v2/blobs/uploads/blobs/uploads/", ROUTE_UPLOADS, "blobs/uploads", ""},
    {"/v2/foo/blobs/uploads/" UUID, ROUTE_UPLOAD, "foo", UUID},
    {"/v2/foo/blobs/uploads/a_b.c=", ROUTE_UPLOAD, "foo", "a_b.c="},
    {"/v2/Foo/bar/tags/list", ROUTE_TAGS, "Foo/bar", ""},
    {"/v2/foo/referrers/" DIGEST, ROUTE_REFERRERS, "foo", DIGEST},
    {"/v2/a/referrers/referrers/latest", ROUTE_REFERRERS, "a/referrers", "latest"},
    {"/v2/foo/referrers/sha256:~<>", ROUTE_REFERRERS, "foo", "sha256:~<>"},
    {"/v2/foo/referrers/tags/list", ROUTE_TAGS, "foo/referrers", ""},
    {"/v2/foo/referrers/manifests/x", ROUTE_MANIFEST, "foo/referrers", "x"},
};

static void route_match_knows_every_route(void **state)
{
    (void)state;
    for (size_t i = 0; i < array_count(routes); i++) {
        struct route_match match;

        print_message("%s\n", routes[i].path);
        assert_true(route_match(span_of(routes[i].path), SPAN("/"), &match));
        assert_int_equal(match.route, routes[i].route);
        assert_false(match.is_slash_wrong);
        assert_span(match.repository, routes[i].repository);
        assert_span(match.reference, routes[i].reference);
    }
}

static const char *const strangers[] = {
    "/",
    "/v1/",
    "/v2x",
    "/x/v2/",
    "/v2/foo",
    "/v2/foo/tags",
    "/v2/tags/list",
    "/v2//tags/list",
    "/v2/Foo/tags/list",
    "/v2/foo_/tags/list",
    "/v2/_foo/tags/list",
    "/v2/foo/manifests/",
    "/v2/foo/manifests/.leading",
    "/v2/foo/manifests/-leading",
    "/v2/foo/manifests/" TAG_64 TAG_64 "t",
    "/v2/foo/blobs/latest",
    "/v2/foo/blobs/SHA256:00",
    "/v2/foo/blobs/sha256:",
    "/v2/foo/blobs/uploads/a/b",
    "/v2/foo/blobs/uploads/a~b",
    "/v2/_catalog/x",
    "/auth/token/",
    "/auth/tokens",
    "/auth/",
    "/v2/auth/token",
    "/v2/foo/referrers/",
    "/v2/referrers/" DIGEST,
    "/v2/foo/referrers/a b",
    "/v2/foo/referrers/a\x7f",
    "/v2/foo/referrers/\xc3\xa9",
    "/v2/foo/referrers/" DIGEST "/x",
};

static void route_match_knows_no_others(void **state)
{
    (void)state;
    for (size_t i = 0; i < array_count(strangers); i++) {
        struct route_match match;

        print_message("%s\n", strangers[i]);
        assert_false(route_match(span_of(strangers[i]), SPAN("/"), &match));
    }
    assert_false(route_match(SPAN("/v2/foo\0/tags/list"), SPAN("/"), &(struct route_match){0}));
    assert_false(route_match(SPAN("/v2/foo/manifests/a\0"), SPAN("/"), &(struct route_match){0}));
    assert_false(route_match(SPAN("/v2/foo/referrers/a\0"), SPAN("/"), &(struct route_match){0}));
}

static void route_match_tells_a_wrong_slash(void **state)
{
    static const struct {
        const char *path;
        enum route route;
    } cases[] = {
        {"/v2", ROUTE_BASE},
        {"/v2/_catalog/", ROUTE_CATALOG},
        {"/v2/foo/tags/list/", ROUTE_TAGS},
        {"/v2/foo/manifests/latest/", ROUTE_MANIFEST},
        {"/v2/foo/blobs/" DIGEST "/", ROUTE_BLOB},
        {"/v2/foo/blobs/uploads", ROUTE_UPLOADS},
        {"/v2/foo/blobs/uploads/" UUID "/", ROUTE_UPLOAD},
        {"/v2/foo/referrers/" DIGEST "/", ROUTE_REFERRERS},
    };

    (void)state;
    for (size_t i = 0; i < array_count(cases); i++) {
        struct route_match match;

        print_message("%s\n", cases[i].path);
        assert_true(route_match(span_of(cases[i].path), SPAN("/"), &match));
        assert_int_equal(match.route, cases[i].route);
        assert_true(match.is_slash_wrong);
    }
}

static void route_match_begins_at_the_prefix(void **state)
{
    struct span prefix = SPAN("/my/prefix/");
    struct route_match match;

    (void)state;
    assert_true(route_match(SPAN("/my/prefix/v2/foo/tags/list"), prefix, &match));
    assert_span(match.repository, "foo");
    assert_true(route_match(SPAN("/my/prefix/v2"), prefix, &match));
    assert_true(match.is_slash_wrong);
    assert_true(route_match(SPAN("/my/prefix/auth/token"), prefix, &match));
    assert_int_equal(match.route, ROUTE_TOKEN);
    assert_false(route_match(SPAN("/auth/token"), prefix, &match));
    assert_false(route_match(SPAN("/v2/"), prefix, &match));
    assert_false(route_match(SPAN("/my/prefix/"), prefix, &match));
    assert_false(route_match(SPAN("/my/v2/"), prefix, &match));
}

static void route_methods_are_those_of_the_allow_header(void **state)
{
    (void)state;
    assert_null(route_allow(ROUTE_BASE, false));
    assert_true(is_route_method(ROUTE_BASE, false, "BREW"));
    assert_true(is_route_method(ROUTE_MANIFEST, false, "PUT"));
    assert_true(is_route_method(ROUTE_UPLOAD, false, "PATCH"));
    assert_false(is_route_method(ROUTE_MANIFEST, false, "PATCH"));
    assert_false(is_route_method(ROUTE_TAGS, false, "HEAD"));
    assert_true(is_route_method(ROUTE_REFERRERS, false, "GET"));
    assert_false(is_route_method(ROUTE_REFERRERS, false, "HEAD"));
    assert_true(is_route_method(ROUTE_TOKEN, true, "POST"));
    assert_false(is_route_method(ROUTE_TOKEN, false, "HEAD"));
    assert_false(is_route_method(ROUTE_TAGS, false, "get"));
    assert_false(is_route_method(ROUTE_TAGS, false, "GE"));
    assert_string_equal(route_allow(ROUTE_BLOB, false), "DELETE, GET, HEAD");
    assert_string_equal(route_allow(ROUTE_BLOB, true), "GET, HEAD");
    assert_false(is_route_method(ROUTE_UPLOADS, true, "POST"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(target_parse_finds_the_parts),
        cmocka_unit_test(path_clean_leaves_only_names),
        cmocka_unit_test(path_clean_appends),
        cmocka_unit_test(path_encode_keeps_a_location_one_line),
        cmocka_unit_test(route_match_knows_every_route),
        cmocka_unit_test(route_match_knows_no_others),
        cmocka_unit_test(route_match_tells_a_wrong_slash),
        cmocka_unit_test(route_match_begins_at_the_prefix),
        cmocka_unit_test(route_methods_are_those_of_the_allow_header),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
