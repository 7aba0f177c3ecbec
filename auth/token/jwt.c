/* SPDX-License-Identifier: Apache-2.0
 *
 * jwt - see jwt.h.
 */
#include "auth/token/jwt.h"

#include "auth/token/object.h"
#include "lib/base/encode.h"

#include "lib/base/banned.h"

/* Padding that is missing, or the part of it that is, is added first. */
static int decode(struct span part, const char *name, struct str *out, struct error *err)
{
    auto_str padded = STR_INIT(part.len + 3);

    str_append(&padded, part);
    while (padded.len % 4 != 0)
        str_append_char(&padded, '=');
    *out = STR_INIT(padded.len);
    if (!decode_base64url(out, str_span(&padded)))
        return error_set(err, ERROR_INVALID, "unable to decode %s", name);
    return 0;
}

/* Exactly three parts. */
static int split(struct span token, struct span parts[3], struct error *err)
{
    if (token.len > JWT_MAX)
        return error_set(err, ERROR_INVALID, "longer than %d bytes", JWT_MAX);
    for (int i = 0; i < 3; i++) {
        if (token.data == NULL)
            return error_set(err, ERROR_INVALID, "not of three parts");
        parts[i] = span_cut(&token, '.');
    }
    return token.data == NULL ? 0 : error_set(err, ERROR_INVALID, "not of three parts");
}

static int parse_object(struct span part, const char *name, cJSON **out, struct error *err)
{
    auto_str text = STR_INIT(0);

    if (decode(part, name, &text, err) < 0)
        return -1;
    return object_parse(&text, out, err) < 0 ? error_wrap(err, "%s", name) : 0;
}

static int read_header(struct jwt *jwt, struct error *err)
{
    const cJSON *header = jwt->header;
    const char *type;

    if (object_text(header, "alg", &jwt->algorithm, err) < 0 ||
        object_text(header, "kid", &jwt->key_id, err) < 0 ||
        object_text(header, "typ", &type, err) < 0 ||
        object_texts(header, "x5c", &jwt->chain, err) < 0)
        return error_wrap(err, "header");
    if (object_member(header, "crit") != NULL)
        return error_set(err, ERROR_INVALID, "header: crit names what is not understood");
    if (jwt->chain != NULL && jwt->chain->child == NULL)
        jwt->chain = NULL;
    jwt->key = object_member(header, "jwk");
    return 0;
}

static int parse_claims(struct span part, struct claims **out, struct error *err)
{
    auto_object cJSON *json = NULL;

    if (parse_object(part, "claims", &json, err) < 0)
        return -1;
    return claims_parse(json, part.len, out, err) < 0 ? error_wrap(err, "claims") : 0;
}

int jwt_parse(struct span token, struct jwt *out, struct error *err)
{
    struct span parts[3];

    *out = (struct jwt){.signature = STR_INIT(0)};
    if (split(token, parts, err) < 0 || parse_object(parts[0], "header", &out->header, err) < 0 ||
        read_header(out, err) < 0 || decode(parts[2], "signature", &out->signature, err) < 0)
        return -1;
    out->signed_part = span_make(token.data, parts[0].len + 1 + parts[1].len);
    return parse_claims(parts[1], &out->claims, err);
}

void jwt_fini(struct jwt *jwt)
{
    str_fini(&jwt->signature);
    claims_free(jwt->claims);
    cJSON_Delete(jwt->header);
}
