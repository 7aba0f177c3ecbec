/* SPDX-License-Identifier: Apache-2.0
 *
 * token - the controller for tokens of a token service (README.md in this folder): options, and the
 * answer. Whether a token is good is the verifier's to say.
 */
#include "auth/auth.h"
#include "auth/token/signature.h"
#include "auth/token/verifier.h"
#include "lib/auth/scope.h"
#include "lib/base/log.h"
#include "lib/base/memory.h"
#include "lib/config/config.h"

#include <string.h>

#include "lib/base/banned.h"

#define REDIRECT_PATH "/auth/token"
#define REALM_MAX     (128 << 10)

struct control {
    struct access_control base;
    char *realm;
    char *service;
    char *redirect_path; /* NULL: the realm is the one above */
    struct verifier *verifier;
};

static struct control *control_of(struct access_control *base)
{
    return (struct control *)base;
}

/* ---- options ---- */

static int check_options(const struct config *config, struct error *err)
{
    const struct {
        const char *name;
        const char *value;
    } needed[] = {
        {"realm", config->auth.token.realm},
        {"issuer", config->auth.token.issuer},
        {"service", config->auth.token.service},
    };

    for (size_t i = 0; i < array_count(needed); i++) {
        if (needed[i].value[0] == '\0')
            return error_set(err, ERROR_INVALID,
                             "token auth requires a valid option string: \"%s\"", needed[i].name);
    }
    if (config->auth.token.root_cert_bundle[0] == '\0' && config->auth.token.jwks[0] == '\0')
        return error_set(err, ERROR_INVALID, "token auth requires at least one token signing key");
    return 0;
}

static int read_algorithms(const struct config_texts *names, uint32_t *out, struct error *err)
{
    uint32_t set = 0;

    for (size_t i = 0; i < names->count; i++) {
        const struct signature_algorithm *algorithm = signature_find(names->items[i]);

        if (algorithm == NULL)
            return error_set(err, ERROR_INVALID, "unsupported signing algorithm: %s",
                             names->items[i]);
        set |= signature_bit(algorithm);
    }
    *out = names->count > 0 ? set : SIGNATURE_ALL;
    return 0;
}

/* Given; NULL when clients are not to be sent to this very host. */
static char *redirect_path_of(const struct config *config)
{
    const char *path = config->auth.token.auto_redirect_path;
    auto_str out = STR_INIT(strlen(path) + sizeof(REDIRECT_PATH));

    if (!config->auth.token.is_auto_redirect)
        return NULL;
    if (path[0] != '/' && path[0] != '\0')
        str_append_char(&out, '/');
    str_append_text(&out, path[0] != '\0' ? path : REDIRECT_PATH);
    return str_take(&out);
}

/* ---- life ---- */

static void token_close(struct access_control *base)
{
    struct control *control = control_of(base);

    verifier_close(control->verifier);
    free(control->realm);
    free(control->service);
    free(control->redirect_path);
    free(control);
}

static int token_open(const struct config *config, struct span secret, struct access_control **out,
                      struct error *err)
{
    struct verifier_options options = {
        .issuer = config->auth.token.issuer,
        .service = config->auth.token.service,
        .bundle = config->auth.token.root_cert_bundle,
        .jwks = config->auth.token.jwks,
    };
    struct verifier *verifier = NULL;
    struct control *control;

    (void)secret;
    if (check_options(config, err) < 0 ||
        read_algorithms(&config->auth.token.signing_algorithms, &options.algorithms, err) < 0 ||
        verifier_open(&options, &verifier, err) < 0)
        return -1;
    control = xcalloc(1, sizeof(*control));
    control->base.controller = &token_controller;
    control->verifier = verifier;
    control->realm = xstrdup(config->auth.token.realm);
    control->service = xstrdup(config->auth.token.service);
    control->redirect_path = redirect_path_of(config);
    *out = &control->base;
    return 0;
}

static int token_reload(struct access_control *base, struct error *err)
{
    return verifier_reload(control_of(base)->verifier, err);
}

/* ---- answers ---- */

/* The proxy in front may say that clients come by plain HTTP; nothing else is believed. */
static const char *scheme_of(const struct access_request *request)
{
    return span_equals_nocase(request->forwarded_proto, SPAN("http")) ? "http" : "https";
}

static void append_realm(const struct control *control, const struct access_request *request,
                         struct str *out)
{
    if (control->redirect_path == NULL || request->host.len == 0) {
        str_append_text(out, control->realm);
        return;
    }
    str_append_format(out, "%s://", scheme_of(request));
    str_append(out, request->host);
    str_append_text(out, control->redirect_path);
}

/* @error: upstream's word for the client, "" for none. @reason: its words for the log. */
static void challenge(const struct control *control, const struct access_request *request,
                      const char *error, const char *reason, struct access_answer *answer)
{
    auto_str realm = STR_INIT(REALM_MAX);
    auto_str scope = STR_INIT(ACCESS_CHALLENGE_MAX);
    struct scope_challenge challenge = {.service = span_of(control->service),
                                        .error = span_of(error)};

    append_realm(control, request, &realm);
    scope_append_merged(&scope, request);
    challenge.realm = str_span(&realm);
    challenge.scope = str_span(&scope);
    answer->verdict = ACCESS_CHALLENGED;
    scope_append_challenge(&answer->challenge, &challenge);
    str_append_text(&answer->reason, reason);
}

static void decide(const struct control *control, const struct access_request *request,
                   const struct claims *claims, struct access_answer *answer)
{
    str_append_text(&answer->user, claims->subject);
    if (claims_allow(claims, request))
        answer->verdict = ACCESS_GRANTED;
    else
        challenge(control, request, "insufficient_scope", "insufficient scope", answer);
}

static int token_check(struct access_control *base, const struct access_request *request,
                       struct access_answer *answer, struct error *err)
{
    struct control *control = control_of(base);
    const struct claims *claims = NULL;
    struct error why = ERROR_INIT;
    struct span token;

    if (!access_bearer(request->authorization, &token)) {
        challenge(control, request, "", "authorization token required", answer);
        return 0;
    }
    if (verifier_claims(control->verifier, token, &claims, &why) == 0) {
        decide(control, request, claims, answer);
        return 0;
    }
    if (why.code != ERROR_INVALID) {
        *err = why;
        return -1;
    }
    log_info("%s", why.message);
    challenge(control, request, "invalid_token", "invalid token", answer);
    return 0;
}

const struct access_controller token_controller = {
    .name = "token",
    .open = token_open,
    .close = token_close,
    .check = token_check,
    .reload = token_reload,
};
