/* SPDX-License-Identifier: Apache-2.0
 *
 * tls_names - see tls_names.h.
 */
#include "lib/http/tls_names.h"

#include <openssl/ssl.h>
#include <string.h>

#include "lib/base/banned.h"

/* clang-format off */
static const struct {
    const char *name;
    int version;
} versions[] = {
    {"tls1.0", TLS1_VERSION},
    {"tls1.1", TLS1_1_VERSION},
    {"tls1.2", TLS1_2_VERSION},
    {"tls1.3", TLS1_3_VERSION},
};

/* In the order in which they are preferred: forward secrecy, authenticated encryption, speed. */
static const struct {
    const char *name;
    const char *openssl_name;
    bool is_13;
    bool is_default;
} suites[] = {
    {"TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "ECDHE-ECDSA-AES128-GCM-SHA256", false, true},
    {"TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "ECDHE-RSA-AES128-GCM-SHA256", false, true},
    {"TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "ECDHE-ECDSA-AES256-GCM-SHA384", false, true},
    {"TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", "ECDHE-RSA-AES256-GCM-SHA384", false, true},
    {"TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", "ECDHE-ECDSA-CHACHA20-POLY1305", false, true},
    {"TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", "ECDHE-RSA-CHACHA20-POLY1305", false, true},
    {"TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256", "ECDHE-ECDSA-AES128-SHA256", false, false},
    {"TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256", "ECDHE-RSA-AES128-SHA256", false, false},
    {"TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA", "ECDHE-ECDSA-AES128-SHA", false, false},
    {"TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA", "ECDHE-RSA-AES128-SHA", false, false},
    {"TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA", "ECDHE-ECDSA-AES256-SHA", false, false},
    {"TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA", "ECDHE-RSA-AES256-SHA", false, false},
    {"TLS_RSA_WITH_AES_128_GCM_SHA256", "AES128-GCM-SHA256", false, false},
    {"TLS_RSA_WITH_AES_256_GCM_SHA384", "AES256-GCM-SHA384", false, false},
    {"TLS_RSA_WITH_AES_128_CBC_SHA256", "AES128-SHA256", false, false},
    {"TLS_RSA_WITH_AES_128_CBC_SHA", "AES128-SHA", false, false},
    {"TLS_RSA_WITH_AES_256_CBC_SHA", "AES256-SHA", false, false},
    {"TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA", "ECDHE-RSA-DES-CBC3-SHA", false, false},
    {"TLS_RSA_WITH_3DES_EDE_CBC_SHA", "DES-CBC3-SHA", false, false},
    {"TLS_ECDHE_ECDSA_WITH_RC4_128_SHA", "ECDHE-ECDSA-RC4-SHA", false, false},
    {"TLS_ECDHE_RSA_WITH_RC4_128_SHA", "ECDHE-RSA-RC4-SHA", false, false},
    {"TLS_RSA_WITH_RC4_128_SHA", "RC4-SHA", false, false},
    {"TLS_AES_128_GCM_SHA256", "TLS_AES_128_GCM_SHA256", true, true},
    {"TLS_AES_256_GCM_SHA384", "TLS_AES_256_GCM_SHA384", true, true},
    {"TLS_CHACHA20_POLY1305_SHA256", "TLS_CHACHA20_POLY1305_SHA256", true, true},
};

static const struct {
    const char *name;
    struct tls_client_auth auth;
} client_auths[] = {
    {"require-and-verify-client-cert", {SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, false}},
    {"verify-client-cert-if-given", {SSL_VERIFY_PEER, false}},
    {"require-any-client-cert", {SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, true}},
    {"request-client-cert", {SSL_VERIFY_PEER, true}},
};
/* clang-format on */

int tls_names_version(const char *name, int *out, struct error *err)
{
    for (size_t i = 0; i < array_count(versions); i++) {
        if (strcmp(versions[i].name, name) == 0) {
            *out = versions[i].version;
            return 0;
        }
    }
    return error_set(err, ERROR_INVALID,
                     "unknown minimum TLS level '%s' specified for http.tls.minimumtls", name);
}

const char *tls_names_openssl(const char *name)
{
    for (size_t i = 0; i < array_count(suites); i++) {
        if (strcmp(suites[i].name, name) == 0)
            return suites[i].openssl_name;
    }
    return NULL;
}

static void append(struct str *list, char separator, const char *name)
{
    if (list->len > 0)
        str_append_char(list, separator);
    str_append_text(list, name);
}

static bool is_named(const char *name, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(names[i], name) == 0)
            return true;
    }
    return false;
}

/* All suites of TLS 1.3, for a list that names none. */
static void append_all_13(struct str *out)
{
    for (size_t i = 0; i < array_count(suites); i++) {
        if (suites[i].is_13)
            append(out, ':', suites[i].openssl_name);
    }
}

int tls_names_suites(const char *const *names, size_t count, struct str *out_12, struct str *out_13,
                     struct str *out_names, struct error *err)
{
    for (size_t i = 0; i < count; i++) {
        if (tls_names_openssl(names[i]) == NULL)
            return error_set(err, ERROR_INVALID,
                             "unknown TLS cipher suite '%s' specified for http.tls.cipherSuites",
                             names[i]);
        append(out_names, ',', names[i]);
    }
    for (size_t i = 0; i < array_count(suites); i++) {
        if (count == 0 ? !suites[i].is_default : !is_named(suites[i].name, names, count))
            continue;
        append(suites[i].is_13 ? out_13 : out_12, ':', suites[i].openssl_name);
        if (count == 0)
            append(out_names, ',', suites[i].name);
    }
    if (out_13->len == 0)
        append_all_13(out_13);
    return 0;
}

int tls_names_client_auth(const char *name, struct tls_client_auth *out, struct error *err)
{
    for (size_t i = 0; i < array_count(client_auths); i++) {
        if (strcmp(client_auths[i].name, name) == 0) {
            *out = client_auths[i].auth;
            return 0;
        }
    }
    return error_set(err, ERROR_INVALID,
                     "unknown client authentication '%s' specified for http.tls.clientauth", name);
}
