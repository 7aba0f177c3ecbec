/* SPDX-License-Identifier: Apache-2.0
 *
 * silly - any Authorization header will do. For tests of clients, as upstream's controller of this
 * name: it tells what would be asked for and looks at nothing.
 */
#include "auth/auth.h"
#include "lib/auth/scope.h"
#include "lib/base/cleanup.h"
#include "lib/base/memory.h"
#include "lib/config/config.h"

#include <stdlib.h>

#include "lib/base/banned.h"

#define USER "silly"

struct silly {
    struct access_control control;
    char *realm;   /* owned */
    char *service; /* owned */
};

static int missing(const char *option, struct error *err)
{
    return error_set(err, ERROR_INVALID, "\"%s\" must be set for silly access controller", option);
}

static int silly_open(const struct config *config, struct span secret, struct access_control **out,
                      struct error *err)
{
    struct silly *silly;

    (void)secret;
    if (config->auth.silly.realm[0] == '\0')
        return missing("realm", err);
    if (config->auth.silly.service[0] == '\0')
        return missing("service", err);
    silly = xmalloc(sizeof(*silly));
    silly->control.controller = &silly_controller;
    silly->realm = xstrdup(config->auth.silly.realm);
    silly->service = xstrdup(config->auth.silly.service);
    *out = &silly->control;
    return 0;
}

static void silly_close(struct access_control *control)
{
    struct silly *silly = (struct silly *)control;

    free(silly->realm);
    free(silly->service);
    free(silly);
}

static void append_field(struct str *out, const char *name, struct span value)
{
    str_append_text(out, name);
    access_append_quoted(out, value);
}

/* Upstream prints the challenge as a value of its language. */
static void explain(struct str *out, const struct scope_challenge *challenge)
{
    append_field(out, "silly authentication challenge: silly.challenge{realm:", challenge->realm);
    append_field(out, ", service:", challenge->service);
    append_field(out, ", scope:", challenge->scope);
    str_append_char(out, '}');
}

static int silly_check(struct access_control *control, const struct access_request *request,
                       struct access_answer *answer, struct error *err)
{
    const struct silly *silly = (const struct silly *)control;
    auto_str scope = STR_INIT(ACCESS_CHALLENGE_MAX);
    struct scope_challenge challenge;

    (void)err;
    if (request->authorization.len > 0) {
        answer->verdict = ACCESS_GRANTED;
        str_append_text(&answer->user, USER);
        return 0;
    }
    scope_append(&scope, request);
    challenge = (struct scope_challenge){
        .realm = span_of(silly->realm),
        .service = span_of(silly->service),
        .scope = str_span(&scope),
    };
    answer->verdict = ACCESS_CHALLENGED;
    scope_append_challenge(&answer->challenge, &challenge);
    explain(&answer->reason, &challenge);
    return 0;
}

const struct access_controller silly_controller = {
    .name = "silly",
    .open = silly_open,
    .close = silly_close,
    .check = silly_check,
};
