/* SPDX-License-Identifier: Apache-2.0
 *
 * transfer - one call as its caller sees it: a chain of exchanges, each a redirect or another
 * attempt, of which the last is the answer.
 */
#include "lib/client/transfer.h"

#include "lib/base/ascii.h"
#include "lib/base/clock.h"
#include "lib/base/memory.h"
#include "lib/client/exchange.h"
#include "lib/client/redirect.h"
#include "lib/client/retry.h"
#include "lib/client/target.h"
#include "lib/task/task.h"

#include <assert.h>
#include <event2/buffer.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/banned.h"

#define NS_PER_MS  1000000
#define READ_PIECE (64 * 1024)

struct client_transfer {
    struct client *client;
    struct exchange *exchange;
    struct client_call call; /* its texts are the copies below */
    char *call_method;
    char *call_url;
    char **headers;
    int64_t begun_ns;
    int attempts; /* made, this one included */

    /* where redirects have led */
    char *url;
    const char *method;
    int redirects;
    bool is_without_body;
    bool is_without_secrets;
    bool is_renewed; /* the exchange is on a fresh connection, in place of a stale one */
};

/* ---- what a caller may ask for ---- */

static bool is_token(const char *text)
{
    for (const char *c = text; *c != '\0'; c++) {
        if (!is_ascii_alnum_or(*c, "!#$%&'*+-.^_`|~"))
            return false;
    }
    return *text != '\0';
}

/* Framing is ours: nobody else knows the body's length. */
static bool is_framing(struct span name)
{
    return span_equals_nocase(name, SPAN("content-length")) ||
           span_equals_nocase(name, SPAN("transfer-encoding")) ||
           span_equals_nocase(name, SPAN("expect"));
}

static int check_header(const char *line, struct error *err)
{
    struct span value = span_of(line);
    struct span name = span_cut(&value, ':');
    auto_free char *text = xstrndup(name.data, name.len);

    if (value.data == NULL || !is_token(text) || is_framing(name))
        return error_set(err, ERROR_INVALID, "a header that cannot be sent");
    for (size_t i = 0; i < value.len; i++) {
        unsigned char c = (unsigned char)value.data[i];

        if ((c < ' ' && c != '\t') || c == 0x7f)
            return error_set(err, ERROR_INVALID, "header %s has a control character", text);
    }
    return 0;
}

static int check_call(const struct client_call *call, struct error *err)
{
    const char *const *line = call->headers;

    if (!is_token(call->method))
        return error_set(err, ERROR_INVALID, "a method that is no token");
    if (call->has_stream && call->stream_size < 0)
        return error_set(err, ERROR_INVALID, "a body of negative size");
    for (; line != NULL && *line != NULL; line++) {
        if (check_header(*line, err) < 0)
            return -1;
    }
    return target_check(call->url, err);
}

/* ---- exchanges ---- */

static int64_t deadline_ns(const struct client_transfer *t)
{
    return t->call.timeout_ms > 0 ? t->begun_ns + (int64_t)t->call.timeout_ms * NS_PER_MS : 0;
}

/* Whom to believe, unless nobody asks. May suspend. */
static int load_trust(struct client_transfer *t, struct error *err)
{
    if (t->client->is_verify_skipped || !is_target_tls(t->url))
        return 0;
    return trust_load(&t->client->trust, err);
}

/* May suspend. */
static int begin(struct client_transfer *t, struct error *err)
{
    struct exchange_request request = {
        .method = t->method,
        .url = t->url,
        .headers = t->call.headers,
        .is_without_secrets = t->is_without_secrets,
        .is_without_content = t->is_without_body,
        .is_fresh = t->is_renewed,
        .stall_timeout_ms =
            t->call.stall_timeout_ms > 0 ? t->call.stall_timeout_ms : t->client->stall_timeout_ms,
        .deadline_ns = deadline_ns(t),
    };

    if (load_trust(t, err) < 0)
        return -1;
    if (!t->is_without_body) {
        request.body = t->call.body;
        request.body_buffer = t->call.body_buffer;
        request.has_stream = t->call.has_stream;
        request.stream_size = t->call.stream_size;
        request.is_expecting = t->call.is_expecting;
    }
    exchange_close(t->exchange);
    t->exchange = exchange_open(t->client, &request);
    return 0;
}

