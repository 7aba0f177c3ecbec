/* SPDX-License-Identifier: Apache-2.0
 *
 * transfer - one call as its caller sees it, up to its answer's last byte. What makes an answer of
 * several exchanges is in chain.c, whole calls are in call.c.
 */
#include "lib/base/clock.h"
#include "lib/base/memory.h"
#include "lib/client/call_check.h"
#include "lib/client/chain.h"
#include "lib/client/client.h"
#include "lib/client/retry.h"

#include <assert.h>
#include <event2/buffer.h>
#include <stdlib.h>

#include "lib/base/banned.h"

#define READ_PIECE (64 * 1024)

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

    if (call_check(call, err) < 0)
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
    if (chain_begin(t, err) < 0) {
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
    return rc < 0 ? is_client_lost(t) : is_retry_status(exchange_answer(t->exchange)->status);
}

int client_receive_head(struct client_transfer *t, int *out_status, struct error *err)
{
    int again = 1;

    while (again > 0) {
        struct error met = ERROR_INIT;
        int rc = exchange_receive_head(t->exchange, &met);

        again = is_to_repeat(t, rc) ? chain_repeat(t, err) : 0;
        if (rc < 0 && again == 0) {
            *err = met;
            return -1;
        }
        if (again == 0)
            again = chain_follow(t, err);
    }
    if (again < 0)
        return -1;
    *out_status = exchange_answer(t->exchange)->status;
    return 0;
}

bool is_client_lost(const struct client_transfer *t)
{
    return is_exchange_lost(t->exchange);
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
