/* SPDX-License-Identifier: Apache-2.0
 *
 * access - see access.h.
 */
#include "lib/auth/access.h"

#include "lib/base/encode.h"
#include "lib/base/log.h"

#include <assert.h>
#include <string.h>

#include "lib/base/banned.h"

void access_answer_init(struct access_answer *answer)
{
    *answer = (struct access_answer){
        .verdict = ACCESS_GRANTED,
        .challenge = STR_INIT(ACCESS_CHALLENGE_MAX),
        .reason = STR_INIT(ACCESS_REASON_MAX),
        .user = STR_INIT(ACCESS_USER_MAX),
    };
}

void access_answer_fini(struct access_answer *answer)
{
    str_fini(&answer->challenge);
    str_fini(&answer->reason);
    str_fini(&answer->user);
}

void access_request_add(struct access_request *request, const char *type, const char *name,
                        const char *action)
{
    assert(request->record_count < ACCESS_RECORDS_MAX);
    request->records[request->record_count++] = (struct access_record){type, name, action};
}

void access_append_quoted(struct str *out, struct span value)
{
    str_append_char(out, '"');
    log_append_escaped(out, value);
    str_append_char(out, '"');
}

/* What follows the scheme and one blank. */
static bool cut_scheme(struct span authorization, struct span scheme, struct span *out_rest)
{
    struct span rest = authorization;
    struct span first = span_cut(&rest, ' ');

    if (rest.data == NULL || !span_equals_nocase(first, scheme))
        return false;
    *out_rest = rest;
    return true;
}

bool access_basic(struct span authorization, struct str *out_user, struct str *out_password)
{
    struct span encoded;
    struct span password;
    struct span user;
    auto_str decoded = STR_INIT(authorization.len + 3);

    if (!cut_scheme(authorization, SPAN("Basic"), &encoded) || !decode_base64(&decoded, encoded))
        return false;
    password = str_span(&decoded);
    user = span_cut(&password, ':');
    if (password.data == NULL || memchr(decoded.data, '\0', decoded.len) != NULL)
        return false;
    str_append(out_user, user);
    str_append(out_password, password);
    return !str_overflowed(out_user) && !str_overflowed(out_password);
}

bool access_bearer(struct span authorization, struct span *out_token)
{
    struct span token;

    if (!cut_scheme(authorization, SPAN("Bearer"), &token))
        return false;
    if (token.len > 0 && memchr(token.data, ' ', token.len) != NULL)
        return false;
    *out_token = token;
    return true;
}
