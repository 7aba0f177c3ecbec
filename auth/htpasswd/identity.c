/* SPDX-License-Identifier: Apache-2.0
 *
 * identity - see identity.h.
 */
#include "auth/htpasswd/identity.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/query.h"

#include <string.h>

#include "lib/base/banned.h"

void identity_credentials_fini(struct identity_credentials *credentials)
{
    if (credentials->password.data != NULL)
        explicit_bzero(credentials->password.data, credentials->password.len);
    str_fini(&credentials->user);
    str_fini(&credentials->password);
}

bool identity_read_header(const struct access_request *request, struct identity_credentials *out)
{
    return access_basic(request->authorization, &out->user, &out->password);
}

bool identity_read_form(struct span form, struct identity_credentials *out)
{
    auto_str grant = STR_INIT(64);

    return query_get(form, "grant_type", &grant) && span_is(str_span(&grant), "password") &&
           query_get(form, "username", &out->user) && query_get(form, "password", &out->password) &&
           memchr(str_text(&out->user), '\0', out->user.len) == NULL &&
           memchr(str_text(&out->password), '\0', out->password.len) == NULL;
}

static void slow(const char *peer, int retry_after_s, struct access_answer *answer)
{
    answer->verdict = ACCESS_SLOWED;
    answer->retry_after_s = retry_after_s;
    str_append_format(&answer->reason, "too many logins from %s: again in %d s", peer,
                      retry_after_s);
}

static void log_failure(struct span user)
{
    auto_str quoted = STR_INIT(4 * IDENTITY_CREDENTIAL_MAX + 2);

    access_append_quoted(&quoted, user);
    log_error("error authenticating user %s: authentication failure", str_text(&quoted));
}

int identity_verify(const struct identity_sources *sources, const struct access_request *request,
                    const struct identity_credentials *credentials, struct password *out_entry,
                    struct access_answer *answer, enum identity *out, struct error *err)
{
    struct login login = {
        .address = request->peer,
        .user = str_span(&credentials->user),
        .password = str_span(&credentials->password),
        .entry = out_entry,
    };
    enum logins_verdict verdict = LOGINS_WRONG;
    int retry_after_s = 0;

    if (password_file_find(sources->file, login.user, out_entry, err) < 0 ||
        logins_verify(sources->logins, &login, &verdict, &retry_after_s, err) < 0)
        return -1;
    str_append(&answer->user, login.user);
    *out = IDENTITY_USER;
    if (verdict == LOGINS_RIGHT)
        return 0;
    str_reset(&answer->user);
    *out = verdict == LOGINS_SLOWED ? IDENTITY_SLOWED : IDENTITY_WRONG;
    if (verdict == LOGINS_SLOWED)
        slow(request->peer, retry_after_s, answer);
    else
        log_failure(login.user);
    return 0;
}

/* A token is good as long as the user's entry is what it was. May suspend. */
static int check_ticket(const struct identity_sources *sources, struct span token,
                        struct access_answer *answer, enum identity *out, struct error *err)
{
    struct ticket ticket;
    auto_password entry = PASSWORD_INIT;
    struct mac print;
    struct span user;

    *out = IDENTITY_BAD_TOKEN;
    if (ticket_open(&sources->key, token, clock_now().tv_sec, &ticket) != TICKET_FINE)
        return 0;
    user = span_of(ticket.user);
    *out = IDENTITY_ANONYMOUS;
    if (user.len == 0)
        return 0;
    *out = IDENTITY_BAD_TOKEN;
    if (password_file_find(sources->file, user, &entry, err) < 0)
        return -1;
    print = ticket_print(&sources->key, user, str_span(&entry.entry));
    if (!entry.is_known || !is_mac(&print, mac_span(&ticket.print)))
        return 0;
    str_append(&answer->user, user);
    *out = IDENTITY_USER;
    return 0;
}

int identity_find(const struct identity_sources *sources, const struct access_request *request,
                  struct access_answer *answer, enum identity *out, struct error *err)
{
    auto_identity_credentials credentials = IDENTITY_CREDENTIALS_INIT;
    auto_password entry = PASSWORD_INIT;
    struct span token;

    if (identity_read_header(request, &credentials))
        return identity_verify(sources, request, &credentials, &entry, answer, out, err);
    if (sources->is_token_taken && access_bearer(request->authorization, &token))
        return check_ticket(sources, token, answer, out, err);
    *out = request->authorization.len == 0 ? IDENTITY_NOBODY : IDENTITY_INVALID;
    return 0;
}
