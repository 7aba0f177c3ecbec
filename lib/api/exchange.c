/* SPDX-License-Identifier: Apache-2.0
 *
 * exchange - see exchange.h.
 */
#include "lib/api/exchange.h"

#include "lib/api/errors.h"
#include "lib/auth/access.h"
#include "lib/base/encode.h"
#include "lib/base/memory.h"
#include "lib/base/query.h"
#include "lib/base/redact.h"

#include <arpa/inet.h>
#include <assert.h>
#include <string.h>

#include "lib/base/banned.h"

#define TARGET_MAX   (64 << 10)  /* bytes; a head is not longer */
#define HEADER_MAX   (256 << 10) /* a head's worth of text, percent-encoded */
#define ENVELOPE_MAX (EXCHANGE_ERRORS_MAX * 4096)

bool exchange_init(struct exchange *ex, const struct api_options *options,
                   struct settings *settings, struct http_request *http)
{
    *ex = (struct exchange){
        .options = options,
        .settings = settings_use(settings),
        .registry = options->registry,
        .http = http,
        .path = STR_INIT(TARGET_MAX),
        .reference = "",
        .user = STR_INIT(ACCESS_USER_MAX),
        .shown_target = STR_INIT(2 * TARGET_MAX),
        .shown_referer = STR_INIT(2 * TARGET_MAX),
    };
    redact_url(&ex->shown_target, span_of(http_request_target(http)));
    redact_url(&ex->shown_referer, exchange_header(ex, "Referer"));
    target_parse(span_of(http_request_target(http)), &ex->target);
    return decode_percent(&ex->path, ex->target.path, false);
}

void exchange_fini(struct exchange *ex)
{
    str_fini(&ex->path);
    str_fini(&ex->user);
    str_fini(&ex->shown_target);
    str_fini(&ex->shown_referer);
    settings_release(ex->settings);
    free(ex->errors);
}

bool is_exchange_method(const struct exchange *ex, const char *method)
{
    return strcmp(http_request_method(ex->http), method) == 0;
}

struct span exchange_header(const struct exchange *ex, const char *name)
{
    return span_of(http_request_header(ex->http, name));
}

static bool is_ip(struct span text)
{
    char copy[INET6_ADDRSTRLEN + 1];
    unsigned char address[sizeof(struct in6_addr)];

    if (text.len == 0 || text.len >= sizeof(copy))
        return false;
    memcpy(copy, text.data, text.len);
    copy[text.len] = '\0';
    return inet_pton(AF_INET, copy, address) == 1 || inet_pton(AF_INET6, copy, address) == 1;
}

struct span exchange_forwarded_for(const struct exchange *ex)
{
    struct span chain = exchange_header(ex, "X-Forwarded-For");
    struct span first = span_trim(span_cut(&chain, ','));

    if (is_ip(first))
        return first;
    first = span_trim(exchange_header(ex, "X-Real-Ip"));
    return is_ip(first) ? first : SPAN("");
}

bool exchange_query(const struct exchange *ex, const char *name, struct str *out)
{
    if (query_get(ex->target.query, name, out))
        return true;
    str_reset(out);
    return false;
}

void exchange_add_error(struct exchange *ex, const struct error *err)
{
    if (ex->error_count == EXCHANGE_ERRORS_MAX)
        return;
    ex->errors = xrealloc(ex->errors, (ex->error_count + 1) * sizeof(*ex->errors));
    ex->errors[ex->error_count++] = *err;
}

/* ---- answers ---- */

void exchange_set(struct exchange *ex, const char *name, const char *format, ...)
{
    auto_str value = STR_INIT(HEADER_MAX);
    va_list args;

    va_start(args, format);
    str_append_vformat(&value, format, args);
    va_end(args);
    assert(!str_overflowed(&value));
    http_reply_header(ex->http, name, str_text(&value));
}

/* How this request came here. */
static struct location_request location_request_of(const struct exchange *ex)
{
    return (struct location_request){
        .target_scheme = ex->target.scheme,
        .target_authority = ex->target.authority,
        .host = exchange_header(ex, "Host"),
        .is_tls = is_http_request_tls(ex->http),
        .has_forwarded = http_request_header(ex->http, "Forwarded") != NULL,
        .forwarded = exchange_header(ex, "Forwarded"),
        .forwarded_proto = exchange_header(ex, "X-Forwarded-Proto"),
        .forwarded_host = exchange_header(ex, "X-Forwarded-Host"),
    };
}

static void append_base(const struct exchange *ex, bool is_relative, struct str *out)
{
    struct location_rules rules = {
        .host = span_of(ex->options->host),
        .prefix = span_of(ex->options->prefix),
        .is_relative = is_relative,
    };
    struct location_request request = location_request_of(ex);

    location_base(out, &rules, &request);
}

void exchange_base_url(const struct exchange *ex, struct str *out)
{
    append_base(ex, false, out);
}

void exchange_set_location(struct exchange *ex, const char *format, ...)
{
    auto_str value = STR_INIT(HEADER_MAX);
    va_list args;

    append_base(ex, ex->options->is_relative_urls, &value);
    str_append_format(&value, "v2/%s/", ex->repository);
    va_start(args, format);
    str_append_vformat(&value, format, args);
    va_end(args);
    assert(!str_overflowed(&value));
    http_reply_header(ex->http, "Location", str_text(&value));
}

void exchange_send_empty(struct exchange *ex, int status)
{
    http_reply_send(ex->http, status, SPAN(""));
}

void exchange_send_json(struct exchange *ex, int status, struct span body)
{
    http_reply_header(ex->http, "Content-Type", "application/json; charset=utf-8");
    http_reply_send(ex->http, status, body);
}

void exchange_send_text(struct exchange *ex, int status, const char *text)
{
    http_reply_header(ex->http, "Content-Type", "text/plain; charset=utf-8");
    if (http_reply_header_sent(ex->http, "X-Content-Type-Options") == NULL)
        http_reply_header(ex->http, "X-Content-Type-Options", "nosniff");
    http_reply_send(ex->http, status, span_of(text));
}

void exchange_send_errors(struct exchange *ex)
{
    auto_str body = STR_INIT(ENVELOPE_MAX);

    assert(ex->error_count > 0);
    errors_envelope(&body, ex->errors, ex->error_count);
    exchange_send_json(ex, errors_row_of(ex->errors[0].code)->status, str_span(&body));
}