/* From the caller's URL, as if nothing had been asked before. May suspend. */
static int begin_attempt(struct client_transfer *t, struct error *err)
{
    t->attempts++;
    t->is_renewed = false;
    free(t->url);
    t->url = xstrdup(t->call.url);
    t->method = t->call.method;
    t->redirects = 0;
    t->is_without_body = false;
    t->is_without_secrets = false;
    return begin(t, err);
}

static int64_t asked_pause_ms(const struct client_transfer *t)
{
    const struct answer *answer = exchange_answer(t->exchange);
    size_t cursor = 0;
    const char *value = answer->is_complete ? answer_header(answer, "Retry-After", &cursor) : NULL;

    return retry_parse_after(span_of(value), clock_now().tv_sec);
}

/* Whether there is time for a pause of @pause_ms and something after it. */
static bool has_time(const struct client_transfer *t, int pause_ms)
{
    int64_t then_ms = (clock_monotonic_ns() - t->begun_ns) / NS_PER_MS + pause_ms;

    return (t->call.retry.budget_ms <= 0 || then_ms < t->call.retry.budget_ms) &&
           (t->call.timeout_ms <= 0 || then_ms < t->call.timeout_ms);
}

/* Source: RFC 9110 section 9.2.2. */
static bool is_idempotent(const char *method)
{
    static const char *const names[] = {"GET", "HEAD", "PUT", "DELETE", "OPTIONS"};

    for (size_t i = 0; i < array_count(names); i++) {
        if (strcmp(method, names[i]) == 0)
            return true;
    }
    return false;
}

/* A pooled connection was dead, which says nothing of the server: once more on a new one, at once,
 * and not counted as an attempt. May suspend. */
static int renew(struct client_transfer *t, struct error *err)
{
    if (t->is_renewed || t->call.has_stream || !is_idempotent(t->method) ||
        !is_exchange_stale(t->exchange))
        return 0;
    t->is_renewed = true;
    return begin(t, err) < 0 ? -1 : 1;
}

int transfer_repeat(struct client_transfer *t, struct error *err)
{
    int pause_ms;
    int renewed = renew(t, err);

    if (renewed != 0)
        return renewed;
    if (t->call.has_stream || t->attempts >= t->call.retry.attempts)
        return 0;
    pause_ms = retry_pause(&t->call.retry, t->attempts, asked_pause_ms(t), arc4random());
    if (!has_time(t, pause_ms))
        return 0;
    if (task_sleep(pause_ms, err) < 0 || begin_attempt(t, err) < 0)
        return -1;
    return 1;
}

bool is_transfer_lost(const struct client_transfer *t)
{
    return is_exchange_lost(t->exchange);
}

/* ---- redirects ---- */

/* The Location to follow; NULL when the answer is for the caller. */
static const char *place_to_follow(const struct client_transfer *t)
{
    const struct answer *answer = exchange_answer(t->exchange);
    size_t cursor = 0;

    if (t->call.redirects_max <= 0 || t->call.has_stream || !is_redirect(answer->status))
        return NULL;
    return answer_header(answer, "Location", &cursor);
}

/* Where @location leads; fails when that is nowhere, or too far. */
static int resolve(struct client_transfer *t, const char *location, char **out, struct error *err)
{
    char shown[TARGET_SHOWN_SIZE];

    if (++t->redirects <= t->call.redirects_max && target_resolve(t->url, location, out, err) == 0)
        return 0;
    if (t->redirects > t->call.redirects_max)
        error_set(err, ERROR_IO, "more than %d redirects", t->call.redirects_max);
    target_show(t->call.url, shown);
    error_translate(err, ERROR_IO);
    return error_wrap(err, "%s", shown);
}

static int follow(struct client_transfer *t, const char *location, struct error *err)
{
    const char *method = redirect_method(exchange_answer(t->exchange)->status, t->method);
    char *url;

    if (resolve(t, location, &url, err) < 0)
        return -1;
    t->is_without_secrets |= !is_target_same(t->url, url);
    t->is_without_body |= strcmp(method, t->method) != 0;
    t->method = method;
    free(t->url);
    t->url = url;
    return begin(t, err);
}

/* ---- public ---- */

