/* SPDX-License-Identifier: Apache-2.0
 *
 * chain - see chain.h.
 */
#include "lib/client/chain.h"

#include "lib/base/clock.h"
#include "lib/base/memory.h"
#include "lib/client/redirect.h"
#include "lib/client/retry.h"
#include "lib/client/target.h"
#include "lib/task/task.h"

#include <stdlib.h>

#include "lib/base/banned.h"

/* ---- exchanges ---- */

static int64_t deadline_ns(const struct client_transfer *t)
{
    return t->call.timeout_ms > 0 ? t->begun_ns + (int64_t)t->call.timeout_ms * CLOCK_MS_NS : 0;
}

/* Whom to believe, unless nobody asks. May suspend. */
static int load_trust(struct client_transfer *t, struct error *err)
{
    if (t->client->is_verify_skipped || !is_target_tls(t->url))
        return 0;
    return trust_load(&t->client->trust, err);
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
        .is_idempotent = is_idempotent(t->method),
        .stall_timeout_ms =
            t->call.stall_timeout_ms > 0 ? t->call.stall_timeout_ms : t->client->stall_timeout_ms,
        .body_timeout_ms = t->call.body_timeout_ms,
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

/* As if nothing had been asked before. */
int chain_begin(struct client_transfer *t, struct error *err)
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
    int64_t then_ms = (clock_monotonic_ns() - t->begun_ns) / CLOCK_MS_NS + pause_ms;

    return (t->call.retry.budget_ms <= 0 || then_ms < t->call.retry.budget_ms) &&
           (t->call.timeout_ms <= 0 || then_ms < t->call.timeout_ms);
}

/* A pooled connection was dead, which says nothing of the server: once more on a new one, at once,
 * and not counted as an attempt. May suspend. */
static int renew(struct client_transfer *t, struct error *err)
{
    if (t->is_renewed || t->call.has_stream || !is_exchange_stale(t->exchange))
        return 0;
    if (!is_idempotent(t->method) && !is_exchange_unsent(t->exchange))
        return 0;
    t->is_renewed = true;
    return begin(t, err) < 0 ? -1 : 1;
}

int chain_repeat(struct client_transfer *t, struct error *err)
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
    if (task_sleep(pause_ms, err) < 0 || chain_begin(t, err) < 0)
        return -1;
    return 1;
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

int chain_follow(struct client_transfer *t, struct error *err)
{
    const char *location = place_to_follow(t);
    const char *method;
    char *url;

    if (location == NULL)
        return 0;
    method = redirect_method(exchange_answer(t->exchange)->status, t->method);
    if (resolve(t, location, &url, err) < 0)
        return -1;
    t->is_without_secrets |= !is_target_same(t->url, url);
    t->is_without_body |= strcmp(method, t->method) != 0;
    t->method = method;
    free(t->url);
    t->url = url;
    return begin(t, err) < 0 ? -1 : 1;
}
