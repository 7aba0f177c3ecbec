/* SPDX-License-Identifier: Apache-2.0
 *
 * credentials_remote - see credentials_remote.h.
 */
#include "drivers/s3/credentials_remote.h"

#include "drivers/s3/credentials.h"
#include "drivers/s3/sign.h"
#include "drivers/s3/xml.h"
#include "lib/base/clock.h"
#include "lib/base/file.h"
#include "lib/base/json.h"
#include "lib/base/memory.h"
#include "lib/client/client.h"
#include "lib/task/offload.h"

#include <cjson/cJSON.h>
#include <stdlib.h>

#include "lib/base/banned.h"

#define ANSWER_MAX     (64 << 10)
#define TOKEN_MAX      (32 << 10)
#define URL_MAX        (64 << 10)
#define TIMEOUT_MS     5000
#define METADATA_HOST  "http://169.254.169.254"
#define CONTAINER_HOST "http://169.254.170.2"
#define ROLE_PATH      "/latest/meta-data/iam/security-credentials/"

enum remote_kind { REMOTE_METADATA, REMOTE_CONTAINER, REMOTE_WEB_IDENTITY };

struct remote {
    enum remote_kind kind;
    struct client *client;
    char *url;        /* the service's, or of the container's credentials */
    char *token;      /* for the container's, NULL: none */
    char *token_file; /* NULL: none */
    char *role;
    char *session;
};

static const char *variable(const char *name)
{
    const char *value = getenv(name);

    return value != NULL && value[0] != '\0' ? value : NULL;
}

static char *copy_variable(const char *name)
{
    const char *value = variable(name);

    return value != NULL ? xstrdup(value) : NULL;
}

/* ---- whom ---- */

static void choose_web_identity(struct remote *remote, const char *region)
{
    auto_str url = STR_INIT(512);
    const char *session = variable("AWS_ROLE_SESSION_NAME");

    remote->kind = REMOTE_WEB_IDENTITY;
    remote->token_file = copy_variable("AWS_WEB_IDENTITY_TOKEN_FILE");
    remote->role = copy_variable("AWS_ROLE_ARN");
    remote->session = xstrdup(session != NULL ? session : "registry");
    remote->url = copy_variable("AWS_ENDPOINT_URL_STS");
    if (remote->url != NULL)
        return;
    str_append_format(&url, "https://sts.%s.amazonaws.com%s", region,
                      span_starts_with(span_of(region), SPAN("cn-")) ? ".cn" : "");
    remote->url = str_take(&url);
}

static void choose_container(struct remote *remote)
{
    const char *path = variable("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
    auto_str url = STR_INIT(4096);

    remote->kind = REMOTE_CONTAINER;
    remote->token = copy_variable("AWS_CONTAINER_AUTHORIZATION_TOKEN");
    remote->token_file = copy_variable("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
    if (path != NULL)
        str_append_format(&url, CONTAINER_HOST "%s", path);
    else
        str_append_text(&url, variable("AWS_CONTAINER_CREDENTIALS_FULL_URI"));
    remote->url = str_take(&url);
}

static int choose(struct remote *remote, const char *region, struct error *err)
{
    const char *disabled = variable("AWS_EC2_METADATA_DISABLED");

    if (variable("AWS_WEB_IDENTITY_TOKEN_FILE") != NULL && variable("AWS_ROLE_ARN") != NULL) {
        choose_web_identity(remote, region);
        return 0;
    }
    if (variable("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI") != NULL ||
        variable("AWS_CONTAINER_CREDENTIALS_FULL_URI") != NULL) {
        choose_container(remote);
        return 0;
    }
    if (disabled != NULL && span_equals_nocase(span_of(disabled), SPAN("true")))
        return error_set(err, ERROR_INVALID,
                         "no credentials: give accesskey and secretkey, or one of the ways that "
                         "docs/s3.md lists");
    remote->kind = REMOTE_METADATA;
    remote->url = copy_variable("AWS_EC2_METADATA_SERVICE_ENDPOINT");
    if (remote->url == NULL)
        remote->url = xstrdup(METADATA_HOST);
    return 0;
}

int remote_new(const char *region, struct remote **out, struct error *err)
{
    struct remote *remote = xcalloc(1, sizeof(*remote));
    struct client_options options = {.connect_timeout_ms = 2000};

    if (choose(remote, region, err) < 0)
        goto fail;
    options.is_proxy_ignored = remote->kind != REMOTE_WEB_IDENTITY;
    if (client_new(&options, &remote->client, err) < 0)
        goto fail;
    *out = remote;
    return 0;
fail:
    remote_free(remote);
    return -1;
}

void remote_free(struct remote *remote)
{
    if (remote == NULL)
        return;
    client_free(remote->client);
    free(remote->url);
    free(remote->token);
    free(remote->token_file);
    free(remote->role);
    free(remote->session);
    free(remote);
}

/* ---- asking ---- */

/* @header NULL: none. IO unless the answer is 200. */
static int ask(struct remote *remote, const char *method, const char *url, const char *header,
               struct str *out, struct error *err)
{
    const char *headers[] = {header, NULL};
    struct client_call call = {
        .method = method,
        .url = url,
        .headers = headers,
        .timeout_ms = TIMEOUT_MS,
        .retry = {.attempts = 3, .first_ms = 100, .max_ms = 1000},
    };
    int status;

    if (client_do(remote->client, &call, &status, out, err) < 0)
        return -1;
    if (status != 200)
        return error_set(err, ERROR_IO, "asking for credentials: status %d", status);
    return 0;
}

struct token_job {
    const char *path;
    struct str *out;
};

static int read_token(void *arg, struct error *err)
{
    struct token_job *job = arg;

    if (file_read(job->path, job->out, err) < 0)
        return error_wrap(err, "token file");
    return 0;
}

/* The file is read each time: whoever rotates it writes a new one. */
static int get_token(struct remote *remote, struct str *out, struct error *err)
{
    struct token_job job = {remote->token_file, out};

    if (remote->token_file != NULL)
        return offload(read_token, &job, err);
    if (remote->token != NULL)
        str_append_text(out, remote->token);
    return 0;
}

/* ---- answers ---- */

static const char *member(const cJSON *object, const char *name)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);

    return cJSON_IsString(item) ? item->valuestring : NULL;
}

