/* SPDX-License-Identifier: Apache-2.0
 *
 * s3_request - see s3_request.h. What an answer means is in verdict.c.
 */
#include "drivers/s3/s3_request.h"

#include "drivers/s3/credentials.h"
#include "drivers/s3/request_head.h"
#include "drivers/s3/verdict.h"
#include "lib/base/clock.h"
#include "lib/base/encode.h"
#include "lib/base/log.h"
#include "lib/base/memory.h"
#include "lib/client/client.h"
#include "lib/client/retry.h"
#include "lib/task/task.h"

#include <assert.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/base/banned.h"

#define ATTEMPTS 4
#define XML_MAX  (8 << 20) /* bytes of an answer that is no content */

#define MOVED_PER_S    (16 << 20) /* bytes that a service moves at least */
#define PATIENCE_MAX_S 300

#define DOCUMENT_SILENCES 10 /* how much longer than silence a document may take */

static const struct client_retry pauses = {.attempts = ATTEMPTS, .first_ms = 100, .max_ms = 5000};
static const struct client_retry long_pauses = {
    .attempts = ATTEMPTS, .first_ms = 500, .max_ms = 20000};

void s3_request_header(struct s3_request *request, const char *name, const char *value)
{
    assert(request->header_count < REQUEST_HEADERS_MAX);
    request->headers[request->header_count++] = (struct sign_header){name, value};
}

void s3_request_object_headers(struct s3_request *request, const struct service *service)
{
    s3_request_header(request, "content-type", "application/octet-stream");
    s3_request_header(request, "x-amz-acl", service->acl);
    if (service->storage_class[0] != '\0')
        s3_request_header(request, "x-amz-storage-class", service->storage_class);
    if (service->encryption[0] != '\0')
        s3_request_header(request, "x-amz-server-side-encryption", service->encryption);
    if (service->key_id[0] != '\0')
        s3_request_header(request, "x-amz-server-side-encryption-aws-kms-key-id", service->key_id);
}

int s3_request_patience(int64_t size)
{
    int64_t seconds = size / MOVED_PER_S;

    return (int)(seconds < PATIENCE_MAX_S ? seconds : PATIENCE_MAX_S) * 1000;
}

void s3_answer_fini(struct s3_answer *answer)
{
    xml_answer_fini(&answer->xml);
}

/* ---- one attempt ---- */

static void read_head(struct client_transfer *transfer, struct s3_answer *out)
{
    const char *etag = client_header(transfer, "ETag");
    const char *modified = client_header(transfer, "Last-Modified");
    const char *range = client_header(transfer, "Content-Range");

    snprintf(out->etag, sizeof(out->etag), "%s", etag != NULL ? etag : "");
    out->length = client_length(transfer);
    out->total = range != NULL ? verdict_total(span_of(range)) : -1;
    if (modified != NULL)
        (void)verdict_time(modified, &out->modified_at);
}

/* The body of an answer that is not content: XML, or nothing we read. */
static int read_xml(struct client_transfer *transfer, struct s3_answer *out, struct error *err)
{
    auto_str body = STR_INIT(XML_MAX);
    struct span text;

    if (client_read_all(transfer, &body, err) < 0)
        return -1;
    text = str_span(&body);
    while (text.len > 0 && strchr(" \r\n\t", text.data[0]) != NULL)
        text = span_from(text, 1); /* sent to keep a slow call's connection alive */
    if (text.len == 0)
        return 0;
    if (out->status / 100 == 2)
        return xml_parse(text, &out->xml, err);
    if (xml_parse(text, &out->xml, err) < 0)
        *err = ERROR_INIT; /* the status says enough */
    return 0;
}

static int read_content(const struct s3_request *request, struct client_transfer *transfer,
                        const struct s3_answer *answer, struct error *err)
{
    struct str *content = request->content;
    size_t before = content->len;

    if (!is_client_framed(transfer)) /* it ends where its connection does, whole or not */
        return error_set(err, ERROR_IO, "the service does not say how long its answer is");
    if (answer->length > (int64_t)(content->max - before))
        return error_set(err, ERROR_TOO_LARGE, "%lld bytes are more than %zu",
                         (long long)answer->length, content->max - before);
    if (client_read_all(transfer, content, err) == 0)
        return 0;
    content->len = before;
    content->overflowed = false;
    if (content->data != NULL)
        content->data[before] = '\0';
    return -1;
}

