/* SPDX-License-Identifier: Apache-2.0
 *
 * s3_object - see s3_object.h.
 */
#include "drivers/s3/s3_object.h"

#include "drivers/s3/s3_etag.h"
#include "lib/base/encode.h"
#include "lib/base/memory.h"
#include "lib/task/offload.h"
#include "lib/task/task.h"

#include <assert.h>
#include <event2/buffer.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <stdlib.h>

#include "lib/base/banned.h"

#define MD5_SIZE        16
#define QUERY_MAX       (16 << 10)
#define REMOVE_MAX      1000
#define REMOVE_ATTEMPTS 4
#define REMOVE_PAUSE_MS 100
#define BODY_MAX        (4 << 20)

/* ---- hashing ---- */

struct hash_job {
    const struct evbuffer_iovec *pieces;
    int count;
    char *out;
};

static int hash_job(void *arg, struct error *err)
{
    struct hash_job *job = arg;
    unsigned char digest[SHA256_DIGEST_LENGTH];
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool is_fine = context != NULL && EVP_DigestInit_ex(context, EVP_sha256(), NULL) == 1;

    for (int i = 0; i < job->count && is_fine; i++)
        is_fine = EVP_DigestUpdate(context, job->pieces[i].iov_base, job->pieces[i].iov_len) == 1;
    is_fine = is_fine && EVP_DigestFinal_ex(context, digest, NULL) == 1;
    EVP_MD_CTX_free(context);
    if (!is_fine)
        return error_set(err, ERROR_INTERNAL, "SHA-256 does not work");
    encode_hex(digest, sizeof(digest), job->out);
    return 0;
}

int s3_object_hash_pieces(const struct service *service, const struct evbuffer *pieces,
                          char out[SIGN_HASH_SIZE], struct error *err)
{
    /* evbuffer_peek only reads, but takes no pointer to const */
    struct evbuffer *readable = (struct evbuffer *)(uintptr_t)pieces;
    int count = evbuffer_peek(readable, -1, NULL, NULL, 0);
    struct evbuffer_iovec *spans = xcalloc((size_t)count + 1, sizeof(*spans));
    struct hash_job job = {.pieces = spans, .out = out};
    int rc = 0;

    job.count = evbuffer_peek(readable, -1, NULL, spans, count);
    if (is_endpoint_https(&service->endpoint))
        memcpy(out, SIGN_UNSIGNED, sizeof(SIGN_UNSIGNED));
    else if (evbuffer_get_length(pieces) <= 64 << 10)
        rc = hash_job(&job, err);
    else
        rc = offload(hash_job, &job, err);
    free(spans);
    return rc;
}

static void append_md5(struct span data, struct str *out)
{
    unsigned char digest[MD5_SIZE];
    unsigned char text[4 * ((MD5_SIZE + 2) / 3) + 1];
    int rc = EVP_Digest(data.data, data.len, digest, NULL, EVP_md5(), NULL);

    assert(rc == 1);
    (void)rc;
    EVP_EncodeBlock(text, digest, sizeof(digest));
    str_append_text(out, (const char *)text);
}

/* ---- single objects ---- */

int s3_object_head(struct service *service, const char *name, struct s3_head *out,
                   struct error *err)
{
    struct s3_request request = {.method = "HEAD", .key = name};
    auto_s3_answer answer;

    if (s3_request_do(service, &request, &answer, err) < 0)
        return -1;
    if (answer.length < 0)
        return error_set(err, ERROR_IO, "the service does not say how long an object is");
    *out = (struct s3_head){.size = answer.length, .modified_at = answer.modified_at};
    memcpy(out->etag, answer.etag, sizeof(out->etag));
    return 0;
}

int s3_object_put(struct service *service, const char *name, struct span content, struct error *err)
{
    struct s3_request request = {.method = "PUT", .key = name, .body = content};
    auto_s3_answer answer;

    s3_request_object_headers(&request, service);
    return s3_request_do(service, &request, &answer, err);
}

int s3_object_put_pieces(struct service *service, const char *name, const struct evbuffer *pieces,
                         struct error *err)
{
    struct s3_request request = {.method = "PUT", .key = name, .pieces = pieces};
    char hash[SIGN_HASH_SIZE];
    auto_s3_answer answer = {0};

    if (evbuffer_get_length(pieces) == 0)
        return s3_object_put(service, name, (struct span){"", 0}, err);
    if (s3_object_hash_pieces(service, pieces, hash, err) < 0)
        return -1;
    request.payload_hash = hash;
    s3_request_object_headers(&request, service);
    return s3_request_do(service, &request, &answer, err);
}

int s3_object_get(struct service *service, const char *name, const char *etag, struct str *out,
                  struct error *err)
{
    struct s3_request request = {.method = "GET", .key = name, .content = out};
    auto_s3_answer answer;

    if (s3_request_do(service, &request, &answer, err) < 0)
        return -1;
    if (etag[0] != '\0' && !s3_etag_equals(etag, answer.etag))
        return error_set(err, ERROR_BUSY, "it is another object now");
    return 0;
}

