/* SPDX-License-Identifier: Apache-2.0
 *
 * request_head - see request_head.h.
 */
#include "drivers/s3/request_head.h"

#include "drivers/s3/credentials.h"
#include "lib/base/clock.h"

#include <stdlib.h>

#include "lib/base/banned.h"

#define TEXT_MAX (16 << 10)

void request_head_fini(struct request_head *head)
{
    str_fini(&head->url);
    str_fini(&head->path);
    str_fini(&head->authorization);
    for (size_t i = 0; i < head->line_count; i++)
        str_fini(&head->lines[i]);
}

static int compare_headers(const void *a, const void *b)
{
    return strcmp(((const struct sign_header *)a)->name, ((const struct sign_header *)b)->name);
}

static void add_signed(struct request_head *head, const char *name, const char *value)
{
    head->signed_headers[head->count++] = (struct sign_header){name, value};
}

static void add_line(struct request_head *head, const char *name, const char *value)
{
    struct str *line = &head->lines[head->line_count];

    *line = STR_INIT(TEXT_MAX);
    str_append_format(line, "%s: %s", name, value);
    head->headers[head->line_count++] = str_text(line);
}

static const char *payload_hash(const struct service *service, const struct s3_request *request,
                                struct request_head *head)
{
    if (request->payload_hash != NULL)
        return request->payload_hash;
    if (is_endpoint_https(&service->endpoint) && request->body.len > 0)
        return SIGN_UNSIGNED;
    sign_hash(request->body, head->hash);
    return head->hash;
}

/* The signature that everybody has. */
static void sign(const struct service *service, const struct s3_request *request,
                 const struct sign_key *key, struct request_head *head)
{
    const char *hash = payload_hash(service, request, head);

    sign_date(clock_now().tv_sec, head->date);
    add_signed(head, "host", service->endpoint.host);
    add_signed(head, "x-amz-content-sha256", hash);
    add_signed(head, "x-amz-date", head->date);
    qsort(head->signed_headers, head->count, sizeof(head->signed_headers[0]), compare_headers);
    sign_authorization(key,
                       &(struct sign_request){
                           .method = request->method,
                           .path = str_span(&head->path),
                           .query = span_of(request->query),
                           .headers = head->signed_headers,
                           .header_count = head->count,
                           .payload_hash = hash,
                           .date = head->date,
                       },
                       &head->authorization);
}

/* The old one. */
static void sign_old(const struct service *service, const struct s3_request *request,
                     const struct sign_key *key, struct request_head *head)
{
    auto_str resource = STR_INIT(TEXT_MAX);

    sign_v2_date(clock_now().tv_sec, head->date);
    endpoint_resource(&service->endpoint, request->key, &resource);
    qsort(head->signed_headers, head->count, sizeof(head->signed_headers[0]), compare_headers);
    sign_v2_authorization(key,
                          &(struct sign_request){
                              .method = request->method,
                              .query = span_of(request->query),
                              .headers = head->signed_headers,
                              .header_count = head->count,
                              .date = head->date,
                          },
                          str_span(&resource), &head->authorization);
    add_line(head, "Date", head->date);
}

/* curl sends Host itself; an empty Content-Type keeps it from making one up. */
static void write_lines(struct request_head *head)
{
    for (size_t i = 0; i < head->count; i++) {
        if (strcmp(head->signed_headers[i].name, "host") != 0)
            add_line(head, head->signed_headers[i].name, head->signed_headers[i].value);
    }
    add_line(head, "Authorization", str_text(&head->authorization));
    head->headers[head->line_count] = NULL;
}

int request_head_init(struct request_head *head, struct service *service,
                      const struct s3_request *request, struct error *err)
{
    struct sign_key key;

    *head = (struct request_head){
        .url = STR_INIT(TEXT_MAX),
        .path = STR_INIT(TEXT_MAX),
        .authorization = STR_INIT(TEXT_MAX),
    };
    if (credentials_get(service->credentials, &key, err) < 0)
        return -1;
    endpoint_path(&service->endpoint, request->key, &head->path);
    str_append_format(&head->url, "%s://%s%s", service->endpoint.scheme, service->endpoint.host,
                      str_text(&head->path));
    if (request->query != NULL)
        str_append_format(&head->url, "?%s", request->query);
    for (size_t i = 0; i < request->header_count; i++)
        add_signed(head, request->headers[i].name, request->headers[i].value);
    if (key.token != NULL && key.token[0] != '\0')
        add_signed(head, "x-amz-security-token", key.token);
    if (service->is_v4)
        sign(service, request, &key, head);
    else
        sign_old(service, request, &key, head);
    write_lines(head);
    return 0;
}
