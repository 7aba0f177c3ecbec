/* SPDX-License-Identifier: Apache-2.0
 *
 * exchange - see exchange.h. First the callbacks, which libcurl calls on the loop's own stack, then
 * what tasks call.
 */
#include "lib/client/exchange.h"

#include "lib/base/clock.h"
#include "lib/base/memory.h"
#include "lib/client/client.h"
#include "lib/client/handle.h"
#include "lib/client/target.h"
#include "lib/task/task.h"

#include <assert.h>
#include <event2/buffer.h>
#include <stdio.h>

#include "lib/base/banned.h"

#define NS_PER_MS 1000000

/* Why a callback has stopped the transfer. */
enum fault { FAULT_NONE, FAULT_HEAD_LARGE, FAULT_HEAD_BROKEN };

/* What a task waits for. */
enum wanted { WANTED_HEAD, WANTED_INPUT, WANTED_ROOM };

struct exchange {
    struct engine_job job; /* first: the two are one */
    struct client *client;
    struct curl_slist *lines;
    char shown[TARGET_SHOWN_SIZE];
    int stall_timeout_ms;
    int64_t deadline_ns;
    bool is_head;      /* the method is HEAD */
    bool is_expecting; /* `Expect: 100-continue` was sent */
    bool is_refused;   /* and the server wants none of it */

    struct span body;
    const struct evbuffer *body_buffer;
    struct evbuffer *out; /* streamed body, not yet taken by curl; NULL: not streamed */
    int64_t size;         /* of the body */
    int64_t offset;       /* bytes of it that curl has taken */
    int64_t stream_left;  /* bytes of it that client_send has yet to bring */

    struct answer answer;
    struct evbuffer *in; /* received, not yet read */

    enum fault fault;
    bool is_stalled;
    CURLcode result; /* when job.is_done */
    char reason[CURL_ERROR_SIZE];

    bool is_connected;
    int64_t moved_ns; /* when a byte last moved */
    bool is_waiting;
    enum wanted wanted;
    struct task_wait wait;
};

/* ---- waking ---- */

static bool has_failed(const struct exchange *x)
{
    return x->job.is_done && (x->result != CURLE_OK || x->fault != FAULT_NONE);
}

/* A refusal of the request while its body is on the way, or the whole answer. */
static bool is_answered(const struct exchange *x)
{
    return x->job.is_done || (x->answer.is_complete && x->answer.status >= 300);
}

static bool is_ready(const struct exchange *x)
{
    if (x->job.is_done)
        return true;
    switch (x->wanted) {
    case WANTED_HEAD:
        return x->answer.is_complete;
    case WANTED_INPUT:
        return evbuffer_get_length(x->in) > 0;
    case WANTED_ROOM:
        return is_answered(x) || evbuffer_get_length(x->out) <= CLIENT_WINDOW / 2;
    }
    return true;
}

static void note_progress(struct exchange *x)
{
    x->moved_ns = clock_monotonic_ns();
    if (x->is_waiting && is_ready(x))
        task_wake(&x->wait);
}

/* ---- curl calls ---- */

/* What curl sends again goes without the expectation: of the line, the last, only its name is left.
 */
static void unexpect(struct exchange *x)
{
    struct curl_slist *last = x->lines;

    while (last->next != NULL)
        last = last->next;
    last->data[strlen("Expect:")] = '\0';
}

/* 417 before any of the body: curl asks again without the expectation, and that answer counts. A
 * head that ends an upload early lets go of a paused one, or curl would wait for us. */
static void on_head(struct exchange *x)
{
    if (x->answer.status == 417 && x->is_expecting && x->offset == 0) {
        x->answer.is_complete = false;
        x->is_refused = true;
        unexpect(x);
    } else if (x->answer.status >= 300 && x->job.paused & CURLPAUSE_SEND) {
        x->job.paused &= ~CURLPAUSE_SEND;
        engine_resume(&x->client->engine, &x->job);
    }
}

static size_t on_header(char *data, size_t size, size_t count, void *arg)
{
    struct exchange *x = arg;

    if (x->job.is_abandoned)
        return 0;
    switch (answer_line(&x->answer, span_make(data, size * count))) {
    case ANSWER_TOO_LARGE:
        x->fault = FAULT_HEAD_LARGE;
        return 0;
    case ANSWER_BROKEN:
        x->fault = FAULT_HEAD_BROKEN;
        return 0;
    case ANSWER_COMPLETE:
        on_head(x);
        break;
    case ANSWER_GOES_ON:
        break;
    }
    note_progress(x);
    return size * count;
}

static size_t on_body(char *data, size_t size, size_t count, void *arg)
{
    struct exchange *x = arg;
    size_t len = size * count;

    if (x->job.is_abandoned)
        return 0;
    if (evbuffer_get_length(x->in) + len > CLIENT_WINDOW) {
        x->job.paused |= CURLPAUSE_RECV;
        return CURL_WRITEFUNC_PAUSE;
    }
    evbuffer_add(x->in, data, len);
    note_progress(x);
    return len;
}

