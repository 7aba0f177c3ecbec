/* SPDX-License-Identifier: Apache-2.0
 *
 * authorize - see authorize.h.
 */
#include "lib/api/authorize.h"

#include "lib/api/errors.h"
#include "lib/api/request_log.h"
#include "lib/base/json.h"

#include <string.h>

#include "lib/base/banned.h"

#define BASE_URL_MAX (256 << 10)             /* bytes; a head's worth, percent-encoded */
#define DETAIL_MAX   (8 * (64 << 10) + 4096) /* bytes; names of a head's worth, as JSON */

/* ---- records ---- */

struct asked {
    struct access_request request;
    struct str base_url;
    struct str repository; /* what the records' names are lent from */
    struct str from;
};

static void asked_fini(struct asked *asked)
{
    str_fini(&asked->base_url);
    str_fini(&asked->repository);
    str_fini(&asked->from);
}

static void add_repository(struct access_request *request, const char *name, const char *method)
{
    static const struct {
        const char *method;
        const char *actions[2];
    } table[] = {
        {"GET", {"pull", NULL}},   {"HEAD", {"pull", NULL}},    {"POST", {"pull", "push"}},
        {"PUT", {"pull", "push"}}, {"PATCH", {"pull", "push"}}, {"DELETE", {"delete", NULL}},
    };

    for (size_t i = 0; i < array_count(table); i++) {
        if (strcmp(table[i].method, method) != 0)
            continue;
        access_request_add(request, "repository", name, table[i].actions[0]);
        if (table[i].actions[1] != NULL)
            access_request_add(request, "repository", name, table[i].actions[1]);
    }
}

/* A name with a NUL is none that a repository has, and must not become one that is: the NUL shows
 * as in JSON. */
static void append_without_nul(struct str *out, struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] != '\0')
            str_append_char(out, text.data[i]);
        else
            str_append_text(out, "\xef\xbf\xbd");
    }
}

static void add_from(const struct exchange *ex, struct asked *asked)
{
    auto_str value = STR_INIT(ex->target.query.len);

    if (!exchange_query(ex, "from", &value) || value.len == 0)
        return;
    append_without_nul(&asked->from, str_span(&value));
    add_repository(&asked->request, str_text(&asked->from), "GET");
}

static void ask(const struct exchange *ex, struct asked *out)
{
    struct span name = ex->match.repository;

    *out = (struct asked){
        .base_url = STR_INIT(BASE_URL_MAX),
        .repository = STR_INIT(name.len),
        .from = STR_INIT(3 * ex->target.query.len),
    };
    authorize_describe(ex, &out->base_url, &out->request);
    if (name.len > 0) {
        str_append(&out->repository, name);
        add_repository(&out->request, str_text(&out->repository), http_request_method(ex->http));
        add_from(ex, out);
    } else if (ex->match.route == ROUTE_CATALOG) {
        access_request_add(&out->request, "registry", "catalog", "*");
    }
}

void authorize_describe(const struct exchange *ex, struct str *base_url, struct access_request *out)
{
    exchange_base_url(ex, base_url);
    *out = (struct access_request){
        .authorization = exchange_header(ex, "Authorization"),
        .host = exchange_header(ex, "Host"),
        .forwarded_proto = exchange_header(ex, "X-Forwarded-Proto"),
        .base_url = str_text(base_url),
        .peer = http_request_peer_host(ex->http),
    };
}

/* ---- refusals ---- */

static void append_record(struct str *out, const struct access_record *record)
{
    str_append_text(out, "{\"Type\":");
    json_append_string(out, span_of(record->type));
    str_append_text(out, ",\"Class\":\"\",\"Name\":");
    json_append_string(out, span_of(record->name));
    str_append_text(out, ",\"Action\":");
    json_append_string(out, span_of(record->action));
    str_append_char(out, '}');
}

static void append_records(struct str *out, const struct access_request *request)
{
    if (request->record_count == 0) {
        str_append_text(out, "null");
        return;
    }
    for (size_t i = 0; i < request->record_count; i++) {
        str_append_char(out, i == 0 ? '[' : ',');
        append_record(out, &request->records[i]);
    }
    str_append_char(out, ']');
}

static enum error_code code_of(enum access_verdict verdict)
{
    switch (verdict) {
    case ACCESS_DENIED:
        return ERROR_DENIED;
    case ACCESS_SLOWED:
        return ERROR_TOO_MANY_REQUESTS;
    case ACCESS_CHALLENGED:
    case ACCESS_GRANTED:
        break;
    }
    return ERROR_UNAUTHORIZED;
}

void authorize_refuse(struct exchange *ex, const struct access_request *request,
                      const struct access_answer *answer)
{
    enum error_code code = code_of(answer->verdict);
    auto_str detail = STR_INIT(DETAIL_MAX);
    auto_str body = STR_INIT(DETAIL_MAX + 4096);

    log_warn("error authorizing context: %s", str_text(&answer->reason));
    if (answer->challenge.len > 0)
        exchange_set(ex, "Www-Authenticate", "%s", str_text(&answer->challenge));
    if (answer->verdict == ACCESS_SLOWED)
        exchange_set(ex, "Retry-After", "%d", answer->retry_after_s);
    append_records(&detail, request);
    errors_envelope_of(&body, code, str_span(&detail));
    exchange_send_json(ex, errors_row_of(code)->status, str_span(&body));
}

void authorize_fail(struct exchange *ex, const struct error *err)
{
    if (err->code == ERROR_CLIENT_GONE || err->code == ERROR_CANCELED) {
        request_log_broken(err);
        return;
    }
    log_error("error checking authorization: %s", err->message);
    log_warn("error authorizing context: %s", err->message);
    exchange_send_empty(ex, 400);
}

/* ---- the question ---- */

static bool is_granted(struct exchange *ex, const struct access_request *request)
{
    struct access_control *control = ex->options->access;
    auto_access_answer answer;
    struct error err = ERROR_INIT;

    access_answer_init(&answer);
    if (control->controller->check(control, request, &answer, &err) < 0) {
        authorize_fail(ex, &err);
        return false;
    }
    str_append(&ex->user, str_span(&answer.user));
    if (answer.verdict != ACCESS_GRANTED) {
        authorize_refuse(ex, request, &answer);
        return false;
    }
    log_info("authorized request");
    return true;
}

bool authorize(struct exchange *ex)
{
    struct asked asked;
    bool granted;

    log_debug("authorizing request");
    if (ex->options->access == NULL)
        return true;
    ask(ex, &asked);
    granted = is_granted(ex, &asked.request);
    asked_fini(&asked);
    return granted;
}
