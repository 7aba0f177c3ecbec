/* SPDX-License-Identifier: Apache-2.0
 *
 * htpasswd - the controller: a file of users and bcrypt passwords. All users may do everything;
 * with an access file, what its rules allow, and the registry gives tokens itself.
 *
 *     Authorization --who--> user | anonymous | nobody
 *     user, records --rules--> granted | denied
 *
 * README.md tells which file does what. Source: upstream's controller, for options, challenge and
 * the words of the log.
 */
#include "auth/auth.h"
#include "auth/htpasswd/challenge.h"
#include "auth/htpasswd/identity.h"
#include "auth/htpasswd/password_provide.h"
#include "auth/htpasswd/rules.h"
#include "auth/htpasswd/rules_file.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/memory.h"
#include "lib/config/config.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/banned.h"

struct htpasswd {
    struct access_control control;
    char *realm;                     /* owned */
    struct identity_sources sources; /* owned */
    struct rules_file *rules;        /* owned; NULL: users may do everything, there are no tokens */
};

/* ---- its life ---- */

static int missing(const char *option, struct error *err)
{
    return error_set(err, ERROR_INVALID, "\"%s\" must be set for htpasswd access controller",
                     option);
}

static void htpasswd_close(struct access_control *control)
{
    struct htpasswd *htpasswd = (struct htpasswd *)control;

    rules_file_close(htpasswd->rules);
    logins_free(htpasswd->sources.logins);
    password_file_free(htpasswd->sources.file);
    explicit_bzero(&htpasswd->sources.key, sizeof(htpasswd->sources.key));
    free(htpasswd->realm);
    free(htpasswd);
}

static void warn_of_unknown_users(const struct htpasswd *htpasswd)
{
    const struct rules *rules = rules_file_rules(htpasswd->rules);
    const char *user;

    for (size_t i = 0; (user = rules_user(rules, i)) != NULL; i++) {
        auto_str quoted = STR_INIT(RULES_LINE_MAX * 4);

        if (!password_file_lacks(htpasswd->sources.file, span_of(user)))
            continue;
        access_append_quoted(&quoted, span_of(user));
        log_warn("the access rules name %s, who is not in the password file", str_text(&quoted));
    }
}

static int open_rules(struct htpasswd *htpasswd, const char *path, struct error *err)
{
    struct error ignored = ERROR_INIT;

    if (path[0] == '\0')
        return 0;
    if (rules_file_open(path, &htpasswd->rules, err) < 0)
        return -1;
    htpasswd->sources.is_token_taken = true;
    /* A password file that cannot be read says so when somebody logs in. */
    if (password_file_reload(htpasswd->sources.file, &ignored) == 0)
        warn_of_unknown_users(htpasswd);
    return 0;
}

/* Half of the processors: the others are for those whose password is known. */
static size_t at_once(void)
{
    long half = sysconf(_SC_NPROCESSORS_ONLN) / 2;

    return half < 1 ? 1 : half > LOGINS_AT_ONCE ? LOGINS_AT_ONCE : (size_t)half;
}

static int htpasswd_open(const struct config *config, struct span secret,
                         struct access_control **out, struct error *err)
{
    struct htpasswd *htpasswd;

    if (config->auth.htpasswd.realm[0] == '\0')
        return missing("realm", err);
    if (config->auth.htpasswd.path[0] == '\0')
        return missing("path", err);
    if (password_provide(config->auth.htpasswd.path, err) < 0)
        return -1;
    htpasswd = xcalloc(1, sizeof(*htpasswd));
    htpasswd->control.controller = &htpasswd_controller;
    htpasswd->realm = xstrdup(config->auth.htpasswd.realm);
    htpasswd->sources.file = password_file_new(config->auth.htpasswd.path);
    htpasswd->sources.logins = logins_new(at_once());
    ticket_key_init(&htpasswd->sources.key, secret);
    if (open_rules(htpasswd, config->auth.htpasswd.access, err) < 0) {
        htpasswd_close(&htpasswd->control);
        return -1;
    }
    *out = &htpasswd->control;
    return 0;
}

static int htpasswd_reload(struct access_control *control, struct error *err)
{
    struct htpasswd *htpasswd = (struct htpasswd *)control;
    struct error bad = ERROR_INIT;
    int rc = password_file_reload(htpasswd->sources.file, err);

    if (htpasswd->rules == NULL)
        return rc;
    if (rules_file_reload(htpasswd->rules, &bad) == 0) {
        warn_of_unknown_users(htpasswd);
        return rc;
    }
    if (rc < 0)
        return error_wrap(err, "%s; and", bad.message);
    *err = bad;
    return -1;
}

/* With rules, sends the client to the token endpoint. @error: NULL or of RFC 6750. */
static void challenge(const struct htpasswd *htpasswd, const struct access_request *request,
                      const char *why, const char *error, struct access_answer *answer)
{
    if (htpasswd->rules == NULL)
        challenge_basic(htpasswd->realm, why, answer);
    else
        challenge_bearer(htpasswd->realm, request, why, error, answer);
}