static size_t take_buffer(struct exchange *x, char *to, size_t max)
{
    /* libevent only reads here; its prototype predates const */
    struct evbuffer *buffer = (struct evbuffer *)(uintptr_t)x->body_buffer;
    struct evbuffer_ptr from;
    ev_ssize_t got;

    if (evbuffer_ptr_set(buffer, &from, (size_t)x->offset, EVBUFFER_PTR_SET) < 0)
        return 0;
    got = evbuffer_copyout_from(buffer, &from, to, max);
    return got > 0 ? (size_t)got : 0;
}

static size_t take_span(struct exchange *x, char *to, size_t max)
{
    struct span rest = span_from(x->body, (size_t)x->offset);
    size_t len = rest.len < max ? rest.len : max;

    if (len > 0)
        memcpy(to, rest.data, len);
    return len;
}

static size_t on_upload(char *to, size_t size, size_t count, void *arg)
{
    struct exchange *x = arg;
    size_t max = size * count;
    size_t len;

    if (x->job.is_abandoned)
        return CURL_READFUNC_ABORT;
    if (x->out == NULL) {
        len = x->body_buffer != NULL ? take_buffer(x, to, max) : take_span(x, to, max);
    } else if (evbuffer_get_length(x->out) > 0 || x->offset == x->size) {
        len = (size_t)evbuffer_remove(x->out, to, max);
    } else {
        x->job.paused |= CURLPAUSE_SEND;
        return CURL_READFUNC_PAUSE;
    }
    x->offset += (int64_t)len;
    note_progress(x);
    return len;
}

/* curl wants the body again: the pooled connection it has tried was dead. What was streamed and
 * taken is gone. */
static int on_rewind(void *arg, curl_off_t offset, int origin)
{
    struct exchange *x = arg;

    if (origin != SEEK_SET || offset < 0 || offset > x->size)
        return CURL_SEEKFUNC_FAIL;
    if (x->out != NULL && offset != x->offset)
        return CURL_SEEKFUNC_FAIL;
    x->offset = offset;
    return CURL_SEEKFUNC_OK;
}

/* Connected; the request is next. From here on a standstill counts. */
static int on_connected(void *arg, char *ip, char *local_ip, int port, int local_port)
{
    struct exchange *x = arg;

    (void)ip, (void)local_ip, (void)port, (void)local_port;
    x->is_connected = true;
    x->moved_ns = clock_monotonic_ns();
    if (x->is_waiting)
        task_wake(&x->wait); /* it waits without that limit */
    return CURL_PREREQFUNC_OK;
}

/* To curl, a connection that is closed within a head is the end of an answer without a body. */
static void on_done(struct engine_job *job, CURLcode result)
{
    struct exchange *x = (struct exchange *)job;

    x->result = result;
    if (x->is_refused && x->answer.status == 417)
        x->answer.is_complete = true; /* it has not asked again */
    if (result == CURLE_OK && !x->answer.is_complete)
        x->fault = FAULT_HEAD_BROKEN;
    note_progress(x);
}

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

/* ---- making one ---- */

static void set_callbacks(struct exchange *x)
{
    CURL *easy = x->job.easy;

    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, x->reason);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, x);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, x);
    curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, on_connected);
    curl_easy_setopt(easy, CURLOPT_PREREQDATA, x);
    curl_easy_setopt(easy, CURLOPT_READFUNCTION, on_upload);
    curl_easy_setopt(easy, CURLOPT_READDATA, x);
    curl_easy_setopt(easy, CURLOPT_SEEKFUNCTION, on_rewind);
    curl_easy_setopt(easy, CURLOPT_SEEKDATA, x);
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

    x->job =
        (struct engine_job){.easy = curl_easy_init(), .on_done = on_done, .on_release = on_release};
    x->in = evbuffer_new();
    if (request->has_stream)
        x->out = evbuffer_new();
    if (x->job.easy == NULL || x->in == NULL || (request->has_stream && x->out == NULL))
        abort();
    x->client = client;
    x->stall_timeout_ms = request->stall_timeout_ms;
    x->deadline_ns = request->deadline_ns;
    x->is_head = strcmp(request->method, "HEAD") == 0;
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
    set_callbacks(x);
    engine_start(&client->engine, &x->job);
    return x;
}

void exchange_close(struct exchange *x)
{
    if (x != NULL)
        engine_abandon(&x->client->engine, &x->job);
}

/* ---- waiting ---- */

/* Milliseconds, rounded up, until @at_ns; 0 when it has passed. */
static int64_t ms_until(int64_t at_ns)
{
    int64_t left = at_ns - clock_monotonic_ns();

    return left > 0 ? (left + NS_PER_MS - 1) / NS_PER_MS : 0;
}

