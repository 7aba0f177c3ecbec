/* SPDX-License-Identifier: Apache-2.0
 *
 * The controller for tokens: which it takes, what it answers, and what it does when keys change.
 */
#include "auth/auth.h"
#include "auth/token/key_id.h"
#include "auth/token/trust.h"
#include "lib/base/clock.h"
#include "lib/base/memory.h"
#include "lib/config/config.h"
#include "lib/task/loop.h"
#include "lib/task/task.h"
#include "test/support/mint.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "lib/base/banned.h"

#define TOKEN_MAX (64 << 10)

/* ---- instead of the program's own: see CMakeLists.txt ---- */

/* clang-format off */
struct timespec __real_clock_now(void);
struct timespec __wrap_clock_now(void);
int __real_trust_verify(const struct trust *trust, int64_t at_s, int64_t *out_until_s, struct error *err);
int __wrap_trust_verify(const struct trust *trust, int64_t at_s, int64_t *out_until_s, struct error *err);
/* clang-format on */

static int64_t now_s;              /* what all clocks show */
static atomic_uint verified_count; /* signatures, by helper threads */

struct timespec __wrap_clock_now(void)
{
    return (struct timespec){.tv_sec = now_s};
}

int __wrap_trust_verify(const struct trust *trust, int64_t at_s, int64_t *out_until_s,
                        struct error *err)
{
    atomic_fetch_add(&verified_count, 1);
    return __real_trust_verify(trust, at_s, out_until_s, err);
}

/* ---- a controller and its files ---- */

static struct {
    char folder[64];
    char bundle[96];
    char jwks[96];
    struct access_control *control;
    X509 *root;         /* P-256 key 0 */
    X509 *rsa_root;     /* RSA key 0 */
    X509 *intermediate; /* P-256 key 1, by the root */
} rig;

static void put_file(const char *path, struct span content)
{
    char next[128];
    int fd;

    snprintf(next, sizeof(next), "%s.next", path);
    fd = open(next, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, content.data, content.len), content.len);
    close(fd);
    assert_int_equal(rename(next, path), 0);
}

/* "", or a complaint. */
static const char *open_with(const char *options)
{
    static struct error err;
    auto_str yaml = STR_INIT(4096);
    struct config *config = NULL;
    char *const environment[] = {NULL};

    err = ERROR_INIT;
    str_append_format(&yaml, "version: 0.1\nstorage: inmemory\nauth:\n  token:\n%s", options);
    if (config_parse(str_span(&yaml), "test", environment, NULL, NULL, &config, &err) < 0)
        fail_msg("%s", err.message);
    if (token_controller.open(config, SPAN(""), &rig.control, &err) < 0)
        rig.control = NULL;
    config_free(config);
    return rig.control != NULL ? "" : err.message;
}

static void reopen_with(const char *options)
{
    if (rig.control != NULL)
        token_controller.close(rig.control);
    assert_string_equal(open_with(options), "");
}

#define OPTIONS                                                                                    \
    "    realm: https://auth/token\n    issuer: issuer\n    service: service\n"                    \
    "    rootcertbundle: %s\n"

static void open_bundle(void)
{
    auto_str options = STR_INIT(1024);

    str_append_format(&options, OPTIONS, rig.bundle);
    reopen_with(str_text(&options));
}

static int setup(void **state)
{
    auto_str pem = STR_INIT(16 << 10);
    EVP_PKEY *ec = mint_key("P-256", 0);
    EVP_PKEY *rsa = mint_key("RSA", 0);
    struct error err = ERROR_INIT;

    (void)state;
    now_s = (int64_t)__real_clock_now().tv_sec;
    atomic_store(&verified_count, 0);
    snprintf(rig.folder, sizeof(rig.folder), "/tmp/kist-token-XXXXXX");
    assert_non_null(mkdtemp(rig.folder));
    snprintf(rig.bundle, sizeof(rig.bundle), "%s/bundle", rig.folder);
    snprintf(rig.jwks, sizeof(rig.jwks), "%s/jwks", rig.folder);
    rig.root = mint_certificate(ec, "root", NULL, ec, true, 3600);
    rig.rsa_root = mint_certificate(rsa, "rsa", NULL, rsa, true, 3600);
    rig.intermediate = mint_certificate(mint_key("P-256", 1), "middle", rig.root, ec, true, 3600);
    mint_append_pem(&pem, rig.root);
    mint_append_pem(&pem, rig.rsa_root);
    put_file(rig.bundle, str_span(&pem));
    return loop_open(2, &err);
}

static int teardown(void **state)
{
    (void)state;
    if (rig.control != NULL)
        token_controller.close(rig.control);
    rig.control = NULL;
    loop_close();
    X509_free(rig.root);
    X509_free(rig.rsa_root);
    X509_free(rig.intermediate);
    unlink(rig.bundle);
    unlink(rig.jwks);
    return rmdir(rig.folder);
}

static void run_main(void *arg)
{
    (*(void (**)(void))arg)();
}

static void run(void (*body)(void))
{
    task_spawn("test", run_main, &body);
    loop_run();
    assert_int_equal(task_count(), 0);
}

