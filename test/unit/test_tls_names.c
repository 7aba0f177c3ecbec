/* SPDX-License-Identifier: Apache-2.0
 *
 * Upstream's names in OpenSSL's terms.
 */
#include "lib/http/tls_names.h"

#include <openssl/ssl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/banned.h"

struct lists {
    struct str for_12;
    struct str for_13;
    struct str names;
};

static int read_suites(struct lists *lists, const char *const *names, size_t count,
                       struct error *err)
{
    *lists = (struct lists){STR_INIT(TLS_NAMES_LIST_MAX), STR_INIT(TLS_NAMES_LIST_MAX),
                            STR_INIT(TLS_NAMES_LIST_MAX)};
    return tls_names_suites(names, count, &lists->for_12, &lists->for_13, &lists->names, err);
}

static void lists_fini(struct lists *lists)
{
    str_fini(&lists->for_12);
    str_fini(&lists->for_13);
    str_fini(&lists->names);
}

static void versions_are_known_by_their_exact_names(void **state)
{
    struct error err = ERROR_INIT;
    int version = 0;

    (void)state;
    assert_int_equal(tls_names_version("tls1.0", &version, &err), 0);
    assert_int_equal(version, TLS1_VERSION);
    assert_int_equal(tls_names_version("tls1.3", &version, &err), 0);
    assert_int_equal(version, TLS1_3_VERSION);
    assert_int_equal(tls_names_version("TLS1.2", &version, &err), -1);
    assert_int_equal(version, TLS1_3_VERSION);
    assert_string_equal(err.message,
                        "unknown minimum TLS level 'TLS1.2' specified for http.tls.minimumtls");
}

static void suites_without_names_are_upstreams_defaults(void **state)
{
    struct error err = ERROR_INIT;
    struct lists lists;

    (void)state;
    assert_int_equal(read_suites(&lists, NULL, 0, &err), 0);
    assert_non_null(strstr(str_text(&lists.for_12), "ECDHE-RSA-CHACHA20-POLY1305"));
    assert_null(strstr(str_text(&lists.for_12), "SHA:"));
    assert_null(strstr(str_text(&lists.for_12), "TLS_"));
    assert_string_equal(
        str_text(&lists.for_13),
        "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256");
    lists_fini(&lists);
}

static void suites_up_to_tls_1_2_leave_tls_1_3_alone(void **state)
{
    static const char *const names[] = {"TLS_RSA_WITH_AES_128_CBC_SHA",
                                        "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"};
    struct error err = ERROR_INIT;
    struct lists lists;

    (void)state;
    assert_int_equal(read_suites(&lists, names, 2, &err), 0);
    assert_string_equal(str_text(&lists.for_12), "ECDHE-RSA-AES128-GCM-SHA256:AES128-SHA");
    assert_string_equal(
        str_text(&lists.for_13),
        "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256");
    assert_string_equal(str_text(&lists.names),
                        "TLS_RSA_WITH_AES_128_CBC_SHA,TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256");
    lists_fini(&lists);
}

static void suites_of_tls_1_3_alone_leave_nothing_older(void **state)
{
    static const char *const names[] = {"TLS_AES_256_GCM_SHA384"};
    struct error err = ERROR_INIT;
    struct lists lists;

    (void)state;
    assert_int_equal(read_suites(&lists, names, 1, &err), 0);
    assert_string_equal(str_text(&lists.for_12), "");
    assert_string_equal(str_text(&lists.for_13), "TLS_AES_256_GCM_SHA384");
    lists_fini(&lists);
}

static void unknown_suite_is_an_error_that_names_it(void **state)
{
    static const char *const names[] = {"TLS_AES_256_GCM_SHA384", "ECDHE-RSA-AES128-SHA"};
    struct error err = ERROR_INIT;
    struct lists lists;

    (void)state;
    assert_int_equal(read_suites(&lists, names, 2, &err), -1);
    assert_string_equal(
        err.message,
        "unknown TLS cipher suite 'ECDHE-RSA-AES128-SHA' specified for http.tls.cipherSuites");
    lists_fini(&lists);
}

/* Whatever this OpenSSL was built without: what most clients need must not be misspelled. */
static void openssl_knows_its_own_names(void **state)
{
    static const char *const names[] = {
        "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
        "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
        "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
        "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
        "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
        "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256",
        "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
        "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256",
        "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA",
        "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",
        "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA",
        "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA",
        "TLS_RSA_WITH_AES_128_GCM_SHA256",
        "TLS_RSA_WITH_AES_256_GCM_SHA384",
        "TLS_RSA_WITH_AES_128_CBC_SHA256",
        "TLS_RSA_WITH_AES_128_CBC_SHA",
        "TLS_RSA_WITH_AES_256_CBC_SHA",
    };
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

    (void)state;
    SSL_CTX_set_security_level(ctx, 0);
    for (size_t i = 0; i < array_count(names); i++) {
        const char *name = tls_names_openssl(names[i]);

        assert_non_null(name);
        assert_int_equal(SSL_CTX_set_cipher_list(ctx, name), 1);
    }
    SSL_CTX_free(ctx);
}

static void clients_may_be_asked_in_four_ways(void **state)
{
    struct tls_client_auth auth = {0};
    struct error err = ERROR_INIT;

    (void)state;
    assert_int_equal(tls_names_client_auth("require-and-verify-client-cert", &auth, &err), 0);
    assert_int_equal(auth.verify_mode, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT);
    assert_false(auth.is_any_taken);
    assert_int_equal(tls_names_client_auth("request-client-cert", &auth, &err), 0);
    assert_int_equal(auth.verify_mode, SSL_VERIFY_PEER);
    assert_true(auth.is_any_taken);
    assert_int_equal(tls_names_client_auth("none", &auth, &err), -1);
    assert_int_equal(err.code, ERROR_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(versions_are_known_by_their_exact_names),
        cmocka_unit_test(suites_without_names_are_upstreams_defaults),
        cmocka_unit_test(suites_up_to_tls_1_2_leave_tls_1_3_alone),
        cmocka_unit_test(suites_of_tls_1_3_alone_leave_nothing_older),
        cmocka_unit_test(unknown_suite_is_an_error_that_names_it),
        cmocka_unit_test(openssl_knows_its_own_names),
        cmocka_unit_test(clients_may_be_asked_in_four_ways),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