static int take(const char *access_key, const char *secret_key, const char *token,
                const char *expiration, struct credentials_set *out, struct error *err)
{
    struct timespec expires_at = {0};

    if (access_key == NULL || secret_key == NULL)
        return error_set(err, ERROR_IO, "asking for credentials: the answer holds none");
    if (expiration != NULL && !clock_parse_rfc3339(span_of(expiration), &expires_at))
        return error_set(err, ERROR_IO, "asking for credentials: no time of expiry");
    *out = (struct credentials_set){
        .access_key = xstrdup(access_key),
        .secret_key = xstrdup(secret_key),
        .token = token != NULL && token[0] != '\0' ? xstrdup(token) : NULL,
        .expires_at = expires_at.tv_sec,
    };
    return 0;
}

static int take_json(struct str *answer, struct credentials_set *out, struct error *err)
{
    struct json_limits limits = {.depth = 8, .values = 200};
    size_t offset;
    cJSON *json;
    int rc;

    if (answer->len == 0 || json_prepare(answer->data, answer->len, limits, &offset) != JSON_FINE)
        return error_set(err, ERROR_IO, "asking for credentials: the answer is no JSON");
    json = cJSON_ParseWithLength(answer->data, answer->len);
    rc = take(member(json, "AccessKeyId"), member(json, "SecretAccessKey"), member(json, "Token"),
              member(json, "Expiration"), out, err);
    cJSON_Delete(json);
    return rc;
}

/* ---- the three ways ---- */

static int get_from_container(struct remote *remote, struct credentials_set *out, struct error *err)
{
    auto_str token = STR_INIT(TOKEN_MAX);
    auto_str header = STR_INIT(TOKEN_MAX + 64);
    auto_str answer = STR_INIT(ANSWER_MAX);
    struct span value;

    if (get_token(remote, &token, err) < 0)
        return -1;
    value = str_span(&token);
    while (span_ends_with(value, SPAN("\n")))
        value.len--;
    str_append_format(&header, "Authorization: %.*s", SPAN_ARGS(value));
    if (ask(remote, "GET", remote->url, value.len > 0 ? str_text(&header) : NULL, &answer, err) < 0)
        return -1;
    return take_json(&answer, out, err);
}

/* Version 1 of the service knows no sessions: without a token it is asked directly. */
static void begin_metadata_session(struct remote *remote, struct str *out_header)
{
    auto_str url = STR_INIT(512);
    auto_str answer = STR_INIT(1024);
    struct error ignored = ERROR_INIT;

    str_append_format(&url, "%s/latest/api/token", remote->url);
    if (ask(remote, "PUT", str_text(&url), "X-aws-ec2-metadata-token-ttl-seconds: 21600", &answer,
            &ignored) == 0)
        str_append_format(out_header, "X-aws-ec2-metadata-token: %s", str_text(&answer));
}

static int get_from_metadata(struct remote *remote, struct credentials_set *out, struct error *err)
{
    auto_str header = STR_INIT(2048);
    auto_str url = STR_INIT(1024);
    auto_str role = STR_INIT(512);
    auto_str answer = STR_INIT(ANSWER_MAX);
    const char *session;
    struct span roles;
    struct span first;

    begin_metadata_session(remote, &header);
    session = header.len > 0 ? str_text(&header) : NULL;
    str_append_format(&url, "%s" ROLE_PATH, remote->url);
    if (ask(remote, "GET", str_text(&url), session, &role, err) < 0)
        return -1;
    roles = str_span(&role);
    first = span_cut(&roles, '\n');
    sign_encode(&url, span_trim(first), false);
    if (ask(remote, "GET", str_text(&url), session, &answer, err) < 0)
        return -1;
    return take_json(&answer, out, err);
}

static int get_by_web_identity(struct remote *remote, struct credentials_set *out,
                               struct error *err)
{
    auto_str token = STR_INIT(TOKEN_MAX);
    auto_str url = STR_INIT(URL_MAX * 2);
    auto_str answer = STR_INIT(ANSWER_MAX);
    auto_xml_answer xml = {0};

    if (get_token(remote, &token, err) < 0)
        return -1;
    str_append_format(&url, "%s/?Action=AssumeRoleWithWebIdentity&RoleArn=", remote->url);
    sign_encode(&url, span_of(remote->role), false);
    str_append_text(&url, "&RoleSessionName=");
    sign_encode(&url, span_of(remote->session), false);
    str_append_text(&url, "&Version=2011-06-15&WebIdentityToken=");
    sign_encode(&url, str_span(&token), false);
    if (ask(remote, "GET", str_text(&url), NULL, &answer, err) < 0 ||
        xml_parse(str_span(&answer), &xml, err) < 0)
        return -1;
    return take(xml.access_key, xml.secret_key, xml.session_token, xml.expiration, out, err);
}

int remote_get(struct remote *remote, struct credentials_set *out, struct error *err)
{
    switch (remote->kind) {
    case REMOTE_CONTAINER:
        return get_from_container(remote, out, err);
    case REMOTE_WEB_IDENTITY:
        return get_by_web_identity(remote, out, err);
    case REMOTE_METADATA:
        break;
    }
    return get_from_metadata(remote, out, err);
}