/* ---- may it? ---- */

static bool is_allowed(const struct htpasswd *htpasswd, const char *user,
                       const struct access_request *request)
{
    if (htpasswd->rules == NULL)
        return user != NULL;
    for (size_t i = 0; i < request->record_count; i++) {
        if (!rules_allow(rules_file_rules(htpasswd->rules), user, &request->records[i]))
            return false;
    }
    return true;
}

static void deny(struct access_answer *answer)
{
    answer->verdict = ACCESS_DENIED;
    str_append_text(&answer->reason, "the access rules do not allow it to user ");
    access_append_quoted(&answer->reason, str_span(&answer->user));
}

static void decide(const struct htpasswd *htpasswd, const struct access_request *request,
                   enum identity who, struct access_answer *answer)
{
    static const char none[] = "invalid authorization credential";

    switch (who) {
    case IDENTITY_USER:
        if (!is_allowed(htpasswd, str_text(&answer->user), request))
            deny(answer);
        break;
    case IDENTITY_ANONYMOUS:
        if (!is_allowed(htpasswd, NULL, request))
            challenge(htpasswd, request, "not for everybody", "insufficient_scope", answer);
        break;
    case IDENTITY_NOBODY:
        /* Clients learn from the first answer how to log in, so that one is never granted. */
        if (request->record_count == 0 || !is_allowed(htpasswd, NULL, request))
            challenge(htpasswd, request, none, NULL, answer);
        break;
    case IDENTITY_INVALID:
        challenge(htpasswd, request, none, NULL, answer);
        break;
    case IDENTITY_WRONG:
        challenge(htpasswd, request, "authentication failure", NULL, answer);
        break;
    case IDENTITY_BAD_TOKEN:
        challenge(htpasswd, request, "the token does not hold", "invalid_token", answer);
        break;
    case IDENTITY_SLOWED:
        break;
    }
}

static int refresh_rules(struct htpasswd *htpasswd, struct error *err)
{
    int changed = htpasswd->rules != NULL ? rules_file_refresh(htpasswd->rules, err) : 0;

    if (changed > 0)
        warn_of_unknown_users(htpasswd);
    return changed < 0 ? -1 : 0;
}

static int htpasswd_check(struct access_control *control, const struct access_request *request,
                          struct access_answer *answer, struct error *err)
{
    struct htpasswd *htpasswd = (struct htpasswd *)control;
    enum identity who = IDENTITY_NOBODY;

    if (refresh_rules(htpasswd, err) < 0 ||
        identity_find(&htpasswd->sources, request, answer, &who, err) < 0)
        return -1;
    decide(htpasswd, request, who, answer);
    return 0;
}

/* ---- the token endpoint ---- */

static void give(const struct htpasswd *htpasswd, const struct password *entry,
                 struct access_answer *answer, struct str *out_json)
{
    struct span user = str_span(&answer->user);
    struct mac print;
    struct ticket ticket;

    print = ticket_print(&htpasswd->sources.key, user, str_span(&entry->entry));
    if (ticket_make(&ticket, user, user.len > 0 ? &print : NULL, clock_now().tv_sec))
        ticket_append_reply(&htpasswd->sources.key, &ticket, out_json);
    else
        challenge_basic(htpasswd->realm, "a name too long for a token", answer);
}

/* Who gives no credentials gets a token for nobody: so clients pull what is public. */
static int htpasswd_token(struct access_control *control, const struct access_request *request,
                          struct span query, struct span form, struct str *out_json,
                          struct access_answer *answer, struct error *err)
{
    struct htpasswd *htpasswd = (struct htpasswd *)control;
    const struct identity_sources *sources = &htpasswd->sources;
    auto_identity_credentials credentials = IDENTITY_CREDENTIALS_INIT;
    auto_password entry = PASSWORD_INIT;
    enum identity who = IDENTITY_ANONYMOUS;

    (void)query;
    if (htpasswd->rules == NULL || (form.len > 0 && !identity_read_form(form, &credentials)))
        return 0;
    if (form.len > 0 || identity_read_header(request, &credentials)) {
        if (identity_verify(sources, request, &credentials, &entry, answer, &who, err) < 0)
            return -1;
    } else if (request->authorization.len > 0) {
        who = IDENTITY_INVALID;
    }
    if (who == IDENTITY_USER || who == IDENTITY_ANONYMOUS)
        give(htpasswd, &entry, answer, out_json);
    else if (who == IDENTITY_WRONG)
        challenge_basic(htpasswd->realm, "authentication failure", answer);
    else if (who == IDENTITY_INVALID)
        challenge_basic(htpasswd->realm, "invalid authorization credential", answer);
    return 0;
}

const struct access_controller htpasswd_controller = {
    .name = "htpasswd",
    .open = htpasswd_open,
    .close = htpasswd_close,
    .check = htpasswd_check,
    .reload = htpasswd_reload,
    .token = htpasswd_token,
};