/* How long a wait may last until a limit is reached; -1: no limit. */
static int64_t patience_ms(const struct exchange *x)
{
    int64_t ms = -1;

    if (x->is_connected)
        ms = ms_until(x->moved_ns + (int64_t)x->stall_timeout_ms * NS_PER_MS);
    if (x->deadline_ns != 0) {
        int64_t left = ms_until(x->deadline_ns);

        ms = ms < 0 || left < ms ? left : ms;
    }
    return ms < INT32_MAX ? ms : INT32_MAX;
}

static int time_out(struct exchange *x, struct error *err)
{
    if (x->deadline_ns != 0 && ms_until(x->deadline_ns) == 0)
        return error_set(err, ERROR_TIMEOUT, "%s: the time for the call is over", x->shown);
    x->is_stalled = true;
    return error_set(err, ERROR_TIMEOUT, "%s: nothing moved for %d ms", x->shown,
                     x->stall_timeout_ms);
}

/* Suspends until what is wanted is there or the exchange is done. Only time spent here counts as a
 * standstill. */
static int wait_for(struct exchange *x, enum wanted wanted, struct error *err)
{
    int rc = 0;

    x->wanted = wanted;
    x->moved_ns = clock_monotonic_ns();
    while (rc == 0 && !is_ready(x)) {
        struct error woken = ERROR_INIT;
        int64_t ms = patience_ms(x);

        if (ms == 0)
            return time_out(x, err);
        x->is_waiting = true;
        rc = task_wait(&x->wait, ms < 0 ? TASK_NO_TIMEOUT : (int)ms, &woken);
        x->is_waiting = false;
        if (rc < 0 && woken.code == ERROR_TIMEOUT)
            rc = 0;
        else if (rc < 0)
            *err = woken;
    }
    return rc;
}

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
    return error_set(err, x->result == CURLE_OPERATION_TIMEDOUT ? ERROR_TIMEOUT : ERROR_IO,
                     "%s: %s", x->shown, reason_of(x));
}

/* ---- what tasks call ---- */

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
    if (is_answered(x)) {
        evbuffer_drain(data, len);
        return has_failed(x) ? fail(x, err) : 0;
    }
    evbuffer_add_buffer(x->out, data);
    resume(x, CURLPAUSE_SEND);
    if (evbuffer_get_length(x->out) > CLIENT_WINDOW && wait_for(x, WANTED_ROOM, err) < 0)
        return -1;
    if (has_failed(x))
        return fail(x, err);
    return is_answered(x) ? 0 : 1;
}

int exchange_receive_head(struct exchange *x, struct error *err)
{
    if (x->stream_left > 0 && !is_answered(x))
        return error_set(err, ERROR_INVALID, "%s: less of a body than announced", x->shown);
    if (wait_for(x, WANTED_HEAD, err) < 0)
        return -1;
    return has_failed(x) && !x->answer.is_complete ? fail(x, err) : 0;
}

int exchange_read(struct exchange *x, struct evbuffer *out, size_t max, struct error *err)
{
    if (wait_for(x, WANTED_INPUT, err) < 0)
        return -1;
    if (evbuffer_get_length(x->in) == 0)
        return has_failed(x) ? fail(x, err) : 0;
    evbuffer_remove_buffer(x->in, out, max);
    if (evbuffer_get_length(x->in) <= CLIENT_WINDOW / 2)
        resume(x, CURLPAUSE_RECV);
    return 1;
}

const struct answer *exchange_answer(const struct exchange *x)
{
    return &x->answer;
}

bool is_exchange_stale(const struct exchange *x)
{
    long connects = 1;

    if (!has_failed(x) || x->answer.status != 0)
        return false;
    curl_easy_getinfo(x->job.easy, CURLINFO_NUM_CONNECTS, &connects);
    return connects == 0 && (x->result == CURLE_SEND_ERROR || x->result == CURLE_RECV_ERROR ||
                             x->result == CURLE_GOT_NOTHING || x->fault == FAULT_HEAD_BROKEN);
}

/* Not what another attempt would find the same: certificates, too large heads. */
bool is_exchange_lost(const struct exchange *x)
{
    static const CURLcode lost[] = {
        CURLE_COULDNT_RESOLVE_PROXY,
        CURLE_COULDNT_RESOLVE_HOST,
        CURLE_COULDNT_CONNECT,
        CURLE_WEIRD_SERVER_REPLY,
        CURLE_PARTIAL_FILE,
        CURLE_OPERATION_TIMEDOUT,
        CURLE_SSL_CONNECT_ERROR,
        CURLE_GOT_NOTHING,
        CURLE_SEND_ERROR,
        CURLE_RECV_ERROR,
        CURLE_SEND_FAIL_REWIND,
    };

    for (size_t i = 0; has_failed(x) && i < array_count(lost); i++) {
        if (x->result == lost[i])
            return true;
    }
    return x->is_stalled || x->fault == FAULT_HEAD_BROKEN;
}
