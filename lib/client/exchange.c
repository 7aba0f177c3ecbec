/* SPDX-License-Identifier: Apache-2.0
 *
 * exchange - see exchange.h. Its life, and what tasks call.
 */
#include "lib/client/exchange.h"

#include "lib/base/clock.h"
#include "lib/base/memory.h"
#include "lib/client/exchange_parts.h"
#include "lib/client/failure.h"
#include "lib/client/handle.h"
#include "lib/client/progress.h"
#include "lib/client/wire.h"

#include <assert.h>
#include <event2/buffer.h>
#include <stdlib.h>

#include "lib/base/banned.h"

bool has_exchange_failed(const struct exchange *x)
{
    return x->job.is_done && (x->result != CURLE_OK || x->fault != FAULT_NONE);
}

bool is_exchange_answered(const struct exchange *x)
{
    return x->job.is_done || (x->answer.is_complete && x->answer.status >= 300);
}

/* ---- making one ---- */

static void on_release(struct engine_job *job)
{
    struct exchange *x = (struct exchange *)job;

    curl_easy_cleanup(job->easy);
    curl_slist_free_all(x->lines);
    answer_fini(&x->answer);
    evbuffer_free(x->in);
    if (x->out != NULL)
        evbuffer_free(x->out);
    free(x);
}

static int64_t body_size(const struct exchange_request *request)
{
    if (request->has_stream)
        return request->stream_size;
    if (request->body_buffer != NULL)
        return (int64_t)evbuffer_get_length(request->body_buffer);
    return (int64_t)request->body.len;
}

static struct exchange *make(struct client *client, const struct exchange_request *request)
{
    struct exchange *x = xcalloc(1, sizeof(*x));

    x->job = (struct engine_job){
        .easy = curl_easy_init(), .on_done = wire_on_done, .on_release = on_release};
    x->in = evbuffer_new();
    if (request->has_stream)
        x->out = evbuffer_new();
    if (x->job.easy == NULL || x->in == NULL || (request->has_stream && x->out == NULL))
        abort();
    x->client = client;
    x->stall_timeout_ms = request->stall_timeout_ms;
    x->body_timeout_ms = request->body_timeout_ms;
    x->deadline_ns = request->deadline_ns;
    x->is_head = strcmp(request->method, "HEAD") == 0;
    x->is_idempotent = request->is_idempotent;
    x->is_expecting = request->is_expecting;
    x->body = request->body;
    x->body_buffer = request->body_buffer;
    x->size = body_size(request);
    x->stream_left = request->has_stream ? request->stream_size : 0;
    answer_init(&x->answer);
    target_show(request->url, x->shown);
    return x;
}

struct exchange *exchange_open(struct client *client, const struct exchange_request *request)
{
    struct exchange *x = make(client, request);

    x->lines = handle_set(x->job.easy, client, request, x->size);
    wire_attach(x);
    engine_start(&client->engine, &x->job);
    return x;
}

void exchange_close(struct exchange *x)
{
    if (x != NULL)
        engine_abandon(&x->client->engine, &x->job);
}

/* ---- what tasks call ---- */

/* curl's own words, unless they might repeat what is secret (a proxy with its password). */
static const char *reason_of(const struct exchange *x)
{
    if (x->reason[0] == '\0' || strpbrk(x->reason, "@?") != NULL)
        return curl_easy_strerror(x->result);
    return x->reason;
}

static int fail(const struct exchange *x, struct error *err)
{
    if (x->fault == FAULT_HEAD_LARGE)
        return error_set(err, ERROR_TOO_LARGE, "%s: headers of more than %d bytes", x->shown,
                         ANSWER_HEAD_MAX);
    if (x->fault == FAULT_HEAD_BROKEN)
        return error_set(err, ERROR_IO, "%s: the answer's head is broken", x->shown);
    if (x->fault == FAULT_UNASKED)
        return error_set(err, ERROR_IO, "%s: the server has spoken before it was asked", x->shown);
    if (x->fault == FAULT_DIED)
        return error_set(err, ERROR_IO, "%s: the connection ended without an answer", x->shown);
    if (x->fault == FAULT_PROXY)
        return error_set(err, ERROR_IO, "%s: the proxy says more than an answer", x->shown);
    return error_set(err, x->result == CURLE_OPERATION_TIMEDOUT ? ERROR_TIMEOUT : ERROR_IO,
                     "%s: %s", x->shown, reason_of(x));
}

