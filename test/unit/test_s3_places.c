/* SPDX-License-Identifier: Apache-2.0
 *
 * test_s3_places - where a bucket is, the old signature, and credentials from environment and file.
 *
 * Vectors of the signature: the examples of "Signing and Authenticating REST Requests".
 */
#include "drivers/s3/credentials.h"
#include "drivers/s3/endpoint.h"
#include "drivers/s3/sign_v2.h"
#include "lib/base/memory.h"
#include "lib/config/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "lib/base/banned.h"

static char empty[] = "";

static struct config_s3 config_of(const char *region, const char *endpoint, const char *bucket)
{
    return (struct config_s3){
        .access_key = empty,
        .secret_key = empty,
        .session_token = empty,
        .region = xstrdup(region),
        .region_endpoint = xstrdup(endpoint),
        .bucket = xstrdup(bucket),
        .is_secure = true,
        .is_v4_auth = true,
    };
}

static void config_end(struct config_s3 *config)
{
    free(config->region);
    free(config->region_endpoint);
    free(config->bucket);
}

/* The URL of an object. */
static void assert_place(const struct config_s3 *config, const char *url)
{
    struct endpoint endpoint;
    struct error err = ERROR_INIT;
    auto_str got = STR_INIT(1000);

    if (endpoint_init(&endpoint, config, &err) < 0)
        fail_msg("%s", err.message);
    str_append_format(&got, "%s://%s", endpoint.scheme, endpoint.host);
    endpoint_path(&endpoint, "a/b c", &got);
    assert_string_equal(str_text(&got), url);
    endpoint_fini(&endpoint);
}

static void buckets_are_where_region_and_endpoint_say(void **state)
{
    static const struct {
        const char *region;
        const char *endpoint;
        const char *bucket;
        const char *url;
    } cases[] = {
        {"us-east-1", "", "b-1", "https://b-1.s3.amazonaws.com/a/b%20c"},
        {"eu-west-1", "", "b-1", "https://b-1.s3.eu-west-1.amazonaws.com/a/b%20c"},
        {"cn-north-1", "", "b-1", "https://b-1.s3.cn-north-1.amazonaws.com.cn/a/b%20c"},
        {"us-east-1", "", "a.b", "https://s3.amazonaws.com/a.b/a/b%20c"},
        {"us-east-1", "", "Big", "https://s3.amazonaws.com/Big/a/b%20c"},
        {"", "rgw:8080", "b-1", "https://rgw:8080/b-1/a/b%20c"},
        {"x", "http://rgw:8080/", "b-1", "http://rgw:8080/b-1/a/b%20c"},
        {"x", "http://rgw:80", "b-1", "http://rgw/b-1/a/b%20c"},
        {"x", "https://rgw:443", "b-1", "https://rgw/b-1/a/b%20c"},
    };

    (void)state;
    for (size_t i = 0; i < array_count(cases); i++) {
        struct config_s3 config = config_of(cases[i].region, cases[i].endpoint, cases[i].bucket);

        assert_place(&config, cases[i].url);
        config_end(&config);
    }
}

static void variants_of_amazon_have_their_own_hosts(void **state)
{
    struct config_s3 config = config_of("eu-west-1", "", "b-1");

    (void)state;
    config.is_dual_stack = true;
    assert_place(&config, "https://b-1.s3.dualstack.eu-west-1.amazonaws.com/a/b%20c");
    config.is_fips = true;
    assert_place(&config, "https://b-1.s3-fips.dualstack.eu-west-1.amazonaws.com/a/b%20c");
    config.is_fips = config.is_dual_stack = false;
    config.is_accelerated = true;
    assert_place(&config, "https://b-1.s3-accelerate.amazonaws.com/a/b%20c");
    config.is_accelerated = false;
    config.is_path_style_forced = true;
    config.is_secure = false;
    assert_place(&config, "http://s3.eu-west-1.amazonaws.com/b-1/a/b%20c");
    config_end(&config);
}