/* What stands before a service may answer with 200 in its place, or cut what it says: an empty list
 * taken for true would make garbage of all there is. */
static int check_result(const struct s3_answer *answer, struct error *err)
{
    if (answer->xml.root != NULL && span_ends_with(span_of(answer->xml.root), SPAN("Result")))
        return 0;
    return error_set(err, ERROR_IO, "the service answered with status %d, and no result",
                     answer->status);
}

/* The head is there: read on, and judge. */
static int finish(const struct s3_request *request, struct client_transfer *transfer,
                  struct s3_answer *out, bool is_stream, struct error *err)
{
    bool is_good = out->status / 100 == 2;

    read_head(transfer, out);
    if (is_good && is_stream)
        return 0;
    if (is_good && request->content != NULL)
        return read_content(request, transfer, out, err);
    if (strcmp(request->method, "HEAD") != 0 && read_xml(transfer, out, err) < 0)
        return -1;
    if (verdict_of(out, err) < 0)
        return -1;
    return request->is_result_due ? check_result(out, err) : 0;
}

/* What fails on the way says so after its URL. Of that only the host stays: our callers name the
 * key, and the reason needs the room. */
static void name_place(const struct service *service, const struct s3_request *request,
                       struct error *err)
{
    struct error met = *err;
    const char *reason = strstr(met.message, ": ");

    if (strncmp(met.message, "http", strlen("http")) == 0 && reason != NULL)
        error_set(err, met.code, "%s %s://%s%s", request->method, service->endpoint.scheme,
                  service->endpoint.host, reason);
}

/* Authorities that cannot be read are nobody's wrong request. */
static int open_transfer(struct service *service, const struct client_call *call,
                         struct s3_answer *answer, struct client_transfer **out, struct error *err)
{
    if (client_open(service->client, call, out, err) == 0)
        return 0;
    answer->is_hopeless = true;
    return err->code == ERROR_INVALID ? error_translate(err, ERROR_IO) : -1;
}

/* An answer that is no content is a small document, before which some services send blanks for as
 * long as they work. */
static bool is_document(const struct s3_request *request, struct client_transfer *const *stream)
{
    return stream == NULL && request->content == NULL;
}

static int document_ms(int silence_ms)
{
    return silence_ms < INT_MAX / DOCUMENT_SILENCES ? silence_ms * DOCUMENT_SILENCES : INT_MAX;
}

static int try_once(struct service *service, const struct s3_request *request, int silence_ms,
                    struct s3_answer *out, struct client_transfer **out_transfer, struct error *err)
{
    auto_cleanup(request_head_fini) struct request_head head = {0};
    struct client_transfer *transfer = NULL;
    struct client_call call;
    int rc;

    if (request_head_init(&head, service, request, err) < 0)
        return -1;
    call = (struct client_call){
        .method = request->method,
        .url = str_text(&head.url),
        .headers = head.headers,
        .body = request->body,
        .body_buffer = request->pieces,
        .is_expecting = request->pieces != NULL,
        .stall_timeout_ms = silence_ms,
        .body_timeout_ms = is_document(request, out_transfer) ? document_ms(silence_ms) : 0,
    };
    if (open_transfer(service, &call, out, &transfer, err) < 0)
        return -1;
    rc = client_receive_head(transfer, &out->status, err);
    out->is_hopeless = rc < 0 && !is_client_lost(transfer);
    if (rc == 0) {
        service->is_silent = false;
        rc = finish(request, transfer, out, out_transfer != NULL, err);
    }
    if (rc < 0)
        name_place(service, request, err);
    if (rc == 0 && out_transfer != NULL)
        *out_transfer = transfer;
    else
        client_close(transfer);
    return rc;
}

