/* SPDX-License-Identifier: Apache-2.0
 *
 * request_log - see request_log.h. Names and forms of all fields are upstream's.
 */
#include "lib/api/request_log.h"

#include "lib/api/errors.h"
#include "lib/base/clock.h"
#include "lib/task/task.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/banned.h"

#define LINE_MAX_LEN (320 << 10) /* bytes; a head's worth of escaped text, and the rest */

/* ---- fields ---- */

/* Who asks, as far as proxies tell it. */
static struct span remote_address(const struct exchange *ex)
{
    struct span client = exchange_forwarded_for(ex);

    return client.len > 0 ? client : span_of(http_request_peer(ex->http));
}

static void add_if_sent(struct log_line *line, const struct exchange *ex, const char *name,
                        const char *header)
{
    const char *value = http_request_header(ex->http, header);

    if (value != NULL)
        log_add_text(line, name, value);
}

static const char *reference_field(enum route route)
{
    switch (route) {
    case ROUTE_MANIFEST:
        return "vars.reference";
    case ROUTE_BLOB:
        return "vars.digest";
    case ROUTE_UPLOAD:
        return "vars.uuid";
    default:
        return NULL;
    }
}

bool request_log_context(struct log_line *line)
{
    const struct exchange *ex = task_context();
    const char *reference;

    if (ex == NULL)
        return false;
    log_add_text(line, "http.request.id", http_request_id(ex->http));
    log_add_text(line, "http.request.method", http_request_method(ex->http));
    log_add(line, "http.request.host", exchange_header(ex, "Host"));
    log_add(line, "http.request.uri", str_span(&ex->shown_target));
    if (ex->shown_referer.len > 0)
        log_add(line, "http.request.referer", str_span(&ex->shown_referer));
    log_add(line, "http.request.useragent", exchange_header(ex, "User-Agent"));
    log_add(line, "http.request.remoteaddr", remote_address(ex));
    add_if_sent(line, ex, "http.request.contenttype", "Content-Type");
    reference = reference_field(ex->match.route);
    if (ex->user.len > 0)
        log_add(line, "auth.user.name", str_span(&ex->user));
    if (ex->match.repository.len > 0)
        log_add(line, "vars.name", ex->match.repository);
    if (reference != NULL)
        log_add_text(line, reference, ex->reference);
    return true;
}

/* ---- done ---- */

struct response_fields {
    char duration[CLOCK_DURATION_SIZE];
    char status[16];
    char written[24];
};

static void add_response(struct log_line *line, const struct exchange *ex,
                         struct response_fields *fields)
{
    const char *content_type = http_reply_header_sent(ex->http, "Content-Type");

    clock_format_duration(clock_monotonic_ns() - http_request_started_ns(ex->http),
                          fields->duration);
    snprintf(fields->status, sizeof(fields->status), "%d", http_reply_status(ex->http));
    snprintf(fields->written, sizeof(fields->written), "%" PRId64, http_reply_body_sent(ex->http));
    if (content_type != NULL)
        log_add_text(line, "http.response.contenttype", content_type);
    log_add_text(line, "http.response.duration", fields->duration);
    log_add_number(line, "http.response.status", fields->status);
    log_add_number(line, "http.response.written", fields->written);
}

/* "NAME_UNKNOWN" as "name unknown". */
static void format_code(const char *id, char *out, size_t size)
{
    size_t i;

    for (i = 0; id[i] != '\0' && i + 1 < size; i++)
        out[i] = id[i] == '_' ? ' ' : id[i] >= 'A' && id[i] <= 'Z' ? (char)(id[i] + 32) : id[i];
    out[i] = '\0';
}

/* A plain string loses its quotes: it gets those of the log's format. */
static void add_told(struct log_line *line, struct span detail)
{
    if (detail.data[0] == '"' && memchr(detail.data, '\\', detail.len) == NULL)
        log_add(line, "err.detail", span_make(detail.data + 1, detail.len - 2));
    else
        log_add_json(line, "err.detail", detail);
}

/* What the client was told, as upstream has it, and beside it what we know; that alone when the
 * client was told nothing. */
static void add_detail(struct log_line *line, const struct error *err)
{
    bool is_told = err->detail[0] != '\0' && strcmp(err->detail, "{}") != 0;

    if (is_told)
        add_told(line, span_of(err->detail));
    if (err->message[0] != '\0')
        log_add_text(line, is_told ? "err.cause" : "err.detail", err->message);
}

static void log_one_error(const struct exchange *ex, const struct error *err)
{
    const struct errors_row *row = errors_row_of(err->code);
    struct response_fields fields;
    struct log_line line;
    char code[64];

    format_code(row->id, code, sizeof(code));
    log_begin(&line, LOG_LEVEL_ERROR);
    log_add_text(&line, "err.code", code);
    log_add_text(&line, "err.message", row->text);
    add_detail(&line, err);
    add_response(&line, ex, &fields);
    log_end(&line, "response completed with error");
}

void request_log_completed(const struct exchange *ex)
{
    int status = http_reply_status(ex->http);
    struct response_fields fields;
    struct log_line line;

    for (size_t i = 0; i < ex->error_count; i++)
        log_one_error(ex, &ex->errors[i]);
    if (ex->error_count > 0 || !ex->is_routed || status < 200 || status > 399 ||
        !log_is_enabled(LOG_LEVEL_INFO))
        return;
    log_begin(&line, LOG_LEVEL_INFO);
    add_response(&line, ex, &fields);
    log_end(&line, "response completed");
}

void request_log_broken(const struct error *err)
{
    bool is_ours = err->code != ERROR_CLIENT_GONE && err->code != ERROR_CANCELED;

    log_write(is_ours ? LOG_LEVEL_ERROR : LOG_LEVEL_INFO, "response not completed: %s",
              err->message);
}

/* ---- the access log ---- */

static void append_quoted(struct str *out, struct span text)
{
    str_append_char(out, '"');
    log_append_escaped(out, text);
    str_append_char(out, '"');
}

void request_log_access(const struct exchange *ex)
{
    auto_str line = STR_INIT(LINE_MAX_LEN);
    time_t started = http_request_started_at(ex->http).tv_sec;
    int status = http_reply_status(ex->http);
    struct tm tm;
    char at[64];

    localtime_r(&started, &tm);
    strftime(at, sizeof(at), "%d/%b/%Y:%H:%M:%S %z", &tm);
    str_append_format(&line, "%s - - [%s] \"", http_request_peer_host(ex->http), at);
    log_append_escaped(&line, span_of(http_request_method(ex->http)));
    str_append_char(&line, ' ');
    log_append_escaped(&line, str_span(&ex->shown_target));
    str_append_format(&line, " HTTP/1.%d\" %d %" PRId64 " ", http_request_version_minor(ex->http),
                      status != 0 ? status : ERRORS_STATUS_GONE, http_reply_body_sent(ex->http));
    append_quoted(&line, str_span(&ex->shown_referer));
    str_append_char(&line, ' ');
    append_quoted(&line, exchange_header(ex, "User-Agent"));
    log_access(str_span(&line));
}