static char **copy_headers(const char *const *headers)
{
    size_t count = 0;
    char **copy;

    while (headers != NULL && headers[count] != NULL)
        count++;
    copy = xcalloc(count + 1, sizeof(*copy));
    for (size_t i = 0; i < count; i++)
        copy[i] = xstrdup(headers[i]);
    return copy;
}

int client_open(struct client *client, const struct client_call *call, struct client_transfer **out,
                struct error *err)
{
    struct client_transfer *t;

    if (check_call(call, err) < 0)
        return -1;
    t = xcalloc(1, sizeof(*t));
    t->client = client;
    t->call = *call;
    t->call.method = t->call_method = xstrdup(call->method);
    t->call.url = t->call_url = xstrdup(call->url);
    t->headers = copy_headers(call->headers);
    t->call.headers = (const char *const *)t->headers;
    t->begun_ns = clock_monotonic_ns();
    client->open_count++;
    if (begin_attempt(t, err) < 0) {
        client_close(t);
        return -1;
    }
    *out = t;
    return 0;
}

void client_close(struct client_transfer *t)
{
    if (t == NULL)
        return;
    exchange_close(t->exchange);
    t->client->open_count--;
    for (size_t i = 0; t->headers[i] != NULL; i++)
        free(t->headers[i]);
    free(t->headers);
    free(t->call_method);
    free(t->call_url);
    free(t->url);
    free(t);
}

int client_send(struct client_transfer *t, struct evbuffer *data, struct error *err)
{
    assert(t->call.has_stream);
    return exchange_send(t->exchange, data, err);
}

/* Whether the same request may find another answer. @rc: of receiving this one's head. */
static bool is_to_repeat(const struct client_transfer *t, int rc)
{
    return rc < 0 ? is_exchange_lost(t->exchange)
                  : is_retry_status(exchange_answer(t->exchange)->status);
}

int client_receive_head(struct client_transfer *t, int *out_status, struct error *err)
{
    const char *location;

    for (;;) {
        struct error met = ERROR_INIT;
        int rc = exchange_receive_head(t->exchange, &met);
        int repeated = is_to_repeat(t, rc) ? transfer_repeat(t, err) : 0;

        if (repeated > 0)
            continue;
        if (rc < 0 && repeated == 0)
            *err = met;
        if (rc < 0 || repeated < 0)
            return -1;
        location = place_to_follow(t);
        if (location == NULL)
            break;
        if (follow(t, location, err) < 0)
            return -1;
    }
    *out_status = exchange_answer(t->exchange)->status;
    return 0;
}

int client_read(struct client_transfer *t, struct evbuffer *out, size_t max, struct error *err)
{
    return exchange_read(t->exchange, out, max, err);
}

/* Appends all of @piece, or says that it is too much. */
static int append(struct str *out, struct evbuffer *piece, struct error *err)
{
    size_t len = evbuffer_get_length(piece);
    char *room = str_reserve(out, len);

    if (room == NULL)
        return error_set(err, ERROR_TOO_LARGE, "an answer of more than %zu bytes", out->max);
    evbuffer_remove(piece, room, len);
    str_grown(out, len);
    return 0;
}

int client_read_all(struct client_transfer *t, struct str *out, struct error *err)
{
    struct evbuffer *piece = evbuffer_new();
    int rc;

    if (piece == NULL)
        abort();
    while ((rc = client_read(t, piece, READ_PIECE, err)) > 0) {
        if (append(out, piece, err) < 0) {
            rc = -1;
            break;
        }
    }
    evbuffer_free(piece);
    return rc;
}

const char *client_header_next(struct client_transfer *t, const char *name, size_t *cursor)
{
    return answer_header(exchange_answer(t->exchange), name, cursor);
}

const char *client_header(struct client_transfer *t, const char *name)
{
    size_t cursor = 0;

    return client_header_next(t, name, &cursor);
}

int64_t client_length(const struct client_transfer *t)
{
    const struct answer *answer = exchange_answer(t->exchange);

    return answer->is_chunked ? -1 : answer->length;
}

/* By rule some answers end with their head. Source: RFC 9112 section 6.3. */
bool is_client_framed(const struct client_transfer *t)
{
    const struct answer *answer = exchange_answer(t->exchange);

    return answer->is_chunked || answer->length >= 0 || answer->status == 204 ||
           answer->status == 304 || strcmp(t->method, "HEAD") == 0;
}

const char *client_url(const struct client_transfer *t)
{
    return t->url;
}
