/* SPDX-License-Identifier: Apache-2.0
 *
 * tls_context - see tls_context.h.
 */
#include "lib/http/tls_context.h"

#include "lib/http/tls_names.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <openssl/x509.h>
#include <string.h>

#include "lib/base/banned.h"

#define READ_BUFFER_SIZE (64 * 1024) /* bytes OpenSSL takes from a socket at once */
#define VERIFY_DEPTH     16

/* The reason of the oldest of OpenSSL's errors, which are then forgotten. */
static const char *last_reason(void)
{
    const char *reason = ERR_reason_error_string(ERR_peek_error());

    ERR_clear_error();
    return reason != NULL ? reason : "unknown";
}

/* ---- files ---- */

static BIO *bio_of(const struct watched_file *file)
{
    BIO *bio = BIO_new_mem_buf(str_text(&file->text), (int)file->text.len);

    if (bio == NULL)
        abort();
    return bio;
}

static int check_read(const struct watched_file *file, struct error *err)
{
    if (file->err.code == ERROR_NONE)
        return 0;
    *err = file->err;
    return -1;
}

/* ---- certificate and key ---- */

/* The certificates behind the first: those that lead to the authority. The end of the file ends
 * them. */
static int add_chain(SSL_CTX *ctx, BIO *bio, const char *path, struct error *err)
{
    X509 *next;

    while ((next = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL) {
        if (SSL_CTX_add0_chain_cert(ctx, next) != 1) {
            X509_free(next);
            return error_set(err, ERROR_INVALID, "certificate %s: %s", path, last_reason());
        }
    }
    if (ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)
        return error_set(err, ERROR_INVALID, "certificate %s: %s", path, last_reason());
    ERR_clear_error();
    return 0;
}

static int use_certificate(SSL_CTX *ctx, const struct watched_file *file, struct error *err)
{
    X509 *leaf;
    BIO *bio;
    int rc;

    if (check_read(file, err) < 0)
        return -1;
    bio = bio_of(file);
    leaf = PEM_read_bio_X509(bio, NULL, NULL, NULL);
    if (leaf == NULL || SSL_CTX_use_certificate(ctx, leaf) != 1)
        rc = error_set(err, ERROR_INVALID, "certificate %s: %s", file->path, last_reason());
    else
        rc = add_chain(ctx, bio, file->path, err);
    X509_free(leaf);
    BIO_free(bio);
    return rc;
}

/* A key with a pass phrase: nobody is there to be asked. */
static int no_pass_phrase(char *out, int size, int is_writing, void *arg)
{
    (void)out, (void)size, (void)is_writing, (void)arg;
    return -1;
}

static int use_key(SSL_CTX *ctx, const struct watched_file *file, const char *certificate,
                   struct error *err)
{
    EVP_PKEY *key;
    BIO *bio;
    int rc = 0;

    if (check_read(file, err) < 0)
        return -1;
    bio = bio_of(file);
    key = PEM_read_bio_PrivateKey(bio, NULL, no_pass_phrase, NULL);
    if (key == NULL)
        rc = error_set(err, ERROR_INVALID, "key %s: %s", file->path, last_reason());
    else if (X509_check_private_key(SSL_CTX_get0_certificate(ctx), key) != 1)
        rc = error_set(err, ERROR_INVALID, "the key %s does not belong to the certificate %s",
                       file->path, certificate);
    else if (SSL_CTX_use_PrivateKey(ctx, key) != 1)
        rc = error_set(err, ERROR_INVALID, "key %s: %s", file->path, last_reason());
    ERR_clear_error();
    EVP_PKEY_free(key);
    BIO_free(bio);
    return rc;
}

/* ---- certificates of clients ---- */

static int add_authorities(SSL_CTX *ctx, const struct watched_file *file)
{
    BIO *bio = bio_of(file);
    int count = 0;
    X509 *authority;

    while ((authority = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL) {
        if (X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), authority) == 1 &&
            SSL_CTX_add_client_CA(ctx, authority) == 1)
            count++;
        X509_free(authority);
    }
    ERR_clear_error();
    BIO_free(bio);
    return count;
}

static int take_any(int is_fine, X509_STORE_CTX *store)
{
    (void)is_fine, (void)store;
    return 1;
}

/*
 * Sessions are resumed only under the rules they began with: the context of a session is the
 * digest of these rules, so that who was let in by an authority that is no longer trusted must
 * come again. Any certificate of a file is trusted as it stands, as upstream does, self-signed or
 * not.
 */
