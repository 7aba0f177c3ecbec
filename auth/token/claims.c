/* SPDX-License-Identifier: Apache-2.0
 *
 * claims - see claims.h. All texts are copied into one piece of memory as long as the JSON text:
 * the quotes around each string there pay for its NUL here.
 */
#include "auth/token/claims.h"

#include "auth/token/object.h"
#include "lib/base/clock.h"
#include "lib/base/memory.h"

#include <assert.h>
#include <string.h>

#include "lib/base/banned.h"

/* ---- parsing ---- */

struct parse {
    struct claims *claims;
    const cJSON *json;
    size_t room; /* bytes of claims->texts */
    size_t used;
};

static const char *keep(struct parse *parse, const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = parse->claims->texts + parse->used;

    assert(parse->used + size <= parse->room);
    memcpy(copy, text, size);
    parse->used += size;
    return copy;
}

static size_t list_len(const cJSON *list)
{
    return list != NULL ? (size_t)cJSON_GetArraySize(list) : 0;
}

/* A string, or a list of them (RFC 7519 section 4.1.3). */
static int parse_audiences(struct parse *parse, struct error *err)
{
    struct claims *claims = parse->claims;
    const cJSON *member = object_member(parse->json, "aud");
    const cJSON *item = member;

    if (cJSON_IsArray(member)) {
        if (object_texts(parse->json, "aud", &member, err) < 0)
            return -1;
        item = member->child;
    } else if (member != NULL && !cJSON_IsString(member)) {
        return error_set(err, ERROR_INVALID, "aud is neither a string nor a list");
    }
    if (item == NULL)
        return 0;
    claims->audiences = xcalloc(cJSON_IsArray(member) ? list_len(member) : 1, sizeof(char *));
    do {
        claims->audiences[claims->audience_count++] = keep(parse, item->valuestring);
        item = cJSON_IsArray(member) ? item->next : NULL;
    } while (item != NULL);
    return 0;
}

/* One entry of `access`: an action is one grant. */
static int parse_entry(struct parse *parse, const cJSON *entry, struct error *err)
{
    struct claims *claims = parse->claims;
    struct claims_grant grant = {0};
    const cJSON *actions = NULL;
    const cJSON *action;
    const char *class;

    if (object_check(entry, err) < 0 || object_text(entry, "type", &grant.type, err) < 0 ||
        object_text(entry, "class", &class, err) < 0 ||
        object_text(entry, "name", &grant.name, err) < 0 ||
        object_texts(entry, "actions", &actions, err) < 0)
        return error_wrap(err, "access");
    if (list_len(actions) == 0)
        return 0;
    grant.type = keep(parse, grant.type);
    grant.name = keep(parse, grant.name);
    cJSON_ArrayForEach(action, actions)
    {
        grant.action = keep(parse, action->valuestring);
        claims->grants[claims->grant_count++] = grant;
    }
    return 0;
}

/* An upper bound, for lists that may hold anything. */
static size_t count_actions(const cJSON *access)
{
    const cJSON *entry;
    size_t count = 0;

    cJSON_ArrayForEach(entry, access) count += list_len(object_member(entry, "actions"));
    return count;
}

static int parse_access(struct parse *parse, struct error *err)
{
    struct claims *claims = parse->claims;
    const cJSON *access = NULL;
    const cJSON *entry;
    size_t count;

    if (object_list(parse->json, "access", &access, err) < 0)
        return -1;
    count = count_actions(access);
    claims->cost += count * sizeof(struct claims_grant);
    if (count > 0)
        claims->grants = xcalloc(count, sizeof(struct claims_grant));
    cJSON_ArrayForEach(entry, access)
    {
        if (parse_entry(parse, entry, err) < 0)
            return -1;
    }
    return 0;
}

/* `iat` and `jti` mean nothing here, but are of their type. */
static int parse_rest(struct parse *parse, struct error *err)
{
    struct claims *claims = parse->claims;
    const cJSON *json = parse->json;
    const char *text;
    int64_t number;

    if (object_text(json, "iss", &claims->issuer, err) < 0 ||
        object_text(json, "sub", &claims->subject, err) < 0 ||
        object_text(json, "jti", &text, err) < 0 ||
        object_integer(json, "exp", &claims->expires_at, err) < 0 ||
        object_integer(json, "nbf", &claims->not_before, err) < 0 ||
        object_integer(json, "iat", &number, err) < 0)
        return -1;
    claims->issuer = keep(parse, claims->issuer);
    claims->subject = keep(parse, claims->subject);
    return 0;
}

int claims_parse(const cJSON *json, size_t text_len, struct claims **out, struct error *err)
{
    auto_claims struct claims *claims = xcalloc(1, sizeof(*claims));
    struct parse parse = {claims, json, text_len + 2, 0}; /* issuer and subject may be absent */

    claims->texts = xmalloc(parse.room);
    claims->cost = sizeof(*claims) + parse.room;
    if (parse_rest(&parse, err) < 0 || parse_audiences(&parse, err) < 0 ||
        parse_access(&parse, err) < 0)
        return -1;
    *out = claims;
    claims = NULL;
    return 0;
}

void claims_free(struct claims *claims)
{
    if (claims == NULL)
        return;
    free(claims->audiences);
    free(claims->grants);
    free(claims->texts);
    free(claims);
}

/* ---- checking ---- */

static bool is_for(const struct claims *claims, const char *service)
{
    for (size_t i = 0; i < claims->audience_count; i++) {
        if (strcmp(claims->audiences[i], service) == 0)
            return true;
    }
    return false;
}

static int refuse_time(struct error *err, const char *word, int64_t limit_s, int64_t now_s)
{
    char limit[CLOCK_RFC3339_SIZE];
    char now[CLOCK_RFC3339_SIZE];

    clock_format_rfc3339((struct timespec){.tv_sec = limit_s}, limit);
    clock_format_rfc3339((struct timespec){.tv_sec = now_s}, now);
    return error_set(err, ERROR_INVALID, "token not to be used %s %s - currently %s", word, limit,
                     now);
}

int claims_check(const struct claims *claims, const char *issuer, const char *service,
                 int64_t now_s, struct error *err)
{
    int64_t last_s = claims->expires_at + CLAIMS_LEEWAY_S;
    int64_t first_s = claims->not_before - CLAIMS_LEEWAY_S;

    if (strcmp(claims->issuer, issuer) != 0)
        return error_set(err, ERROR_INVALID, "token from untrusted issuer: \"%s\"", claims->issuer);
    if (!is_for(claims, service))
        return error_set(err, ERROR_INVALID, "token intended for another audience: \"%s\"",
                         claims->audience_count > 0 ? claims->audiences[0] : "");
    if (now_s > last_s)
        return refuse_time(err, "after", last_s, now_s);
    if (now_s < first_s)
        return refuse_time(err, "before", first_s, now_s);
    return 0;
}

static bool is_granted(const struct claims *claims, const struct access_record *record)
{
    for (size_t i = 0; i < claims->grant_count; i++) {
        const struct claims_grant *grant = &claims->grants[i];

        if ((strcmp(grant->action, record->action) == 0 || strcmp(grant->action, "*") == 0) &&
            strcmp(grant->name, record->name) == 0 && strcmp(grant->type, record->type) == 0)
            return true;
    }
    return false;
}

bool claims_allow(const struct claims *claims, const struct access_request *request)
{
    for (size_t i = 0; i < request->record_count; i++) {
        if (!is_granted(claims, &request->records[i]))
            return false;
    }
    return true;
}
