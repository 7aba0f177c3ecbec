/* SPDX-License-Identifier: Apache-2.0
 *
 * copy - see copy.h.
 */
#include "drivers/s3/copy.h"

#include "drivers/s3/parallel.h"
#include "drivers/s3/s3_etag.h"
#include "drivers/s3/s3_object.h"
#include "drivers/s3/verdict.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/memory.h"

#include <inttypes.h>
#include <stdlib.h>

#include "lib/base/banned.h"

#define LONG_PART           (2 * COPY_STRETCH_MIN) /* a slow service copies it within half a minute */
#define REFUSAL_BELIEVED_NS (3600 * CLOCK_SECOND_NS)

#define ANOTHER "what was being copied is another one now"

/* ---- in parts ---- */

/* Stretches of @from that become parts first, first + 1, ... of an upload. */
struct stretches {
    struct service *service;
    const struct source *from;
    const char *to;
    const char *id;
    size_t count;
    int first;
    char **etags; /* owned, each NULL until it is copied */
};

/* All about the same length, so that none is too short. */
static int64_t stretch_offset(const struct stretches *stretches, size_t index)
{
    int64_t each = stretches->from->size / (int64_t)stretches->count;
    int64_t rest = stretches->from->size % (int64_t)stretches->count;

    return each * (int64_t)index + ((int64_t)index < rest ? (int64_t)index : rest);
}

static int copy_stretch(void *arg, size_t index, struct error *err)
{
    struct stretches *stretches = arg;
    int64_t offset = stretch_offset(stretches, index);
    struct stretch stretch = {.source = stretches->from->name,
                              .offset = offset,
                              .len = stretch_offset(stretches, index + 1) - offset,
                              .is_all = stretches->count == 1};

    return s3_multipart_copy(stretches->service, stretches->to, stretches->id,
                             stretches->first + (int)index, &stretch, &stretches->etags[index],
                             err);
}

/* Services differ in whether a stretch may have a condition: so it is looked at afterwards. */
static int check_source(struct service *service, const struct source *from, struct error *err)
{
    struct s3_head head;

    if (from->etag[0] == '\0')
        return 0;
    if (s3_object_head(service, from->name, &head, err) < 0)
        return -1;
    return s3_etag_equals(head.etag, from->etag) ? 0 : error_set(err, ERROR_BUSY, ANOTHER);
}

/* Copies all as @count parts, and adds them to @parts. */
static int copy_stretches(struct service *service, const struct source *from, const char *to,
                          const char *id, size_t count, struct parts *parts, struct error *err)
{
    struct stretches stretches = {
        service, from, to, id, count, parts_next(parts), xcalloc(count, sizeof(char *))};
    int rc = parallel_run(count, service->copy_width, copy_stretch, &stretches, err);

    if (rc == 0)
        rc = check_source(service, from, err);
    for (size_t i = 0; i < count; i++) {
        if (rc == 0)
            parts_add(parts, stretches.first + (int)i,
                      stretch_offset(&stretches, i + 1) - stretch_offset(&stretches, i),
                      stretches.etags[i]);
        else
            free(stretches.etags[i]);
    }
    free(stretches.etags);
    return rc;
}

static size_t stretch_count(int64_t size, int64_t each)
{
    int64_t count = (size + each - 1) / each;

    if (count > 1 && size / count < S3_PART_MIN)
        count = size / S3_PART_MIN;
    return (size_t)(count > S3_PARTS_MAX ? S3_PARTS_MAX : count);
}

int copy_to_parts(struct service *service, const struct source *from, const char *to,
                  const char *id, struct parts *parts, struct error *err)
{
    int64_t each = (int64_t)service->chunk_size;

    if (each < LONG_PART)
        each = LONG_PART;
    return copy_stretches(service, from, to, id, stretch_count(from->size, each), parts, err);
}

/* Others may be copying the same content: each has an upload of its own. */
static int copy_in_parts(struct service *service, const struct source *from, const char *to,
                         struct error *err)
{
    size_t count = stretch_count(from->size, service->copy_chunk_size);
    struct parts parts = {0};
    char etag[S3_ETAG_SIZE];
    char *id = NULL;
    int rc;

    if (s3_multipart_begin(service, to, false, &id, err) < 0)
        return -1;
    rc = copy_stretches(service, from, to, id, count, &parts, err);
    if (rc == 0)
        rc = s3_multipart_complete(service, to, id, &parts, etag, err);
    if (rc < 0)
        s3_multipart_give_up(service, to, id);
    parts_fini(&parts);
    free(id);
    return rc < 0 ? -1 : 0; /* another one there is the same content, copied by others */
}

/* ---- in one request ---- */

/* How a copy in one request is asked for, and what came of it. */
struct whole {
    bool is_only_way; /* else whoever waits in vain for the answer goes on in parts */
    struct s3_answer answer;
    struct error refusal; /* of the condition */
};

static void whole_fini(struct whole *whole)
{
    s3_answer_fini(&whole->answer);
}
#define auto_whole auto_cleanup(whole_fini) struct whole

static int copy_once(struct service *service, const struct source *from, const char *to,
                     struct whole *whole, struct error *err)
{
    auto_str source = STR_INIT(S3_KEY_MAX * 3);
    struct s3_request request = {
        .method = "PUT", .key = to, .is_checked_later = !whole->is_only_way, .is_result_due = true};