int s3_object_remove(struct service *service, const char *name, struct error *err)
{
    struct s3_request request = {.method = "DELETE", .key = name};
    struct error why = ERROR_INIT;
    auto_s3_answer answer;

    if (s3_request_do(service, &request, &answer, &why) == 0 || why.code == ERROR_NOT_FOUND)
        return 0;
    *err = why;
    return -1;
}

void s3_object_source(const struct service *service, const char *name, struct str *out)
{
    str_append_format(out, "%s/", service->endpoint.bucket);
    sign_encode(out, span_of(name), true);
}

/* ---- lists ---- */

static void append_parameter(struct str *query, const char *name, const char *value)
{
    if (value == NULL)
        return;
    str_append_format(query, "%s%s=", query->len > 0 ? "&" : "", name);
    sign_encode(query, span_of(value), false);
}

/* A query that got lost on the way would make all of the bucket the answer. */
static int check_prefix(const struct xml_answer *page, const char *prefix, struct error *err)
{
    for (size_t i = 0; i < page->count; i++) {
        const char *name = page->rows[i].key;

        if (name != NULL && !span_starts_with(span_of(name), span_of(prefix)))
            return error_set(err, ERROR_IO, "the service lists %.120s, which is not below %.120s",
                             name, prefix);
    }
    return 0;
}

int s3_object_list(struct service *service, const char *prefix, const char *marker,
                   const char *delimiter, size_t max, struct s3_answer *out, struct error *err)
{
    auto_str query = STR_INIT(QUERY_MAX);
    struct s3_request request = {.method = "GET", .is_result_due = true};

    append_parameter(&query, "delimiter", delimiter);
    append_parameter(&query, "marker", marker);
    str_append_format(&query, "%smax-keys=%zu", query.len > 0 ? "&" : "", max);
    append_parameter(&query, "prefix", prefix);
    request.query = str_text(&query);
    if (s3_request_do(service, &request, out, err) < 0)
        return -1;
    return check_prefix(&out->xml, prefix, err);
}

/* Not all services say where the next page begins: then it is after the last name of this one. */
const char *s3_object_list_next(const struct xml_answer *page)
{
    const char *last = NULL;

    if (!page->is_truncated)
        return NULL;
    if (page->next_marker != NULL && page->next_marker[0] != '\0')
        return page->next_marker;
    for (size_t i = 0; i < page->count; i++) {
        const char *name = page->rows[i].key;

        if (name != NULL && (last == NULL || strcmp(name, last) > 0))
            last = name;
    }
    return last;
}

int s3_object_list_go_on(const struct xml_answer *page, char **marker, struct error *err)
{
    const char *next = s3_object_list_next(page);

    if (page->is_truncated && (next == NULL || (*marker != NULL && strcmp(next, *marker) == 0)))
        return error_set(err, ERROR_IO, "the service says of more names, and not which");
    free(*marker);
    *marker = next != NULL ? xstrdup(next) : NULL;
    return 0;
}

static void append_removal(const char *const *names, size_t count, struct str *out)
{
    str_append_text(out, "<Delete xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
                         "<Quiet>true</Quiet>");
    for (size_t i = 0; i < count; i++) {
        str_append_text(out, "<Object><Key>");
        xml_append_escaped(out, span_of(names[i]));
        str_append_text(out, "</Key></Object>");
    }
    str_append_text(out, "</Delete>");
}

/* What the service says of single objects: the first one it could not remove. */
static int check_removal(const struct xml_answer *answer, struct error *err)
{
    for (size_t i = 0; i < answer->count; i++) {
        const struct xml_row *row = &answer->rows[i];

        if (row->kind != XML_ERROR || (row->code != NULL && strcmp(row->code, "NoSuchKey") == 0))
            continue;
        return error_set(err, ERROR_IO, "the service says %.60s of %.120s: %.60s",
                         row->code != NULL ? row->code : "an error",
                         row->key != NULL ? row->key : "an object",
                         row->message != NULL ? row->message : "");
    }
    return 0;
}

static int remove_once(struct service *service, const struct s3_request *request, bool *out_again,
                       struct error *err)
{
    auto_s3_answer answer;

    *out_again = false;
    if (s3_request_do(service, request, &answer, err) < 0)
        return -1;
    if (check_removal(&answer.xml, err) == 0)
        return 0;
    *out_again = true;
    return -1;
}

/* Single objects may fail while others write them: that passes. */
int s3_object_remove_many(struct service *service, const char *const *names, size_t count,
                          struct error *err)
{
    auto_str body = STR_INIT(BODY_MAX);
    auto_str md5 = STR_INIT(64);
    struct s3_request request = {.method = "POST", .query = "delete="};
    bool is_again;

    assert(count <= REMOVE_MAX);
    append_removal(names, count, &body);
    append_md5(str_span(&body), &md5);
    request.body = str_span(&body);
    s3_request_header(&request, "content-md5", str_text(&md5));
    s3_request_header(&request, "content-type", "application/xml");
    for (int attempt = 1;; attempt++) {
        struct error why = ERROR_INIT;

        if (remove_once(service, &request, &is_again, &why) == 0)
            return 0;
        if (is_again && attempt < REMOVE_ATTEMPTS) {
            if (task_sleep(REMOVE_PAUSE_MS * attempt, err) < 0)
                return -1;
            continue;
        }
        *err = why;
        return -1;
    }
}
