/* SPDX-License-Identifier: Apache-2.0
 *
 * wire - see wire.h.
 */
#include "lib/client/wire.h"

#include "lib/client/progress.h"

#include <event2/buffer.h>

#include "lib/base/banned.h"

#define STEPS_MAX (256 * 1024) /* before it is connected */

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
        progress_note_head(x);
        break;
    case ANSWER_GOES_ON:
        progress_note(x);
        break;
    }
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
    progress_received(x, len);
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
    progress_sent(x, len);
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

/* A step is done. What a proxy answers to CONNECT curl reads byte by byte, and for as long as there
 * is more: neither we nor its timers would get a turn. */
static int on_step(void *arg, curl_off_t size, curl_off_t got, curl_off_t out_size, curl_off_t sent)
{
    struct exchange *x = arg;

    (void)size, (void)got, (void)out_size, (void)sent;
    if (x->is_connected || ++x->steps < STEPS_MAX)
        return x->job.is_abandoned;
    x->fault = FAULT_PROXY;
    return 1;
}

static bool is_reused(const struct exchange *x)
{
    long connects = 1;

    curl_easy_getinfo(x->job.easy, CURLINFO_NUM_CONNECTS, &connects);
    return connects == 0;
}

/* Connected; the request is next. From here on a standstill counts. On a pooled connection nothing
 * may wait to be read: it would be the answer. When such a connection dies without one libcurl asks
 * again by itself, a POST too, which may have done its work. */
static int on_connected(void *arg, char *ip, char *local_ip, int port, int local_port)
{
    struct exchange *x = arg;

    (void)ip, (void)local_ip, (void)port;
    if (is_reused(x) && has_sockets_input(&x->client->engine.sockets, local_port)) {
        x->fault = FAULT_UNASKED;
        return CURL_PREREQFUNC_ABORT;
    }
    if (x->is_connected && !x->is_idempotent && !x->is_refused) {
        x->fault = FAULT_DIED;
        return CURL_PREREQFUNC_ABORT;
    }
    x->is_connected = true;
    progress_wake(x);
    return CURL_PREREQFUNC_OK;
}

/* To curl, a connection that is closed within a head is the end of an answer without a body, and
 * what does not begin like an answer is one in a protocol it does not take. */
static bool is_head_broken(const struct exchange *x)
{
    return (x->result == CURLE_OK && !x->answer.is_complete) ||
           (x->result == CURLE_UNSUPPORTED_PROTOCOL && x->is_connected);
}

void wire_on_done(struct engine_job *job, CURLcode result)
{
    struct exchange *x = (struct exchange *)job;

    x->result = result;
    if (x->is_refused && x->answer.status == 417)
        x->answer.is_complete = true; /* it has not asked again */
    if (is_head_broken(x))
        x->fault = FAULT_HEAD_BROKEN;
    progress_wake(x);
}

void wire_attach(struct exchange *x)
{
    CURL *easy = x->job.easy;

    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, x->reason);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, x);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, x);
    curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, on_connected);
    curl_easy_setopt(easy, CURLOPT_PREREQDATA, x);
    curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, on_step);
    curl_easy_setopt(easy, CURLOPT_XFERINFODATA, x);
    curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(easy, CURLOPT_READFUNCTION, on_upload);
    curl_easy_setopt(easy, CURLOPT_READDATA, x);
    curl_easy_setopt(easy, CURLOPT_SEEKFUNCTION, on_rewind);
    curl_easy_setopt(easy, CURLOPT_SEEKDATA, x);
}