static void amazon_is_known_by_its_name(void **state)
{
    static const struct {
        const char *endpoint;
        bool is_amazon;
    } cases[] = {
        {"", true},
        {"https://s3.eu-west-1.amazonaws.com", true},
        {"S3.AmazonAWS.com:443", true},
        {"https://s3.cn-north-1.amazonaws.com.cn:8443/", true},
        {"https://bucket.vpce-1.s3.us-east-1.vpce.amazonaws.com", true},
        {"amazonaws.com", false},
        {"notamazonaws.com", false},
        {"amazonaws.com.example.org", false},
        {"http://rgw:8080", false},
        {"127.0.0.1", false},
    };

    (void)state;
    for (size_t i = 0; i < array_count(cases); i++) {
        struct config_s3 config = config_of("us-east-1", cases[i].endpoint, "b-1");
        struct endpoint endpoint;
        struct error err = ERROR_INIT;

        assert_int_equal(endpoint_init(&endpoint, &config, &err), 0);
        assert_int_equal(is_endpoint_amazon(&endpoint), cases[i].is_amazon);
        endpoint_fini(&endpoint);
        config_end(&config);
    }
}

#define LETTERS_16  "abcdefghijklmnop"
#define LETTERS_64  LETTERS_16 LETTERS_16 LETTERS_16 LETTERS_16
#define LETTERS_256 LETTERS_64 LETTERS_64 LETTERS_64 LETTERS_64

static void what_is_no_place_is_refused(void **state)
{
    static const struct {
        const char *region;
        const char *endpoint;
        const char *bucket;
    } cases[] = {
        {"", "", "b"},
        {"us east", "", "b"},
        {"us-east-1", "", ""},
        {"us-east-1", "", "a/b"},
        {"us-east-1", "ftp://rgw", "b"},
        {"us-east-1", "http://user@rgw", "b"},
        {"us-east-1", "http://rgw/path", "b"},
        {"us-east-1", "http://", "b"},
        {"us-east-1", "http://:80", "b"},
        {"us-east-1", ":443", "b"},
        {"us-east-1", "rgw", ".."},
        {LETTERS_64, "", "b"},
        {"us-east-1", LETTERS_256 LETTERS_64, "b"},
        {"us-east-1", "rgw", LETTERS_256},
    };

    (void)state;
    for (size_t i = 0; i < array_count(cases); i++) {
        struct config_s3 config = config_of(cases[i].region, cases[i].endpoint, cases[i].bucket);
        struct endpoint endpoint;
        struct error err = ERROR_INIT;

        assert_int_equal(endpoint_init(&endpoint, &config, &err), -1);
        assert_int_equal(err.code, ERROR_INVALID);
        config_end(&config);
    }
}

/* ---- signature version 2 ---- */

static const struct sign_key key = {
    .access_key = "AKIAIOSFODNN7EXAMPLE",
    .secret_key = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
};

static void the_published_examples_are_signed(void **state)
{
    static const struct sign_header jpeg = {"content-type", "image/jpeg"};
    static const struct {
        struct sign_request request;
        const char *resource;
        const char *signature;
    } cases[] = {
        {{.method = "GET", .date = "Tue, 27 Mar 2007 19:36:42 +0000"},
         "/awsexamplebucket1/photos/puppy.jpg",
         "AWS AKIAIOSFODNN7EXAMPLE:qgk2+6Sv9/oM7G3qLEjTH1a1l1g="},
        {{.method = "PUT",
          .date = "Tue, 27 Mar 2007 21:15:45 +0000",
          .headers = &jpeg,
          .header_count = 1},
         "/awsexamplebucket1/photos/puppy.jpg",
         "AWS AKIAIOSFODNN7EXAMPLE:iqRzw+ileNPu1fhspnRs8nOjjIA="},
        {{.method = "GET",
          .date = "Tue, 27 Mar 2007 19:42:41 +0000",
          .query = {"max-keys=50&prefix=photos", 25}},
         "/awsexamplebucket1/",
         "AWS AKIAIOSFODNN7EXAMPLE:m0WP8eCtspQl5Ahe6L1SozdX9YA="},
        {{.method = "GET", .date = "Tue, 27 Mar 2007 19:44:46 +0000", .query = {"acl=", 4}},
         "/awsexamplebucket1/",
         "AWS AKIAIOSFODNN7EXAMPLE:82ZHiFIjc+WbcwFKGUVEQspPn+0="},
    };

    (void)state;
    for (size_t i = 0; i < array_count(cases); i++) {
        auto_str got = STR_INIT(1000);

        sign_v2_authorization(&key, &cases[i].request, span_of(cases[i].resource), &got);
        assert_string_equal(str_text(&got), cases[i].signature);
    }
}

