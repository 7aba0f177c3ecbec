/* SPDX-License-Identifier: Apache-2.0
 *
 * challenge - see challenge.h.
 */
#include "auth/htpasswd/challenge.h"

#include "lib/auth/scope.h"

#include "lib/base/banned.h"

#define URL_MAX (512 << 10)

static void explain(const char *realm, const char *why, struct access_answer *answer)
{
    answer->verdict = ACCESS_CHALLENGED;
    str_append_text(&answer->reason, "basic authentication challenge for realm ");
    access_append_quoted(&answer->reason, span_of(realm));
    str_append_format(&answer->reason, ": %s", why);
}

void challenge_basic(const char *realm, const char *why, struct access_answer *answer)
{
    str_append_text(&answer->challenge, "Basic realm=");
    access_append_quoted(&answer->challenge, span_of(realm));
    explain(realm, why, answer);
}

void challenge_bearer(const char *realm, const struct access_request *request, const char *why,
                      const char *error, struct access_answer *answer)
{
    auto_str url = STR_INIT(URL_MAX);
    auto_str scope = STR_INIT(ACCESS_CHALLENGE_MAX);

    str_append_text(&url, request->base_url);
    str_append_text(&url, "auth/token");
    scope_append_merged(&scope, request);
    scope_append_challenge(&answer->challenge, &(struct scope_challenge){
                                                   .realm = str_span(&url),
                                                   .service = span_of(realm),
                                                   .scope = str_span(&scope),
                                                   .error = span_of(error),
                                               });
    explain(realm, why, answer);
}