/* ---- attempts ---- */

struct attempts {
    int made;
    int64_t begun_ns;
    int stall_ms;   /* of silence are too much, in the last attempt */
    int silence_ms; /* in the first */
};

static struct attempts attempts_of(const struct service *service, const struct s3_request *request)
{
    return (struct attempts){
        .begun_ns = clock_monotonic_ns(),
        .stall_ms = service->stall_ms,
        .silence_ms =
            request->patience_ms > service->stall_ms ? request->patience_ms : service->stall_ms,
    };
}

static int64_t spent_ms(const struct attempts *attempts)
{
    return (clock_monotonic_ns() - attempts->begun_ns) / CLOCK_MS_NS;
}

/* The time after which no attempt begins: one is as patient as can be, one as impatient. */
static int64_t budget_ms(const struct attempts *attempts)
{
    return (int64_t)attempts->silence_ms + attempts->stall_ms;
}

/* How much silence the next attempt bears: the patience there is, less what is spent. */
static int next_silence_ms(const struct attempts *attempts)
{
    int64_t left = budget_ms(attempts) - spent_ms(attempts);

    if (left > attempts->silence_ms)
        return attempts->silence_ms;
    return left > attempts->stall_ms ? (int)left : attempts->stall_ms;
}

/* However long the first attempt took, there is a second: unless it was met by silence and the
 * service is known for that. */
static bool is_another_due(const struct service *service, const struct attempts *attempts,
                           const struct s3_answer *answer, const struct client_retry *rule,
                           int pause_ms)
{
    if (attempts->made >= rule->attempts || (service->is_silent && answer->is_silent))
        return false;
    return attempts->made < 2 || spent_ms(attempts) + pause_ms < budget_ms(attempts);
}

static void forget_answer(struct s3_answer *answer)
{
    bool is_doubtful = answer->is_doubtful;

    s3_answer_fini(answer);
    *answer = (struct s3_answer){.length = -1, .total = -1, .is_doubtful = is_doubtful};
}

/* After a failure: 0 when it is to be tried again, having waited. */
static int pause_or_fail(struct service *service, const struct s3_request *request,
                         const struct attempts *attempts, struct s3_answer *answer,
                         struct error *err)
{
    enum verdict verdict = verdict_on_repeating(answer, err);
    const struct client_retry *rule = verdict == VERDICT_SLOWER ? &long_pauses : &pauses;
    int pause_ms = retry_pause(rule, attempts->made, -1, arc4random());

    answer->is_silent = err->code == ERROR_TIMEOUT;
    if (verdict == VERDICT_FINAL)
        return -1;
    if (verdict == VERDICT_CREDENTIALS)
        credentials_expire(service->credentials);
    else
        answer->is_doubtful = true;
    if (request->is_checked_later && is_verdict_lost(answer))
        return -1;
    if (!is_another_due(service, attempts, answer, rule, pause_ms)) {
        service->is_silent |= answer->is_silent && answer->status == 0 && attempts->made > 1;
        return -1;
    }
    log_debug("s3: %s attempt %d: %s", request->method, attempts->made, err->message);
    return task_sleep(pause_ms, err);
}

int s3_request_open(struct service *service, const struct s3_request *request,
                    struct s3_answer *out, struct client_transfer **out_transfer, struct error *err)
{
    struct attempts attempts = attempts_of(service, request);
    struct error why;

    *out = (struct s3_answer){.length = -1, .total = -1};
    for (;;) {
        why = ERROR_INIT;
        attempts.made++;
        if (try_once(service, request, next_silence_ms(&attempts), out, out_transfer, &why) == 0)
            return 0;
        if (pause_or_fail(service, request, &attempts, out, &why) < 0)
            break;
        forget_answer(out);
    }
    *err = why;
    return why.code == ERROR_TIMEOUT ? error_translate(err, ERROR_IO) : -1;
}

int s3_request_do(struct service *service, const struct s3_request *request, struct s3_answer *out,
                  struct error *err)
{
    return s3_request_open(service, request, out, NULL, err);
}
