/* SPDX-License-Identifier: Apache-2.0
 *
 * Public keys as JSON, their names, and the set of keys of the operator's files.
 */
#include "auth/token/keys.h"
#include "auth/token/object.h"
#include "lib/base/encode.h"
#include "test/support/mint.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/banned.h"

/* RFC 7638 section 3.1 */
#define RSA_N                                                                                      \
    "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_"      \
    "BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_"     \
    "FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-"            \
    "bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"
#define RSA "\"kty\":\"RSA\",\"n\":\"" RSA_N "\",\"e\":\"AQAB\""

/* RFC 8037 appendix A */
#define ED25519                                                                                    \
    "\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\""

/* RFC 7517 appendix A.1 */
#define EC                                                                                         \
    "\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4\","      \
    "\"y\":\"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM\""

/* Of the private scalar 1234567890abcdef, four times; its names were told by upstream 2.8 and 3.x.
 */
#define UPSTREAM_X "Rxw-dYxJBChbun5TEY7Q9SSt6wdX0lvS-Oew1236cUw"
#define UPSTREAM_Y "3VIPesqKi5F6zDf1HejwybvjrYWDgucC3CWhLQn3qFg"
#define UPSTREAM_KEY                                                                               \
    "\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" UPSTREAM_X "\",\"y\":\"" UPSTREAM_Y "\""

struct fixture {
    struct str text;
    cJSON *json;
    struct jwk jwk;
};

static int read_key(struct fixture *fixture, const char *members)
{
    struct error err = ERROR_INIT;

    *fixture = (struct fixture){.text = STR_INIT(64 << 10)};
    str_append_format(&fixture->text, "{%s}", members);
    if (object_parse(&fixture->text, &fixture->json, &err) < 0)
        return -1;
    return jwk_read(fixture->json, &fixture->jwk, &err);
}

static void drop_key(struct fixture *fixture)
{
    cJSON_Delete(fixture->json);
    str_fini(&fixture->text);
}

static const char *thumbprint_of(const char *members)
{
    static char out[JWK_THUMBPRINT_SIZE];
    struct error err = ERROR_INIT;
    struct fixture fixture;

    out[0] = '\0';
    if (read_key(&fixture, members) == 0 && jwk_thumbprint(&fixture.jwk, out, &err) < 0)
        out[0] = '\0';
    drop_key(&fixture);
    return out;
}

/* Given, NULL when it is refused. */
static EVP_PKEY *key_of(const char *members)
{
    struct error err = ERROR_INIT;
    struct fixture fixture;
    EVP_PKEY *key = NULL;

    if (read_key(&fixture, members) == 0 && jwk_public_key(&fixture.jwk, &key, &err) < 0)
        assert_int_equal(err.code, ERROR_INVALID);
    drop_key(&fixture);
    return key;
}

static bool is_key(const char *members)
{
    EVP_PKEY *key = key_of(members);
    bool is_there = key != NULL;

    EVP_PKEY_free(key);
    return is_there;
}