/* A test whose body runs as a task. */
#define TOKEN_TEST(name)                                                                           \
    static void name##_body(void);                                                                 \
    static void name(void **state)                                                                 \
    {                                                                                              \
        (void)state;                                                                               \
        run(name##_body);                                                                          \
    }                                                                                              \
    static void name##_body(void)

/* ---- asking ---- */

static struct access_request request_of(struct str *header, const char *token)
{
    struct access_request request = {.host = SPAN("reg:5000")};

    *header = STR_INIT(TOKEN_MAX * 2);
    str_append_format(header, "Bearer %s", token);
    request.authorization = str_span(header);
    return request;
}

/* "granted to <user>", or the last parameter of the challenge, or "refused: <error>". Static. */
static const char *answer_to(const struct access_request *request)
{
    static char out[512];
    auto_access_answer answer;
    struct error err = ERROR_INIT;

    access_answer_init(&answer);
    if (token_controller.check(rig.control, request, &answer, &err) < 0) {
        snprintf(out, sizeof(out), "refused: %s", error_code_name(err.code));
    } else if (answer.verdict == ACCESS_GRANTED) {
        snprintf(out, sizeof(out), "granted to %s", str_text(&answer.user));
    } else {
        const char *last = strrchr(str_text(&answer.challenge), ',');

        assert_int_equal(answer.verdict, ACCESS_CHALLENGED);
        snprintf(out, sizeof(out), "%s", last != NULL ? last + 1 : "");
    }
    return out;
}

static const char *ask(const char *token, const char *name, const char *action)
{
    auto_str header = STR_INIT(0);
    struct access_request request = request_of(&header, token);

    if (name != NULL)
        access_request_add(&request, "repository", name, action);
    return answer_to(&request);
}

#define GRANTED "granted to alice"
#define INVALID "error=\"invalid_token\""

/* Claims that are good, with @more members. Static. */
static const char *claims_with(const char *more)
{
    static char out[4096];

    snprintf(out, sizeof(out),
             "{\"iss\":\"issuer\",\"sub\":\"alice\",\"aud\":\"service\",\"exp\":%lld,\"access\":[{"
             "\"type\":\"repository\",\"name\":\"a/b\",\"actions\":[\"pull\"]}]%s}",
             (long long)now_s + 300, more);
    return out;
}

/* A token of good claims: its header has @alg and the members @hint. Given: free. */
static char *token_of(EVP_PKEY *key, const char *algorithm, const char *hint)
{
    struct str out = STR_INIT(TOKEN_MAX * 2);
    auto_str header = STR_INIT(TOKEN_MAX);

    str_append_format(&header, "{\"typ\":\"JWT\",\"alg\":\"%s\"%s%s}", algorithm,
                      hint[0] != '\0' ? "," : "", hint);
    mint_append_token(&out, key, algorithm, str_text(&header), claims_with(""));
    return str_take(&out);
}

static const char *kid_of(EVP_PKEY *key, bool is_thumbprint)
{
    static char out[128];
    struct error err = ERROR_INIT;
    struct key_id id;

    assert_int_equal(key_id_of(key, &id, &err), 0);
    snprintf(out, sizeof(out), "\"kid\":\"%s\"", is_thumbprint ? id.thumbprint : id.libtrust);
    return out;
}

/* What a token of good claims gets. */
static const char *verdict(EVP_PKEY *key, const char *algorithm, const char *hint)
{
    auto_free char *token = token_of(key, algorithm, hint);

    return ask(token, "a/b", "pull");
}

/* ---- options ---- */

TOKEN_TEST(open_wants_its_options_in_upstreams_order)
{
    auto_str options = STR_INIT(1024);
    auto_str jwks = STR_INIT(4096);

    assert_string_equal(open_with("    issuer: i\n"),
                        "token auth requires a valid option string: \"realm\"");
    assert_string_equal(open_with("    realm: r\n"),
                        "token auth requires a valid option string: \"issuer\"");
    assert_string_equal(open_with("    realm: r\n    issuer: i\n"),
                        "token auth requires a valid option string: \"service\"");
    assert_string_equal(open_with("    realm: r\n    issuer: i\n    service: s\n"),
                        "token auth requires at least one token signing key");
    str_append_format(&options, OPTIONS "    signingalgorithms: [ES256, HS256]\n", rig.bundle);
    assert_string_equal(open_with(str_text(&options)), "unsupported signing algorithm: HS256");
    str_reset(&options);
    str_append_format(&options, "    realm: r\n    issuer: i\n    service: s\n    jwks: %s\n",
                      rig.jwks);
    str_append_text(&jwks, "{\"keys\":[]}");
    put_file(rig.jwks, str_span(&jwks));
    assert_string_equal(open_with(str_text(&options)),
                        "token auth requires at least one token signing key");
}

TOKEN_TEST(open_tells_what_is_wrong_with_its_files)
{
    auto_str options = STR_INIT(1024);
    auto_str wanted = STR_INIT(1024);

    str_append_format(&options, OPTIONS, "/nowhere/bundle");
    assert_string_equal(open_with(str_text(&options)),
                        "unable to open token auth root certificate bundle file "
                        "\"/nowhere/bundle\": open /nowhere/bundle: no such file or directory");
    put_file(rig.bundle, SPAN("no certificate\n"));
    str_reset(&options);
    str_append_format(&options, OPTIONS, rig.bundle);
    assert_string_equal(open_with(str_text(&options)),
                        "token auth requires at least one token signing root certificate");
    put_file(rig.bundle, SPAN(""));
    assert_string_equal(open_with(str_text(&options)),
                        "token auth requires at least one token signing root certificate");
    str_append_text(&options, "    jwks: /nowhere/jwks\n");
    assert_string_equal(open_with(str_text(&options)),
                        "unable to open jwks file \"/nowhere/jwks\": open /nowhere/jwks: no such "
                        "file or directory");
}

TOKEN_TEST(signingalgorithms_are_the_only_ones)
{
    auto_str options = STR_INIT(1024);
    EVP_PKEY *rsa = mint_key("RSA", 0);

    str_append_format(&options, OPTIONS "    signingalgorithms: [RS256]\n", rig.bundle);
    reopen_with(str_text(&options));
    assert_string_equal(verdict(rsa, "RS256", kid_of(rsa, false)), GRANTED);
    assert_string_equal(verdict(rsa, "RS512", kid_of(rsa, false)), INVALID);
    assert_string_equal(verdict(mint_key("P-256", 0), "ES256", kid_of(mint_key("P-256", 0), false)),
                        INVALID);
}

/* ---- challenges ---- */

static const char *challenge_of(struct access_request *request)
{
    static char out[1024];
    auto_access_answer answer;
    struct error err = ERROR_INIT;

    access_answer_init(&answer);
    assert_int_equal(token_controller.check(rig.control, request, &answer, &err), 0);
    assert_int_equal(answer.verdict, ACCESS_CHALLENGED);
    snprintf(out, sizeof(out), "%s|%s", str_text(&answer.challenge), str_text(&answer.reason));
    return out;
}

TOKEN_TEST(who_shows_no_token_is_sent_to_the_realm)
{
    static const char *const headers[] = {"",  "Basic YTpi", "Bearer",     "Bearer  x.y.z",
                                          "x", "Bearer x y", "Bearerx.y.z"};

    open_bundle();
    for (size_t i = 0; i < array_count(headers); i++) {
        struct access_request request = {.authorization = span_of(headers[i])};
        struct access_request push = request;

        assert_string_equal(challenge_of(&request),
                            "Bearer realm=\"https://auth/token\",service=\"service\""
                            "|authorization token required");
        access_request_add(&push, "repository", "a/b", "pull");
        access_request_add(&push, "repository", "a/b", "push");
        access_request_add(&push, "repository", "c/d", "pull");
        assert_string_equal(challenge_of(&push),
                            "Bearer realm=\"https://auth/token\",service=\"service\","
                            "scope=\"repository:a/b:pull,push repository:c/d:pull\""
                            "|authorization token required");
    }
}

TOKEN_TEST(a_refused_token_is_told_apart_from_one_that_grants_too_little)
{
    EVP_PKEY *key = mint_key("P-256", 0);
    auto_free char *token = token_of(key, "ES256", kid_of(key, false));
    auto_str header = STR_INIT(0);
    struct access_request request = request_of(&header, token);
    struct access_request junk = {.authorization = SPAN("bearer x.y.z")};

    open_bundle();
    access_request_add(&request, "repository", "a/b", "push");
    assert_string_equal(challenge_of(&request),
                        "Bearer realm=\"https://auth/token\",service=\"service\","
                        "scope=\"repository:a/b:push\",error=\"insufficient_scope\""
                        "|insufficient scope");
    assert_string_equal(challenge_of(&junk),
                        "Bearer realm=\"https://auth/token\",service=\"service\","
                        "error=\"invalid_token\"|invalid token");
}

TOKEN_TEST(autoredirect_sends_clients_to_the_host_they_asked)
{
    auto_str options = STR_INIT(1024);
    struct access_request request = {.host = SPAN("reg.example:5443")};

    str_append_format(&options, OPTIONS "    autoredirect: true\n", rig.bundle);
    reopen_with(str_text(&options));
    assert_string_equal(challenge_of(&request),
                        "Bearer realm=\"https://reg.example:5443/auth/token\",service=\"service\""
                        "|authorization token required");
    request.forwarded_proto = SPAN("http");
    assert_string_equal(challenge_of(&request),
                        "Bearer realm=\"http://reg.example:5443/auth/token\",service=\"service\""
                        "|authorization token required");
    request.forwarded_proto = SPAN("javascript");
    request.host = SPAN("a\"b");
    assert_string_equal(challenge_of(&request),
                        "Bearer realm=\"https://a\\\"b/auth/token\",service=\"service\""
                        "|authorization token required");
    str_append_text(&options, "    autoredirectpath: tok\n");
    reopen_with(str_text(&options));
    request.host = SPAN("h");
    assert_string_equal(challenge_of(&request), "Bearer realm=\"https://h/tok\",service=\"service\""
                                                "|authorization token required");
    request.host = SPAN("");
    assert_string_equal(challenge_of(&request),
                        "Bearer realm=\"https://auth/token\",service=\"service\""
                        "|authorization token required");
}

/* ---- which tokens are good ---- */

TOKEN_TEST(every_algorithm_is_taken_with_its_key_and_no_other)
{
    static const struct {
        const char *key;
        const char *algorithm;
    } pairs[] = {{"RSA", "RS256"},   {"RSA", "RS384"},    {"RSA", "RS512"},   {"RSA", "PS256"},
                 {"RSA", "PS384"},   {"RSA", "PS512"},    {"P-256", "ES256"}, {"P-384", "ES384"},
                 {"P-521", "ES512"}, {"Ed25519", "EdDSA"}};
    auto_str options = STR_INIT(1024);
    auto_str json = STR_INIT(8192);
    static const char *const types[] = {"RSA", "P-256", "P-384", "P-521", "Ed25519"};

    str_append_text(&json, "{\"keys\":[");
    for (size_t i = 0; i < array_count(types); i++) {
        str_append_text(&json, i > 0 ? ",{" : "{");
        mint_append_jwk(&json, mint_key(types[i], 0));
        str_append_format(&json, ",\"kid\":\"%s\"}", types[i]);
    }
    str_append_text(&json, "]}");
    put_file(rig.jwks, str_span(&json));
    str_append_format(&options,
                      "    realm: r\n    issuer: issuer\n    service: service\n    jwks: %s\n",
                      rig.jwks);
    reopen_with(str_text(&options));
    for (size_t i = 0; i < array_count(pairs); i++) {
        for (size_t j = 0; j < array_count(types); j++) {
            char hint[32];

            snprintf(hint, sizeof(hint), "\"kid\":\"%s\"", types[j]);
            assert_string_equal(verdict(mint_key(pairs[i].key, 0), pairs[i].algorithm, hint),
                                strcmp(types[j], pairs[i].key) == 0 ? GRANTED : INVALID);
        }
    }
}

TOKEN_TEST(the_header_does_not_choose_how_a_key_is_used)
{
    EVP_PKEY *ec = mint_key("P-256", 0);
    EVP_PKEY *rsa = mint_key("RSA", 0);
    static const char *const algorithms[] = {"none",  "None",  "",      "HS256", "es256",
                                             "ES384", "ES512", "RS256", "EdDSA", "ES256K"};

    open_bundle();
    for (size_t i = 0; i < array_count(algorithms); i++) {
        auto_str token = STR_INIT(TOKEN_MAX);
        char header[256];

        snprintf(header, sizeof(header), "{\"alg\":\"%s\",%s}", algorithms[i], kid_of(ec, false));
        mint_append_token(&token, ec, "ES256", header, claims_with(""));
        assert_string_equal(ask(str_text(&token), "a/b", "pull"), INVALID);
    }
    for (size_t i = 0; i < 2; i++) {
        auto_str token = STR_INIT(TOKEN_MAX);
        char header[256];

        /* PKCS #1 said to be PSS, and the other way round */
        snprintf(header, sizeof(header), "{\"alg\":\"%s\",%s}", i == 0 ? "PS256" : "RS256",
                 kid_of(rsa, false));
        mint_append_token(&token, rsa, i == 0 ? "RS256" : "PS256", header, claims_with(""));
        assert_string_equal(ask(str_text(&token), "a/b", "pull"), INVALID);
    }
}

TOKEN_TEST(both_ids_of_a_certificates_key_count)
{
    EVP_PKEY *ec = mint_key("P-256", 0);
    EVP_PKEY *rsa = mint_key("RSA", 0);

    open_bundle();
    assert_string_equal(verdict(ec, "ES256", kid_of(ec, false)), GRANTED);
    assert_string_equal(verdict(ec, "ES256", kid_of(ec, true)), GRANTED);
    assert_string_equal(verdict(rsa, "RS256", kid_of(rsa, false)), GRANTED);
    assert_string_equal(verdict(rsa, "RS256", kid_of(rsa, true)), GRANTED);
    assert_string_equal(verdict(ec, "ES256", ""), INVALID);
    assert_string_equal(verdict(ec, "ES256", "\"kid\":\"YTMR\""), INVALID);
    assert_string_equal(verdict(mint_key("P-256", 1), "ES256", kid_of(ec, false)), INVALID);
    assert_string_equal(verdict(mint_key("P-256", 1), "ES256", kid_of(mint_key("P-256", 1), true)),
                        INVALID);
}

TOKEN_TEST(a_signature_is_all_of_it)
{
    EVP_PKEY *key = mint_key("P-256", 0);
    auto_free char *token = token_of(key, "ES256", kid_of(key, false));
    size_t len = strlen(token);

    open_bundle();
    token[len - 2] = token[len - 2] == 'A' ? 'B' : 'A';
    assert_string_equal(ask(token, "a/b", "pull"), INVALID);
    token[len - 2] = '\0';
    assert_string_equal(ask(token, "a/b", "pull"), INVALID);
    *(strrchr(token, '.') + 1) = '\0';
    assert_string_equal(ask(token, "a/b", "pull"), INVALID);
}

/* "x5c":[...] of up to three certificates. Static. */
static const char *x5c(X509 *first, X509 *second, X509 *third)
{
    static char out[8192];
    auto_str text = STR_INIT(sizeof(out) - 1);

    str_append_text(&text, "\"x5c\":[");
    mint_append_x5c(&text, first);
    if (second != NULL) {
        str_append_char(&text, ',');
        mint_append_x5c(&text, second);
    }
    if (third != NULL) {
        str_append_char(&text, ',');
        mint_append_x5c(&text, third);
    }
    str_append_char(&text, ']');
    snprintf(out, sizeof(out), "%s", str_text(&text));
    return out;
}

TOKEN_TEST(a_chain_to_the_bundle_is_taken)
{
    EVP_PKEY *leaf_key = mint_key("P-384", 0);
    X509 *leaf =
        mint_certificate(leaf_key, "leaf", rig.intermediate, mint_key("P-256", 1), false, 3600);
    X509 *direct = mint_certificate(leaf_key, "leaf", rig.root, mint_key("P-256", 0), false, 3600);

    open_bundle();
    assert_string_equal(verdict(mint_key("P-256", 0), "ES256", x5c(rig.root, NULL, NULL)), GRANTED);
    assert_string_equal(verdict(leaf_key, "ES384", x5c(direct, NULL, NULL)), GRANTED);
    assert_string_equal(verdict(leaf_key, "ES384", x5c(leaf, rig.intermediate, NULL)), GRANTED);
    assert_string_equal(verdict(leaf_key, "ES384", x5c(leaf, rig.root, rig.intermediate)), GRANTED);
    assert_string_equal(verdict(leaf_key, "ES384", x5c(leaf, NULL, NULL)), INVALID);
    assert_string_equal(verdict(leaf_key, "ES256", "\"x5c\":[]"), INVALID);
    assert_string_equal(verdict(mint_key("P-256", 2), "ES256", x5c(rig.root, NULL, NULL)), INVALID);
    X509_free(leaf);
    X509_free(direct);
}

TOKEN_TEST(an_intermediate_in_the_bundle_is_an_anchor)
{
    auto_str pem = STR_INIT(8192);
    EVP_PKEY *key = mint_key("P-384", 0);
    X509 *leaf = mint_certificate(key, "leaf", rig.intermediate, mint_key("P-256", 1), false, 3600);

    mint_append_pem(&pem, rig.intermediate);
    put_file(rig.bundle, str_span(&pem));
    open_bundle();
    assert_string_equal(verdict(key, "ES384", x5c(leaf, NULL, NULL)), GRANTED);
    X509_free(leaf);
}

TOKEN_TEST(a_chain_that_does_not_hold_is_refused)
{
    EVP_PKEY *own = mint_key("P-256", 3);
    EVP_PKEY *other = mint_key("P-256", 4);
    EVP_PKEY *weak = mint_key("RSA-1024", 0);
    EVP_PKEY *odd = mint_key("secp256k1", 0);
    X509 *self = mint_certificate(own, "root", NULL, own, true, 3600);
    X509 *forged = mint_certificate(own, "leaf", rig.root, other, false, 3600);
    X509 *old = mint_certificate(own, "leaf", rig.root, mint_key("P-256", 0), false, -3600);
    X509 *end = mint_certificate(other, "end", rig.root, mint_key("P-256", 0), false, 3600);
    X509 *below_end = mint_certificate(own, "leaf", end, other, false, 3600);
    X509 *short_key = mint_certificate(weak, "leaf", rig.root, mint_key("P-256", 0), false, 3600);
    X509 *odd_key = mint_certificate(odd, "leaf", rig.root, mint_key("P-256", 0), false, 3600);
    auto_str many = STR_INIT(TOKEN_MAX);

    open_bundle();
    assert_string_equal(verdict(own, "ES256", x5c(self, NULL, NULL)), INVALID);
    assert_string_equal(verdict(own, "ES256", x5c(self, rig.root, NULL)), INVALID);
    assert_string_equal(verdict(own, "ES256", x5c(forged, rig.root, NULL)), INVALID);
    assert_string_equal(verdict(own, "ES256", x5c(old, NULL, NULL)), INVALID);
    assert_string_equal(verdict(own, "ES256", x5c(below_end, end, NULL)), INVALID);
    assert_string_equal(verdict(weak, "RS256", x5c(short_key, NULL, NULL)), INVALID);
    assert_string_equal(verdict(odd, "ES256", x5c(odd_key, NULL, NULL)), INVALID);
    assert_string_equal(verdict(own, "ES256", "\"x5c\":[\"AAAA\"]"), INVALID);
    assert_string_equal(verdict(own, "ES256", "\"x5c\":[\"\"]"), INVALID);

    str_append_text(&many, "\"x5c\":[");
    for (int i = 0; i < 11; i++) {
        if (i > 0)
            str_append_char(&many, ',');
        mint_append_x5c(&many, rig.root);
    }
    str_append_char(&many, ']');
    assert_string_equal(verdict(mint_key("P-256", 0), "ES256", str_text(&many)), INVALID);
    X509_free(self);
    X509_free(forged);
    X509_free(old);
    X509_free(end);
    X509_free(below_end);
    X509_free(short_key);
    X509_free(odd_key);
}

/* "jwk":{<key><more>}. Static. */
static const char *jwk(EVP_PKEY *key, const char *more)
{
    static char out[16384];
    auto_str text = STR_INIT(sizeof(out) - 1);

    mint_append_jwk(&text, key);
    snprintf(out, sizeof(out), "\"jwk\":{%s%s}", str_text(&text), more);
    return out;
}

TOKEN_TEST(a_jwk_names_a_key_that_is_trusted)
{
    EVP_PKEY *ec = mint_key("P-256", 0);
    EVP_PKEY *rsa = mint_key("RSA", 0);
    EVP_PKEY *own = mint_key("P-256", 3);
    char kid[128];

    open_bundle();
    assert_string_equal(verdict(ec, "ES256", jwk(ec, "")), GRANTED);
    assert_string_equal(verdict(rsa, "RS256", jwk(rsa, "")), GRANTED);
    snprintf(kid, sizeof(kid), ",%s", kid_of(ec, false));
    assert_string_equal(verdict(ec, "ES256", jwk(ec, kid)), GRANTED);
    assert_string_equal(verdict(rsa, "RS256", jwk(rsa, kid)), INVALID);
    snprintf(kid, sizeof(kid), ",%s", kid_of(ec, true));
    assert_string_equal(verdict(ec, "ES256", jwk(ec, kid)), GRANTED);
    assert_string_equal(verdict(own, "ES256", jwk(own, "")), INVALID);
    assert_string_equal(verdict(own, "ES256", jwk(own, kid)), INVALID);
    assert_string_equal(verdict(own, "ES256", jwk(ec, "")), INVALID);
    assert_string_equal(verdict(ec, "ES256", "\"jwk\":\"text\""), INVALID);
    assert_string_equal(verdict(ec, "ES256", "\"jwk\":{}"), INVALID);
    assert_string_equal(verdict(ec, "ES256", "\"jwk\":{\"kty\":\"oct\",\"k\":\"AAAA\"}"), INVALID);
}

TOKEN_TEST(a_jwk_with_a_chain_is_the_key_of_its_leaf)
{
    EVP_PKEY *key = mint_key("P-256", 5);
    EVP_PKEY *own = mint_key("P-256", 3);
    X509 *leaf = mint_certificate(key, "leaf", rig.root, mint_key("P-256", 0), false, 3600);
    char chain[8192];

    open_bundle();
    snprintf(chain, sizeof(chain), ",%s", x5c(leaf, NULL, NULL));
    assert_string_equal(verdict(key, "ES256", jwk(key, chain)), GRANTED);
    assert_string_equal(verdict(own, "ES256", jwk(own, chain)), INVALID);
    assert_string_equal(verdict(key, "ES256", jwk(own, chain)), INVALID);
    snprintf(chain, sizeof(chain), ",\"kid\":\"other\",%s", x5c(leaf, NULL, NULL));
    assert_string_equal(verdict(key, "ES256", jwk(key, chain)), INVALID);
    X509_free(leaf);
}

TOKEN_TEST(a_chain_counts_before_a_jwk_and_that_before_a_key_id)
{
    EVP_PKEY *ec = mint_key("P-256", 0);
    EVP_PKEY *own = mint_key("P-256", 3);
    X509 *self = mint_certificate(own, "self", NULL, own, true, 3600);
    auto_str both = STR_INIT(TOKEN_MAX);

    open_bundle();
    str_append_format(&both, "%s,", kid_of(ec, false));
    str_append_text(&both, x5c(self, NULL, NULL));
    assert_string_equal(verdict(ec, "ES256", str_text(&both)), INVALID);
    str_reset(&both);
    str_append_format(&both, "%s,", kid_of(ec, false));
    str_append_text(&both, jwk(own, ""));
    assert_string_equal(verdict(ec, "ES256", str_text(&both)), INVALID);
    X509_free(self);
}

TOKEN_TEST(a_short_rsa_key_of_the_operator_is_taken)
{
    EVP_PKEY *weak = mint_key("RSA-1024", 0);
    X509 *root = mint_certificate(weak, "weak", NULL, weak, true, 3600);
    auto_str pem = STR_INIT(8192);

    mint_append_pem(&pem, root);
    put_file(rig.bundle, str_span(&pem));
    open_bundle();
    assert_string_equal(verdict(weak, "RS256", kid_of(weak, false)), GRANTED);
    X509_free(root);
}

/* ---- remembering ---- */

TOKEN_TEST(a_token_is_verified_once_and_its_claims_each_time)
{
    EVP_PKEY *key = mint_key("P-256", 0);
    auto_free char *token = token_of(key, "ES256", kid_of(key, false));

    open_bundle();
    assert_string_equal(ask(token, "a/b", "pull"), GRANTED);
    assert_string_equal(ask(token, NULL, NULL), GRANTED);
    assert_string_equal(ask(token, "a/b", "push"), "error=\"insufficient_scope\"");
    assert_int_equal(atomic_load(&verified_count), 1);
    now_s += 360;
    assert_string_equal(ask(token, "a/b", "pull"), GRANTED);
    now_s += 1;
    assert_string_equal(ask(token, "a/b", "pull"), INVALID);
    now_s -= 361;
    assert_string_equal(ask(token, "a/b", "pull"), GRANTED);
    assert_int_equal(atomic_load(&verified_count), 2);
}

TOKEN_TEST(junk_never_gets_as_far_as_its_signature)
{
    EVP_PKEY *key = mint_key("P-256", 0);
    static const char *const claims[] = {
        "{}",
        "{\"iss\":\"other\",\"aud\":\"service\",\"exp\":9999999999}",
        "{\"iss\":\"issuer\",\"aud\":\"other\",\"exp\":9999999999}",
        "{\"iss\":\"issuer\",\"aud\":\"service\",\"exp\":1}",
        "{\"iss\":\"issuer\",\"aud\":\"service\",\"exp\":9999999999,\"nbf\":9999999998}",
    };

    open_bundle();
    for (size_t i = 0; i < array_count(claims); i++) {
        auto_str token = STR_INIT(TOKEN_MAX);
        char header[256];

        snprintf(header, sizeof(header), "{\"alg\":\"ES256\",%s}", kid_of(key, false));
        mint_append_token(&token, key, "ES256", header, claims[i]);
        assert_string_equal(ask(str_text(&token), NULL, NULL), INVALID);
    }
    assert_string_equal(verdict(key, "ES256", "\"kid\":\"unknown\""), INVALID);
    assert_int_equal(atomic_load(&verified_count), 0);
}

TOKEN_TEST(a_bad_token_is_not_remembered)
{
    EVP_PKEY *key = mint_key("P-256", 0);
    auto_free char *token = token_of(mint_key("P-256", 1), "ES256", kid_of(key, false));

    open_bundle();
    assert_string_equal(ask(token, "a/b", "pull"), INVALID);
    assert_string_equal(ask(token, "a/b", "pull"), INVALID);
    assert_int_equal(atomic_load(&verified_count), 2);
}

TOKEN_TEST(a_token_is_trusted_no_longer_than_its_chain)
{
    EVP_PKEY *key = mint_key("P-256", 5);
    X509 *leaf = mint_certificate(key, "leaf", rig.root, mint_key("P-256", 0), false, 100);
    auto_free char *token = token_of(key, "ES256", x5c(leaf, NULL, NULL));

    open_bundle();
    assert_string_equal(ask(token, "a/b", "pull"), GRANTED);
    now_s += 90;
    assert_string_equal(ask(token, "a/b", "pull"), GRANTED);
    now_s += 20;
    assert_string_equal(ask(token, "a/b", "pull"), INVALID);
    X509_free(leaf);
}

struct asker {
    const char *token;
    const char *wanted;
    const char *or_wanted;
    bool is_done;
};

static void ask_main(void *arg)
{
    struct asker *asker = arg;

    const char *answer = ask(asker->token, "a/b", "pull");

    if (strcmp(answer, asker->wanted) != 0 && strcmp(answer, asker->or_wanted) != 0)
        fail_msg("%s", answer);
    asker->is_done = true;
}

TOKEN_TEST(requests_at_once_share_what_one_has_verified)
{
    EVP_PKEY *key = mint_key("P-256", 0);
    auto_free char *token = token_of(key, "ES256", kid_of(key, false));
    struct asker askers[20];
    struct error err = ERROR_INIT;

    open_bundle();
    for (size_t i = 0; i < array_count(askers); i++) {
        askers[i] = (struct asker){.token = token, .wanted = GRANTED, .or_wanted = ""};
        task_spawn("asker", ask_main, &askers[i]);
    }
    for (size_t i = 0; i < array_count(askers); i++) {
        while (!askers[i].is_done)
            assert_int_equal(task_sleep(1, &err), 0);
    }
    assert_true(atomic_load(&verified_count) <= 2);
}

TOKEN_TEST(requests_that_are_canceled_leave_the_way_free)
{
    EVP_PKEY *key = mint_key("P-256", 0);
    auto_free char *good = token_of(key, "ES256", kid_of(key, false));
    auto_free char *bad = token_of(mint_key("P-256", 1), "ES256", kid_of(key, false));
    struct asker askers[12];
    struct task *tasks[12];
    struct error err = ERROR_INIT;

    open_bundle();
    for (size_t i = 0; i < array_count(askers); i++) {
        askers[i] = (struct asker){
            .token = bad, .wanted = INVALID, .or_wanted = i < 2 ? "" : "refused: CANCELED"};
        tasks[i] = task_spawn("asker", ask_main, &askers[i]);
    }
    assert_int_equal(task_sleep(0, &err), 0);
    for (size_t i = 2; i < array_count(askers); i++) {
        if (!askers[i].is_done)
            task_cancel(tasks[i]);
    }
    for (size_t i = 0; i < array_count(askers); i++) {
        while (!askers[i].is_done)
            assert_int_equal(task_sleep(1, &err), 0);
    }
    assert_string_equal(ask(good, "a/b", "pull"), GRANTED);
}

/* ---- new keys ---- */

static void put_root(const char *type, int number)
{
    EVP_PKEY *key = mint_key(type, number);
    X509 *root = mint_certificate(key, "new", NULL, key, true, 3600);
    auto_str pem = STR_INIT(8192);

    mint_append_pem(&pem, root);
    put_file(rig.bundle, str_span(&pem));
    X509_free(root);
}

TOKEN_TEST(reload_takes_the_files_as_they_are_now)
{
    EVP_PKEY *old = mint_key("P-256", 0);
    EVP_PKEY *new = mint_key("P-256", 6);
    auto_free char *before = token_of(old, "ES256", kid_of(old, false));
    auto_free char *after = token_of(new, "ES256", kid_of(new, false));
    struct error err = ERROR_INIT;

    open_bundle();
    assert_string_equal(ask(before, "a/b", "pull"), GRANTED);
    put_root("P-256", 6);
    assert_int_equal(token_controller.reload(rig.control, &err), 0);
    assert_string_equal(ask(before, "a/b", "pull"), INVALID);
    assert_string_equal(ask(after, "a/b", "pull"), GRANTED);
}

TOKEN_TEST(reload_keeps_the_keys_when_a_file_is_bad)
{
    EVP_PKEY *key = mint_key("P-256", 0);
    auto_free char *token = token_of(key, "ES256", kid_of(key, false));
    struct error err = ERROR_INIT;

    open_bundle();
    put_file(rig.bundle, SPAN("nothing\n"));
    assert_int_equal(token_controller.reload(rig.control, &err), -1);
    assert_string_equal(err.message,
                        "token auth requires at least one token signing root certificate");
    assert_string_equal(ask(token, "a/b", "pull"), GRANTED);
    assert_int_equal(unlink(rig.bundle), 0);
    err = ERROR_INIT;
    assert_int_equal(token_controller.reload(rig.control, &err), -1);
    assert_string_equal(ask(token, "a/b", "pull"), GRANTED);
    put_root("P-256", 0);
}

/* Asks until it is so; a look at the files is due within 100 ms. */
static void ask_until(const char *token, const char *wanted)
{
    struct error err = ERROR_INIT;

    for (int i = 0; strcmp(ask(token, "a/b", "pull"), wanted) != 0; i++) {
        assert_true(i < 500);
        assert_int_equal(task_sleep(10, &err), 0);
    }
}

TOKEN_TEST(a_new_file_is_found_when_its_key_is_asked_for)
{
    EVP_PKEY *new = mint_key("P-256", 6);
    auto_free char *token = token_of(new, "ES256", kid_of(new, false));

    open_bundle();
    assert_string_equal(ask(token, "a/b", "pull"), INVALID);
    put_root("P-256", 6);
    ask_until(token, GRANTED);
}

TOKEN_TEST(a_key_that_is_taken_away_stops_working)
{
    EVP_PKEY *old = mint_key("P-256", 0);
    auto_free char *token = token_of(old, "ES256", kid_of(old, false));

    open_bundle();
    assert_string_equal(ask(token, "a/b", "pull"), GRANTED);
    put_root("P-256", 6);
    ask_until(token, INVALID);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(open_wants_its_options_in_upstreams_order),
        TEST(open_tells_what_is_wrong_with_its_files),
        TEST(signingalgorithms_are_the_only_ones),
        TEST(who_shows_no_token_is_sent_to_the_realm),
        TEST(a_refused_token_is_told_apart_from_one_that_grants_too_little),
        TEST(autoredirect_sends_clients_to_the_host_they_asked),
        TEST(every_algorithm_is_taken_with_its_key_and_no_other),
        TEST(the_header_does_not_choose_how_a_key_is_used),
        TEST(both_ids_of_a_certificates_key_count),
        TEST(a_signature_is_all_of_it),
        TEST(a_chain_to_the_bundle_is_taken),
        TEST(an_intermediate_in_the_bundle_is_an_anchor),
        TEST(a_chain_that_does_not_hold_is_refused),
        TEST(a_jwk_names_a_key_that_is_trusted),
        TEST(a_jwk_with_a_chain_is_the_key_of_its_leaf),
        TEST(a_chain_counts_before_a_jwk_and_that_before_a_key_id),
        TEST(a_short_rsa_key_of_the_operator_is_taken),
        TEST(a_token_is_verified_once_and_its_claims_each_time),
        TEST(junk_never_gets_as_far_as_its_signature),
        TEST(a_bad_token_is_not_remembered),
        TEST(a_token_is_trusted_no_longer_than_its_chain),
        TEST(requests_at_once_share_what_one_has_verified),
        TEST(requests_that_are_canceled_leave_the_way_free),
        TEST(reload_takes_the_files_as_they_are_now),
        TEST(reload_keeps_the_keys_when_a_file_is_bad),
        TEST(a_new_file_is_found_when_its_key_is_asked_for),
        TEST(a_key_that_is_taken_away_stops_working),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
