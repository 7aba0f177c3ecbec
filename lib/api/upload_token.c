/* SPDX-License-Identifier: Apache-2.0
 *
 * upload_token - see upload_token.h.
 */
#include "lib/api/upload_token.h"

#include "lib/base/clock.h"
#include "lib/base/encode.h"
#include "lib/base/json.h"
#include "lib/base/mac.h"

#include <cjson/cJSON.h>
#include <inttypes.h>

#include "lib/base/banned.h"

#define DEPTH_MAX  16                 /* ours are flat */
#define VALUES_MAX 64                 /* ours have five and the object */
#define OFFSET_MAX (INT64_C(1) << 53) /* what a JSON number holds exactly */

static void format_seal(struct str *out, const struct upload_seal *seal)
{
    char hex[DIGEST_HEX_MAX + 1];

    str_append_format(out, ",\"Seal\":\"%s\"", digest_format_hex(&seal->digest, hex));
}

/* Written by hand: the offset must be a plain integer, the keys in this order. */
static void format_message(struct str *out, const struct upload_token *token)
{
    char started_at[CLOCK_RFC3339_SIZE];

    clock_format_rfc3339(token->started_at, started_at);
    str_append_text(out, "{\"Name\":");
    json_append_string(out, span_of(token->repository));
    str_append_text(out, ",\"UUID\":");
    json_append_string(out, span_of(token->uuid));
    str_append_format(out, ",\"Offset\":%" PRId64 ",\"StartedAt\":\"%s\"", token->offset,
                      started_at);
    if (token->seal.is_there)
        format_seal(out, &token->seal);
    str_append_text(out, "}");
}

void upload_token_format(struct str *out, struct span secret, const struct upload_token *token)
{
    auto_str message = STR_INIT(UPLOAD_TOKEN_MAX);
    auto_str bytes = STR_INIT(MAC_LEN + UPLOAD_TOKEN_MAX);
    struct mac mac;

    format_message(&message, token);
    mac = mac_of(secret, str_span(&message));
    str_append(&bytes, mac_span(&mac));
    str_append(&bytes, str_span(&message));
    encode_base64url(out, str_span(&bytes));
}

/* ---- reading ---- */

static int invalid(struct error *err, const char *what)
{
    error_set(err, ERROR_UPLOAD_INVALID, "upload state: %s", what);
    error_detail_json(err, "{}");
    return -1;
}

/* One JSON object and nothing behind it; NULL otherwise. Given: cJSON_Delete. */
static cJSON *parse_object(char *text, size_t len)
{
    static const struct json_limits limits = {.depth = DEPTH_MAX, .values = VALUES_MAX};
    size_t offset;
    cJSON *json;

    if (json_prepare(text, len, limits, &offset) != JSON_FINE)
        return NULL;
    json = cJSON_ParseWithLength(text, len);
    if (cJSON_IsObject(json))
        return json;
    cJSON_Delete(json);
    return NULL;
}

/* Copies a string member; null leaves @out as it is. */
static bool take_text(const cJSON *member, char *out, size_t size)
{
    size_t len;

    if (cJSON_IsNull(member))
        return true;
    if (!cJSON_IsString(member))
        return false;
    len = strlen(member->valuestring);
    if (len >= size)
        return false;
    memcpy(out, member->valuestring, len + 1);
    return true;
}

static bool take_offset(const cJSON *member, int64_t *out)
{
    if (cJSON_IsNull(member))
        return true;
    if (!cJSON_IsNumber(member) || !(member->valuedouble >= 0) ||
        member->valuedouble > (double)OFFSET_MAX)
        return false;
    *out = (int64_t)member->valuedouble;
    return true;
}

static bool take_time(const cJSON *member, struct timespec *out)
{
    if (cJSON_IsNull(member))
        return true;
    return cJSON_IsString(member) && clock_parse_rfc3339(span_of(member->valuestring), out);
}

/* Only another version of ours could have written a seal that is none: then there is none. */
static void take_seal(const cJSON *member, struct upload_seal *out)
{
    struct upload_seal seal = {.digest = {.algorithm = DIGEST_SHA256}};

    if (cJSON_IsString(member))
        seal.is_there =
            decode_hex(span_of(member->valuestring), seal.digest.bytes, digest_size(DIGEST_SHA256));
    *out = seal.is_there ? seal : (struct upload_seal){.is_there = false};
}

static bool take_member(const cJSON *member, struct upload_token *out)
{
    struct span name = span_of(member->string);

    if (span_equals_nocase(name, SPAN("name")))
        return take_text(member, out->repository, sizeof(out->repository));
    if (span_equals_nocase(name, SPAN("uuid")))
        return take_text(member, out->uuid, sizeof(out->uuid));
    if (span_equals_nocase(name, SPAN("offset")))
        return take_offset(member, &out->offset);
    if (span_equals_nocase(name, SPAN("startedat")))
        return take_time(member, &out->started_at);
    if (span_equals(name, SPAN("Seal")))
        take_seal(member, &out->seal);
    return true;
}

static int parse_message(char *message, size_t len, struct upload_token *out, struct error *err)
{
    struct upload_token token = {.offset = 0};
    cJSON *json = parse_object(message, len);
    const cJSON *member;
    bool is_fine = json != NULL;

    cJSON_ArrayForEach(member, json) is_fine = is_fine && take_member(member, &token);
    cJSON_Delete(json);
    if (!is_fine)
        return invalid(err, "its message does not parse");
    *out = token;
    return 0;
}

int upload_token_parse(struct span text, struct span secret, struct upload_token *out,
                       struct error *err)
{
    auto_str bytes = STR_INIT(UPLOAD_TOKEN_MAX);
    struct span message;
    struct mac mac;

    if (text.len > UPLOAD_TOKEN_MAX || !decode_base64url(&bytes, text))
        return invalid(err, "not base64url");
    if (bytes.len < MAC_LEN)
        return invalid(err, text.len == 0 ? "absent" : "too short");
    message = span_from(str_span(&bytes), MAC_LEN);
    mac = mac_of(secret, message);
    if (!is_mac(&mac, span_make(bytes.data, MAC_LEN)))
        return invalid(err, "not made with this secret");
    return parse_message(bytes.data + MAC_LEN, message.len, out, err);
}