static void jwk_thumbprint_is_the_one_of_the_rfcs(void **state)
{
    (void)state;
    assert_string_equal(thumbprint_of(RSA), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
    assert_string_equal(thumbprint_of(RSA ",\"kid\":\"2011-04-29\",\"alg\":\"RS256\""),
                        "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
    assert_string_equal(thumbprint_of(ED25519), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    assert_string_equal(thumbprint_of(UPSTREAM_KEY), "D8HvZq-fumkXpCwYIpjAPoqJx7WoEcJUS7tPPyIEJKI");
}

static void jwk_thumbprint_takes_nothing_but_base64url(void **state)
{
    (void)state;
    assert_string_equal(thumbprint_of("\"kty\":\"RSA\",\"e\":\"AQAB\""), "");
    assert_string_equal(thumbprint_of("\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"A\\\"B\""), "");
    assert_string_equal(thumbprint_of("\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AA\""), "");
    assert_string_equal(thumbprint_of("\"kty\":\"EC\",\"crv\":\"P\\\\\",\"x\":\"A\",\"y\":\"A\""),
                        "");
    assert_string_equal(thumbprint_of("\"kty\":\"oct\",\"crv\":\"A\",\"x\":\"A\",\"y\":\"A\""), "");
    assert_string_equal(thumbprint_of(""), "");
}

static void key_id_of_a_key_is_both_of_upstreams(void **state)
{
    EVP_PKEY *key = key_of(UPSTREAM_KEY);
    struct error err = ERROR_INIT;
    struct key_id id;

    (void)state;
    assert_non_null(key);
    assert_int_equal(key_id_of(key, &id, &err), 0);
    EVP_PKEY_free(key);
    assert_string_equal(id.libtrust, "YTMR:CQZD:BUZQ:PAEQ:5WE4:EBY6:XCT3:4KS2:H4RY:ZPNK:F6FS:PH2K");
    assert_string_equal(id.thumbprint, "D8HvZq-fumkXpCwYIpjAPoqJx7WoEcJUS7tPPyIEJKI");
    assert_true(key_id_is(&id, id.libtrust));
    assert_true(key_id_is(&id, id.thumbprint));
    assert_false(key_id_is(&id, ""));
}

static void a_key_and_its_jwk_have_one_thumbprint(void **state)
{
    static const char *const types[] = {"P-256", "P-384", "P-521", "RSA", "Ed25519"};

    (void)state;
    for (size_t i = 0; i < array_count(types); i++) {
        auto_str members = STR_INIT(4096);
        struct error err = ERROR_INIT;
        struct key_id id;
        EVP_PKEY *key;

        mint_append_jwk(&members, mint_key(types[i], 0));
        assert_int_equal(key_id_of(mint_key(types[i], 0), &id, &err), 0);
        assert_string_equal(thumbprint_of(str_text(&members)), id.thumbprint);
        key = key_of(str_text(&members));
        assert_non_null(key);
        assert_int_equal(EVP_PKEY_eq(key, mint_key(types[i], 0)), 1);
        EVP_PKEY_free(key);
    }
}

static void jwk_public_key_refuses_what_is_no_key(void **state)
{
    static const char *const refused[] = {
        "",
        "\"kty\":\"oct\",\"k\":\"AAAA\"",
        "\"kty\":\"rsa\",\"n\":\"" RSA_N "\",\"e\":\"AQAB\"",
        "\"kty\":\"RSA\",\"n\":\"" RSA_N "\"",
        "\"kty\":\"RSA\",\"n\":\"" RSA_N "=\",\"e\":\"AQAB\"",
        "\"kty\":\"RSA\",\"n\":\"\",\"e\":\"AQAB\"",
        "\"kty\":\"RSA\",\"n\":\"" RSA_N "\",\"e\":\"AQABAQABAQABAQAB\"",
        /* off the curve */
        "\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" UPSTREAM_X "\",\"y\":\"" UPSTREAM_X "\"",
        /* another curve, an unknown one, a short number */
        "\"kty\":\"EC\",\"crv\":\"P-384\",\"x\":\"" UPSTREAM_X "\",\"y\":\"" UPSTREAM_Y "\"",
        "\"kty\":\"EC\",\"crv\":\"secp256k1\",\"x\":\"" UPSTREAM_X "\",\"y\":\"" UPSTREAM_Y "\"",
        "\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AQAB\",\"y\":\"" UPSTREAM_Y "\"",
        "\"kty\":\"OKP\",\"crv\":\"X25519\",\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"",
        "\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"11qY\"",
        "\"kty\":1",
        "\"kty\":\"RSA\",\"kty\":\"RSA\",\"n\":\"" RSA_N "\",\"e\":\"AQAB\"",
    };

    (void)state;
    assert_true(is_key(RSA));
    assert_true(is_key(EC));
    assert_true(is_key(ED25519));
    for (size_t i = 0; i < array_count(refused); i++) {
        if (is_key(refused[i]))
            fail_msg("accepted: %s", refused[i]);
    }
}

/* ---- sets ---- */

struct set {
    struct keys *keys;
    struct str warnings;
    struct error err;
};

static void open_set(struct set *set)
{
    *set = (struct set){.keys = keys_new(), .warnings = STR_INIT(KEYS_WARNINGS_MAX)};
}

static void close_set(struct set *set)
{
    keys_unref(set->keys);
    str_fini(&set->warnings);
}

static int add_jwks(struct set *set, const char *json)
{
    auto_str text = STR_INIT(64 << 10);

    str_append_text(&text, json);
    return keys_add_jwks(set->keys, &text, &set->warnings, &set->err);
}

static bool has(const struct set *set, const char *key_id, const char *algorithm)
{
    return keys_find(set->keys, key_id, signature_find(algorithm)) != NULL;
}

static void keys_of_a_jwks_are_found_by_all_their_names(void **state)
{
    struct set set;

    (void)state;
    open_set(&set);
    assert_int_equal(
        add_jwks(&set, "{\"keys\":[{" RSA ",\"kid\":\"r\"},{" UPSTREAM_KEY ",\"kid\":\"e\","
                       "\"use\":\"sig\",\"key_ops\":[\"verify\"],\"x5c\":[]},{" ED25519 "}]}"),
        0);
    assert_string_equal(str_text(&set.warnings), "");
    assert_int_equal(keys_count(set.keys), 3);
    assert_true(has(&set, "r", "RS256"));
    assert_true(has(&set, "r", "PS512"));
    assert_false(has(&set, "r", "ES256"));
    assert_true(has(&set, "e", "ES256"));
    assert_false(has(&set, "e", "ES384"));
    assert_true(has(&set, "YTMR:CQZD:BUZQ:PAEQ:5WE4:EBY6:XCT3:4KS2:H4RY:ZPNK:F6FS:PH2K", "ES256"));
    assert_true(has(&set, "D8HvZq-fumkXpCwYIpjAPoqJx7WoEcJUS7tPPyIEJKI", "ES256"));
    assert_true(has(&set, "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k", "EdDSA"));
    assert_false(has(&set, "", "EdDSA"));
    assert_false(has(&set, "x", "EdDSA"));
    close_set(&set);
}

static void a_key_with_an_algorithm_is_for_no_other(void **state)
{
    struct set set;

    (void)state;
    open_set(&set);
    assert_int_equal(add_jwks(&set, "{\"keys\":[{" RSA ",\"kid\":\"r\",\"alg\":\"RS256\"}]}"), 0);
    assert_true(has(&set, "r", "RS256"));
    assert_false(has(&set, "r", "RS512"));
    assert_false(has(&set, "r", "PS256"));
    close_set(&set);
}

static void keys_of_one_name_are_told_by_their_type(void **state)
{
    struct set set;

    (void)state;
    open_set(&set);
    assert_int_equal(add_jwks(&set, "{\"keys\":[{" RSA ",\"kid\":\"k\"},{" EC ",\"kid\":\"k\"}]}"),
                     0);
    assert_true(has(&set, "k", "RS256"));
    assert_true(has(&set, "k", "ES256"));
    close_set(&set);
}

static void keys_that_are_of_no_use_are_left_out_with_a_warning(void **state)
{
    static const char *const left_out[] = {
        RSA ",\"use\":\"enc\"",
        RSA ",\"key_ops\":[\"encrypt\"]",
        RSA ",\"key_ops\":[]",
        RSA ",\"alg\":\"ES256\"",
        RSA ",\"alg\":\"RSA-OAEP\"",
        "\"kty\":\"oct\",\"k\":\"AAAA\",\"alg\":\"HS256\"",
        "\"kty\":\"EC\",\"crv\":\"secp256k1\",\"x\":\"" UPSTREAM_X "\",\"y\":\"" UPSTREAM_Y "\"",
        "\"kty\":7",
    };

    (void)state;
    for (size_t i = 0; i < array_count(left_out); i++) {
        auto_str json = STR_INIT(4096);
        struct set set;

        open_set(&set);
        str_append_format(&json, "{\"keys\":[{" ED25519 "},{%s}]}", left_out[i]);
        assert_int_equal(add_jwks(&set, str_text(&json)), 0);
        assert_int_equal(keys_count(set.keys), 1);
        assert_non_null(strstr(str_text(&set.warnings), "key 2 of the jwks file is left out: "));
        close_set(&set);
    }
}

static void a_private_or_weak_key_is_taken_with_a_warning(void **state)
{
    auto_str json = STR_INIT(8192);
    struct set set;

    (void)state;
    open_set(&set);
    str_append_text(&json, "{\"keys\":[{" ED25519 ",\"d\":\"AAAA\"},{");
    mint_append_jwk(&json, mint_key("RSA-1024", 0));
    str_append_text(&json, "}]}");
    assert_int_equal(add_jwks(&set, str_text(&json)), 0);
    assert_int_equal(keys_count(set.keys), 2);
    assert_non_null(
        strstr(str_text(&set.warnings), "key 1 of the jwks file holds its private part"));
    assert_non_null(strstr(str_text(&set.warnings), "has only 1024 bits"));
    close_set(&set);
}

static void a_file_that_is_no_jwks_is_refused(void **state)
{
    static const char *const files[] = {"", "[]", "{", "{\"keys\":{}}",
                                        "{\"keys\":[],\"keys\":[]}"};
    struct set set;

    (void)state;
    open_set(&set);
    for (size_t i = 0; i < array_count(files); i++) {
        assert_int_equal(add_jwks(&set, files[i]), -1);
        assert_non_null(strstr(set.err.message, "failed to parse jwks: "));
        set.err = ERROR_INIT;
    }
    assert_int_equal(add_jwks(&set, "{}"), 0);
    assert_int_equal(keys_count(set.keys), 0);
    close_set(&set);
}

static int add_bundle(struct set *set, const struct str *pem)
{
    return keys_add_bundle(set->keys, str_span(pem), &set->warnings, &set->err);
}

static void keys_of_a_bundle_are_those_of_its_certificates(void **state)
{
    static const char *const types[] = {"P-256", "P-384", "P-521", "RSA", "Ed25519"};
    auto_str pem = STR_INIT(64 << 10);
    struct set set;

    (void)state;
    str_append_text(&pem,
                    "text before\n-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n");
    for (size_t i = 0; i < array_count(types); i++) {
        EVP_PKEY *key = mint_key(types[i], 0);
        X509 *certificate = mint_certificate(key, types[i], NULL, key, true, 3600);

        mint_append_pem(&pem, certificate);
        str_append_text(&pem, "text between\n");
        X509_free(certificate);
    }
    open_set(&set);
    assert_int_equal(add_bundle(&set, &pem), 0);
    assert_int_equal(keys_count(set.keys), 5);
    assert_string_equal(str_text(&set.warnings), "");
    for (size_t i = 0; i < array_count(types); i++) {
        struct key_id id;

        assert_int_equal(key_id_of(mint_key(types[i], 0), &id, &set.err), 0);
        assert_true(has(&set, id.libtrust,
                        i < 1   ? "ES256"
                        : i < 2 ? "ES384"
                        : i < 3 ? "ES512"
                        : i < 4 ? "RS256"
                                : "EdDSA"));
    }
    close_set(&set);
}

static void a_bundle_with_what_is_no_certificate_is_refused(void **state)
{
    EVP_PKEY *key = mint_key("secp256k1", 0);
    X509 *certificate = mint_certificate(key, "k", NULL, key, true, 3600);
    auto_str other = STR_INIT(8192);
    auto_str broken = STR_INIT(8192);
    auto_str junk = STR_INIT(8192);
    struct set set;

    (void)state;
    mint_append_pem(&other, certificate);
    X509_free(certificate);
    str_append_text(&broken, "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n");
    str_append_text(&junk, "-----BEGIN CERTIFICATE-----\n!!!!\n");
    open_set(&set);
    assert_int_equal(add_bundle(&set, &other), -1);
    assert_non_null(
        strstr(set.err.message, "unable to get public key from token auth root certificate: "));
    assert_int_equal(add_bundle(&set, &broken), -1);
    assert_non_null(strstr(set.err.message, "unable to parse token auth root certificate: "));
    assert_int_equal(add_bundle(&set, &junk), -1);
    assert_non_null(strstr(set.err.message, "unable to parse token auth root certificate: "));
    close_set(&set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(jwk_thumbprint_is_the_one_of_the_rfcs),
        cmocka_unit_test(jwk_thumbprint_takes_nothing_but_base64url),
        cmocka_unit_test(key_id_of_a_key_is_both_of_upstreams),
        cmocka_unit_test(a_key_and_its_jwk_have_one_thumbprint),
        cmocka_unit_test(jwk_public_key_refuses_what_is_no_key),
        cmocka_unit_test(keys_of_a_jwks_are_found_by_all_their_names),
        cmocka_unit_test(a_key_with_an_algorithm_is_for_no_other),
        cmocka_unit_test(keys_of_one_name_are_told_by_their_type),
        cmocka_unit_test(keys_that_are_of_no_use_are_left_out_with_a_warning),
        cmocka_unit_test(a_private_or_weak_key_is_taken_with_a_warning),
        cmocka_unit_test(a_file_that_is_no_jwks_is_refused),
        cmocka_unit_test(keys_of_a_bundle_are_those_of_its_certificates),
        cmocka_unit_test(a_bundle_with_what_is_no_certificate_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
