/* SPDX-License-Identifier: Apache-2.0
 *
 * test_sign - the examples of the Amazon S3 API reference, and what they leave out.
 */
#include "drivers/s3/sign.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/base/banned.h"

#define DATE "20130524T000000Z"
#define HOST "examplebucket.s3.amazonaws.com"

static const struct sign_key key = {
    .access_key = "AKIAIOSFODNN7EXAMPLE",
    .secret_key = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    .region = "us-east-1",
};

static void assert_signature(const struct sign_request *request, const char *names,
                             const char *signature)
{
    auto_str wanted = STR_INIT(1024);
    auto_str got = STR_INIT(1024);

    str_append_format(&wanted,
                      "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/"
                      "aws4_request,SignedHeaders=%s,Signature=%s",
                      names, signature);
    sign_authorization(&key, request, &got);
    assert_string_equal(str_text(&got), str_text(&wanted));
}

static void get_of_a_range_is_signed(void **state)
{
    const struct sign_header headers[] = {
        {"host", HOST},
        {"range", "bytes=0-9"},
        {"x-amz-content-sha256", SIGN_EMPTY_HASH},
        {"x-amz-date", DATE},
    };

    (void)state;
    assert_signature(&(struct sign_request){.method = "GET",
                                            .path = SPAN("/test.txt"),
                                            .headers = headers,
                                            .header_count = 4,
                                            .payload_hash = SIGN_EMPTY_HASH,
                                            .date = DATE},
                     "host;range;x-amz-content-sha256;x-amz-date",
                     "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
}

static void put_with_an_odd_name_is_signed(void **state)
{
    char hash[SIGN_HASH_SIZE];
    auto_str path = STR_INIT(64);
    const struct sign_header headers[] = {
        {"date", "Fri, 24 May 2013 00:00:00 GMT"},
        {"host", HOST},
        {"x-amz-content-sha256", hash},
        {"x-amz-date", DATE},
        {"x-amz-storage-class", "REDUCED_REDUNDANCY"},
    };

    (void)state;
    sign_hash(SPAN("Welcome to Amazon S3."), hash);
    sign_encode(&path, SPAN("/test$file.text"), true);
    assert_string_equal(str_text(&path), "/test%24file.text");
    assert_signature(&(struct sign_request){.method = "PUT",
                                            .path = str_span(&path),
                                            .headers = headers,
                                            .header_count = 5,
                                            .payload_hash = hash,
                                            .date = DATE},
                     "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
                     "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd");
}

static void assert_query_signature(struct span query, const char *signature)
{
    const struct sign_header headers[] = {
        {"host", HOST},
        {"x-amz-content-sha256", SIGN_EMPTY_HASH},
        {"x-amz-date", DATE},
    };

    assert_signature(&(struct sign_request){.method = "GET",
                                            .path = SPAN("/"),
                                            .query = query,
                                            .headers = headers,
                                            .header_count = 3,
                                            .payload_hash = SIGN_EMPTY_HASH,
                                            .date = DATE},
                     "host;x-amz-content-sha256;x-amz-date", signature);
}

static void queries_are_signed(void **state)
{
    (void)state;
    assert_query_signature(SPAN("lifecycle="),
                           "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543");
    assert_query_signature(SPAN("max-keys=2&prefix=J"),
                           "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7");
}

static void url_is_presigned(void **state)
{
    auto_str query = STR_INIT(2048);

    (void)state;
    sign_presign(&key, "GET", HOST, SPAN("/test.txt"), DATE, 86400, &query);
    assert_string_equal(
        str_text(&query),
        "X-Amz-Algorithm=AWS4-HMAC-SHA256"
        "&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request"
        "&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host"
        "&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404");
}

static void token_is_part_of_a_presigned_url(void **state)
{
    struct sign_key temporary = key;
    auto_str query = STR_INIT(2048);

    (void)state;
    temporary.token = "a+b/c=";
    sign_presign(&temporary, "GET", HOST, SPAN("/x"), DATE, 60, &query);
    assert_non_null(strstr(str_text(&query), "&X-Amz-Security-Token=a%2Bb%2Fc%3D&X-Amz-Signed"));
}

static void slashes_are_kept_in_paths_only(void **state)
{
    auto_str path = STR_INIT(64);
    auto_str value = STR_INIT(64);

    (void)state;
    sign_encode(&path, SPAN("/a b/~c-d_e.f"), true);
    sign_encode(&value, SPAN("a/b"), false);
    assert_string_equal(str_text(&path), "/a%20b/~c-d_e.f");
    assert_string_equal(str_text(&value), "a%2Fb");
}

static void dates_are_in_utc(void **state)
{
    char date[SIGN_DATE_SIZE];

    (void)state;
    sign_date(1369353600, date);
    assert_string_equal(date, DATE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(get_of_a_range_is_signed),
        cmocka_unit_test(put_with_an_odd_name_is_signed),
        cmocka_unit_test(queries_are_signed),
        cmocka_unit_test(url_is_presigned),
        cmocka_unit_test(token_is_part_of_a_presigned_url),
        cmocka_unit_test(slashes_are_kept_in_paths_only),
        cmocka_unit_test(dates_are_in_utc),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