static void resume(struct exchange *x, int direction)
{
    if ((x->job.paused & direction) == 0)
        return;
    x->job.paused &= ~direction;
    engine_resume(&x->client->engine, &x->job);
}

int exchange_send(struct exchange *x, struct evbuffer *data, struct error *err)
{
    size_t len = evbuffer_get_length(data);

    assert(x->out != NULL);
    if ((int64_t)len > x->stream_left) {
        evbuffer_drain(data, len);
        return error_set(err, ERROR_INVALID, "%s: more of a body than announced", x->shown);
    }
    x->stream_left -= (int64_t)len;
    if (is_exchange_answered(x)) {
        evbuffer_drain(data, len);
        return has_exchange_failed(x) ? fail(x, err) : 0;
    }
    evbuffer_add_buffer(x->out, data);
    resume(x, CURLPAUSE_SEND);
    if (evbuffer_get_length(x->out) > CLIENT_WINDOW && progress_wait(x, WANTED_ROOM, err) < 0)
        return -1;
    if (has_exchange_failed(x))
        return fail(x, err);
    return is_exchange_answered(x) ? 0 : 1;
}

int exchange_receive_head(struct exchange *x, struct error *err)
{
    if (x->stream_left > 0 && !is_exchange_answered(x))
        return error_set(err, ERROR_INVALID, "%s: less of a body than announced", x->shown);
    if (progress_wait(x, WANTED_HEAD, err) < 0)
        return -1;
    return has_exchange_failed(x) && !x->answer.is_complete ? fail(x, err) : 0;
}

int exchange_read(struct exchange *x, struct evbuffer *out, size_t max, struct error *err)
{
    if (progress_wait(x, WANTED_INPUT, err) < 0)
        return -1;
    if (evbuffer_get_length(x->in) == 0)
        return has_exchange_failed(x) ? fail(x, err) : 0;
    evbuffer_remove_buffer(x->in, out, max);
    x->client->moved_ns = clock_monotonic_ns(); /* a slow reader is no silent server */
    if (evbuffer_get_length(x->in) <= CLIENT_WINDOW / 2)
        resume(x, CURLPAUSE_RECV);
    return 1;
}

const struct answer *exchange_answer(const struct exchange *x)
{
    return &x->answer;
}

bool is_exchange_unsent(const struct exchange *x)
{
    return x->fault == FAULT_UNASKED;
}

bool is_exchange_stale(const struct exchange *x)
{
    long connects = 1;

    if (!has_exchange_failed(x) || x->answer.status != 0)
        return false;
    curl_easy_getinfo(x->job.easy, CURLINFO_NUM_CONNECTS, &connects);
    return is_exchange_unsent(x) ||
           (connects == 0 && (x->result == CURLE_SEND_ERROR || x->result == CURLE_RECV_ERROR ||
                              x->result == CURLE_GOT_NOTHING || x->fault == FAULT_HEAD_BROKEN));
}

bool is_exchange_lost(const struct exchange *x)
{
    long proxy_status = 0;

    if (x->is_stalled || x->fault == FAULT_HEAD_BROKEN || x->fault == FAULT_DIED ||
        is_exchange_unsent(x))
        return true;
    if (!has_exchange_failed(x) || x->fault != FAULT_NONE)
        return false;
    curl_easy_getinfo(x->job.easy, CURLINFO_HTTP_CONNECTCODE, &proxy_status);
    return is_failure_passing(x->result, x->reason, (int)proxy_status);
}