    if (!service->copy_pace.is_learning) /* else it is still to show that it needs no patience */
        request.patience_ms = s3_request_patience(from->size);
    s3_object_source(service, from->name, &source);
    s3_request_object_headers(&request, service);
    s3_request_header(&request, "x-amz-copy-source", str_text(&source));
    if (from->etag[0] != '\0') {
        s3_request_header(&request, "x-amz-copy-source-if-match", from->etag);
        s3_request_header(&request, "x-amz-copy-if-match", from->etag); /* as radosgw calls it */
    }
    return s3_request_do(service, &request, &whole->answer, err);
}

/* Whether the service has understood, and does not want to. */
static bool is_refusal(const struct s3_answer *answer, const struct error *why)
{
    return answer->status != 0 && (why->code == ERROR_IO || why->code == ERROR_INVALID) &&
           verdict_on_repeating(answer, why) == VERDICT_FINAL;
}

/* OpenStack Swift compares the condition with an ETag that it tells nobody; others may not know the
 * header. So a refusal says something about the object only if its ETag does. 1: it is the one that
 * was meant, and has to be copied in another way. */
static int copy_whole(struct service *service, const struct source *from, const char *to,
                      struct whole *whole, struct error *err)
{
    struct error why = ERROR_INIT;
    struct error look = ERROR_INIT;

    if (copy_once(service, from, to, whole, &why) == 0)
        return 0;
    if (from->etag[0] == '\0' || !is_refusal(&whole->answer, &why)) {
        *err = why;
        return -1;
    }
    if (check_source(service, from, &look) == 0) {
        whole->refusal = why;
        return 1;
    }
    *err = look.code == ERROR_BUSY || look.code == ERROR_NOT_FOUND ? look : why;
    return -1;
}

/* Whether a copy that failed would fail the next time too. */
static bool is_lasting(const struct s3_answer *answer, const struct error *why, int64_t size,
                       int64_t took_ns)
{
    return answer->is_silent || verdict_on_repeating(answer, why) == VERDICT_FINAL ||
           (is_verdict_lost(answer) && is_pace_slow(size, took_ns));
}

/* Copies in one request are over for a while. @why: NULL, where it was just slow. */
static void doubt(struct service *service, int64_t size, int64_t took_ns, const struct error *why)
{
    if (!pace_doubt(&service->copy_pace, size, clock_monotonic_ns()))
        return;
    log_info("s3: a copy of %" PRId64 " bytes in one request %s after %.1f s%s%s; for a day, what "
             "is longer than %" PRId64 " bytes is copied in parts, unless "
             "multipartcopythresholdsize says else",
             size, why != NULL ? "failed" : "ended", (double)took_ns / 1e9, why != NULL ? ": " : "",
             why != NULL ? why->message : "", service->copy_pace.threshold);
}

/* What was refused would be refused again, what took too long would take as long again: not so in
 * parts. */
static int copy_somehow(struct service *service, const struct source *from, const char *to,
                        struct whole *whole, struct error *err)
{
    int64_t begun_ns = clock_monotonic_ns();
    struct error why = ERROR_INIT;
    int rc = copy_whole(service, from, to, whole, &why);
    int64_t took_ns = clock_monotonic_ns() - begun_ns;

    if (rc > 0)
        return 1;
    if (rc == 0) {
        if (!whole->answer.is_doubtful && is_pace_slow(from->size, took_ns))
            doubt(service, from->size, took_ns, NULL);
        return 0;
    }
    if (why.code != ERROR_IO) {
        *err = why;
        return -1;
    }
    log_debug("s3: a copy in one request, which goes on in parts: %s", why.message);
    if (copy_in_parts(service, from, to, err) < 0)
        return -1;
    if (is_lasting(&whole->answer, &why, from->size, took_ns))
        doubt(service, from->size, took_ns, &why);
    return 0;
}

/* In parts the object can be looked at between its copy and the moment that counts. */
static int copy_unconditionally(struct service *service, const struct source *from, const char *to,
                                const struct error *refusal, struct error *err)
{
    if (copy_in_parts(service, from, to, err) < 0)
        return -1;
    log_info("s3: for an hour, copies are made in parts, without a condition: %s",
             refusal->message);
    service->refused_until_ns = clock_monotonic_ns() + REFUSAL_BELIEVED_NS;
    return 0;
}

int copy_object(struct service *service, const struct source *from, const char *to,
                struct error *err)
{
    int64_t now_ns = clock_monotonic_ns();
    bool is_whole =
        from->size <= S3_PART_MAX && is_pace_whole(&service->copy_pace, from->size, now_ns);
    auto_whole whole = {.is_only_way = stretch_count(from->size, service->copy_chunk_size) < 2};
    int rc;

    if (from->etag[0] != '\0' && now_ns < service->refused_until_ns)
        return copy_in_parts(service, from, to, err);
    if (!is_whole && from->size >= 2 * S3_PART_MIN)
        return copy_in_parts(service, from, to, err);
    if (whole.is_only_way)
        rc = copy_whole(service, from, to, &whole, err);
    else
        rc = copy_somehow(service, from, to, &whole, err);
    return rc > 0 ? copy_unconditionally(service, from, to, &whole.refusal, err) : rc;
}