static int use_client_auth(SSL_CTX *ctx, const struct http_tls_options *options,
                           const struct watched_file *authorities, struct error *err)
{
    unsigned char digest[SHA256_DIGEST_LENGTH];
    EVP_MD_CTX *rules = EVP_MD_CTX_new();
    struct tls_client_auth auth = {0};
    int rc = tls_names_client_auth(options->client_auth, &auth, err);

    EVP_DigestInit_ex(rules, EVP_sha256(), NULL);
    EVP_DigestUpdate(rules, &auth, sizeof(auth));
    for (size_t i = 0; rc == 0 && i < options->client_ca_count; i++) {
        const struct watched_file *file = &authorities[i];

        rc = check_read(file, err);
        if (rc == 0 && add_authorities(ctx, file) == 0)
            rc = error_set(err, ERROR_INVALID, "could not add CA to pool: no certificate in %s",
                           file->path);
        EVP_DigestUpdate(rules, str_text(&file->text), file->text.len);
    }
    EVP_DigestFinal_ex(rules, digest, NULL);
    EVP_MD_CTX_free(rules);
    SSL_CTX_set_session_id_context(ctx, digest, sizeof(digest));
    if (options->client_ca_count > 0)
        SSL_CTX_set_verify(ctx, auth.verify_mode, auth.is_any_taken ? take_any : NULL);
    SSL_CTX_set_verify_depth(ctx, VERIFY_DEPTH);
    X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(ctx), X509_V_FLAG_PARTIAL_CHAIN);
    return rc;
}

/* ---- versions and suites ---- */

/* What TLS 1.0 and 1.1 need is below what OpenSSL allows unless it is told. */
static int use_suites(SSL_CTX *ctx, const struct http_tls_options *options, int minimum,
                      struct error *err)
{
    auto_str list_12 = STR_INIT(TLS_NAMES_LIST_MAX);
    auto_str list_13 = STR_INIT(TLS_NAMES_LIST_MAX);
    auto_str names = STR_INIT(TLS_NAMES_LIST_MAX);

    if (tls_names_suites(options->cipher_suites, options->cipher_suite_count, &list_12, &list_13,
                         &names, err) < 0)
        return -1;
    if (list_12.len == 0)
        minimum = TLS1_3_VERSION;
    SSL_CTX_set_security_level(ctx, minimum < TLS1_2_VERSION ? 0 : 1);
    if (SSL_CTX_set_min_proto_version(ctx, minimum) != 1 ||
        (list_12.len > 0 && SSL_CTX_set_cipher_list(ctx, str_text(&list_12)) != 1) ||
        SSL_CTX_set_ciphersuites(ctx, str_text(&list_13)) != 1) {
        ERR_clear_error();
        return error_set(err, ERROR_INVALID,
                         "none of the suites of http.tls.ciphersuites is available");
    }
    return 0;
}

bool has_tls_context_suite(const SSL_CTX *ctx, const char *name)
{
    STACK_OF(SSL_CIPHER) *all = SSL_CTX_get_ciphers(ctx);

    for (int i = 0; i < sk_SSL_CIPHER_num(all); i++) {
        if (strcmp(SSL_CIPHER_get_name(sk_SSL_CIPHER_value(all, i)), name) == 0)
            return true;
    }
    return false;
}

/* ---- the rest of it ---- */

/* We speak HTTP/1.1. A client that names protocols, and not this one, is refused, as upstream
 * does. */
static int on_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_len,
                   const unsigned char *offered, unsigned offered_len, void *arg)
{
    static const unsigned char ours[] = "\x08http/1.1";
    unsigned char *chosen;

    (void)ssl, (void)arg;
    if (SSL_select_next_proto(&chosen, out_len, ours, sizeof(ours) - 1, offered, offered_len) !=
        OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

/*
 * Buffers are released while a connection is idle. The end of the TCP stream counts as the end of
 * the TLS stream: HTTP says itself where a message ends, and many clients leave without a word.
 */
static void set_habits(SSL_CTX *ctx)
{
    char groups[] = "X25519:P-256:P-384:P-521"; /* upstream's */

    SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                              SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                 SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA |
                                 SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_read_ahead(ctx, 1);
    SSL_CTX_set_default_read_buffer_len(ctx, READ_BUFFER_SIZE);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF); /* tickets hold them */
    SSL_CTX_set_num_tickets(ctx, 1);
    SSL_CTX_set1_groups_list(ctx, groups);
    SSL_CTX_set_alpn_select_cb(ctx, on_alpn, NULL);
}

int tls_context_new(const struct http_tls_options *options, const struct watched_file *files,
                    SSL_CTX **out, struct error *err)
{
    const struct watched_file *certificate = &files[TLS_CONTEXT_CERTIFICATE];
    SSL_CTX *ctx;
    int minimum;

    if (tls_names_version(options->minimum, &minimum, err) < 0)
        return -1;
    ERR_clear_error();
    ctx = SSL_CTX_new(TLS_server_method());
    if (ctx == NULL)
        return error_set(err, ERROR_INTERNAL, "OpenSSL: %s", last_reason());
    set_habits(ctx);
    if (use_suites(ctx, options, minimum, err) < 0 || use_certificate(ctx, certificate, err) < 0 ||
        use_key(ctx, &files[TLS_CONTEXT_KEY], certificate->path, err) < 0 ||
        use_client_auth(ctx, options, &files[TLS_CONTEXT_CLIENT_CAS], err) < 0) {
        SSL_CTX_free(ctx);
        return -1;
    }
    *out = ctx;
    return 0;
}

time_t tls_context_expires_at(const SSL_CTX *ctx)
{
    struct tm when = {0};

    if (ASN1_TIME_to_tm(X509_get0_notAfter(SSL_CTX_get0_certificate(ctx)), &when) != 1)
        return 0;
    return timegm(&when);
}