/* As seen on the wire from upstream. */
static void amazon_headers_and_subresources_are_signed(void **state)
{
    static const struct sign_key wire = {.access_key = "AK", .secret_key = "SK"};
    static const struct sign_header headers[] = {
        {"content-type", "application/octet-stream"},
        {"x-amz-acl", "private"},
        {"x-amz-storage-class", "STANDARD"},
    };
    struct sign_request request = {
        .method = "POST",
        .date = "Sat, 21 Nov 2026 07:16:37 UTC",
        .query = SPAN("uploads="),
        .headers = headers,
        .header_count = 3,
    };
    auto_str got = STR_INIT(1000);

    (void)state;
    sign_v2_authorization(&wire, &request,
                          SPAN("/bkt/pre/fix/docker/registry/v2/repositories/a/b/_uploads/"
                               "3da1b73f-d4fd-4f14-b986-64c8bd21e36a/data"),
                          &got);
    assert_string_equal(str_text(&got), "AWS AK:/nyXBoDpGPWXYAgI2ieBPm5KoRA=");
}

/* ---- credentials ---- */

static void ini_values_are_found_in_their_section(void **state)
{
    struct span text = SPAN("# a comment\n[default]\naws_access_key_id = A\r\n"
                            "aws_secret_access_key=B=C\n\n[ other ]\naws_access_key_id=D\n;x\n[e");
    static const struct {
        const char *section;
        const char *name;
        const char *value;
    } cases[] = {
        {"default", "aws_access_key_id", "A"}, {"default", "aws_secret_access_key", "B=C"},
        {"other", "aws_access_key_id", "D"},   {"other", "aws_secret_access_key", NULL},
        {"third", "aws_access_key_id", NULL},
    };

    (void)state;
    for (size_t i = 0; i < array_count(cases); i++) {
        auto_free char *value = credentials_ini_get(text, cases[i].section, cases[i].name);

        if (cases[i].value == NULL)
            assert_null(value);
        else
            assert_string_equal(value, cases[i].value);
    }
}

static void assert_credentials(const struct config_s3 *config, const char *access_key,
                               const char *token)
{
    struct credentials *credentials;
    struct sign_key got;
    struct error err = ERROR_INIT;

    if (credentials_new(config, "r", &credentials, &err) < 0)
        fail_msg("%s", err.message);
    assert_int_equal(credentials_get(credentials, &got, &err), 0);
    assert_string_equal(got.access_key, access_key);
    assert_string_equal(got.token != NULL ? got.token : "", token);
    assert_string_equal(got.region, "r");
    credentials_free(credentials);
}

static void the_configuration_comes_before_the_environment(void **state)
{
    struct config_s3 config = config_of("r", "", "b");
    char access_key[] = "CONFIGURED";
    char secret_key[] = "S";
    char token[] = "T";

    (void)state;
    setenv("AWS_ACCESS_KEY_ID", "VARIABLE", 1);
    setenv("AWS_SECRET_ACCESS_KEY", "S", 1);
    setenv("AWS_SESSION_TOKEN", "VT", 1);
    assert_credentials(&config, "VARIABLE", "VT");
    config.access_key = access_key;
    config.secret_key = secret_key;
    assert_credentials(&config, "CONFIGURED", "");
    config.session_token = token;
    assert_credentials(&config, "CONFIGURED", "T");
    unsetenv("AWS_ACCESS_KEY_ID");
    unsetenv("AWS_SECRET_ACCESS_KEY");
    unsetenv("AWS_SESSION_TOKEN");
    config_end(&config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(buckets_are_where_region_and_endpoint_say),
        cmocka_unit_test(variants_of_amazon_have_their_own_hosts),
        cmocka_unit_test(amazon_is_known_by_its_name),
        cmocka_unit_test(what_is_no_place_is_refused),
        cmocka_unit_test(the_published_examples_are_signed),
        cmocka_unit_test(amazon_headers_and_subresources_are_signed),
        cmocka_unit_test(ini_values_are_found_in_their_section),
        cmocka_unit_test(the_configuration_comes_before_the_environment),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
