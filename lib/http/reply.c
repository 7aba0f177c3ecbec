/* SPDX-License-Identifier: Apache-2.0
 *
 * reply - the reply of a request: head through evhttp, body straight to the connection's output.
 * Files are in reply_file.c.
 */
#include "lib/http/reply.h"

#include "lib/http/connection.h"
#include "lib/http/transport.h"

#include <assert.h>
#include <stdio.h>

#include "lib/base/banned.h"

#define OUTPUT_MAX (256 * 1024) /* bytes a handler may be ahead of its client */

/* clang-format off */
static const struct {
    int status;
    const char *phrase;
} phrases[] = {
    {200, "OK"}, {201, "Created"}, {202, "Accepted"}, {204, "No Content"},
    {206, "Partial Content"}, {301, "Moved Permanently"}, {302, "Found"}, {304, "Not Modified"},
    {307, "Temporary Redirect"}, {308, "Permanent Redirect"},
    {400, "Bad Request"}, {401, "Unauthorized"}, {403, "Forbidden"}, {404, "Not Found"},
    {405, "Method Not Allowed"}, {408, "Request Timeout"}, {409, "Conflict"},
    {411, "Length Required"}, {412, "Precondition Failed"}, {413, "Content Too Large"},
    {415, "Unsupported Media Type"}, {416, "Requested Range Not Satisfiable"},
    {417, "Expectation Failed"}, {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"}, {501, "Not Implemented"}, {502, "Bad Gateway"},
    {503, "Service Unavailable"}, {504, "Gateway Timeout"}, {505, "HTTP Version Not Supported"},
    {507, "Insufficient Storage"},
};
/* clang-format on */

const char *reply_phrase(int status)
{
    for (size_t i = 0; i < array_count(phrases); i++) {
        if (phrases[i].status == status)
            return phrases[i].phrase;
    }
    return "Status";
}

void http_reply_header(struct http_request *req, const char *name, const char *value)
{
    int rc;

    assert(!req->is_begun);
    rc = evhttp_add_header(evhttp_request_get_output_headers(req->evreq), name, value);
    assert(rc == 0);
    (void)rc;
}

static void send_head(struct http_request *req, int status, int64_t length)
{
    char text[24];

    assert(!req->is_begun);
    req->is_begun = true;
    req->status = status;
    req->promised = length;
    req->is_bodyless = req->is_head_method || status == 204 || status == 304;
    if (status != 204 && status != 304) {
        snprintf(text, sizeof(text), "%lld", (long long)length);
        evhttp_add_header(evhttp_request_get_output_headers(req->evreq), "Content-Length", text);
    }
    req->is_close_sent = request_should_close(req);
    if (req->is_close_sent)
        evhttp_add_header(evhttp_request_get_output_headers(req->evreq), "Connection", "close");
    evhttp_send_reply_start(req->evreq, status, reply_phrase(status));
    connection_intercept(req->conn);
    if (!is_framing_done(&req->framing)) /* the task reads the body; evhttp has enabled reading */
        req->conn->transport->watch(req->conn, false);
}

void reply_count(struct http_request *req, size_t len)
{
    req->sent += (int64_t)len;
    server_on_body(req->conn->server, 0, len);
}

void http_reply_send(struct http_request *req, int status, struct span body)
{
    send_head(req, status, (int64_t)body.len);
    if (!req->is_bodyless && body.len > 0) {
        evbuffer_add(bufferevent_get_output(req->conn->bev), body.data, body.len);
        server_on_body(req->conn->server, 0, body.len);
    }
    req->sent = (int64_t)body.len;
    req->is_ended = true;
}

void http_reply_begin(struct http_request *req, int status, int64_t length)
{
    send_head(req, status, length);
}

int http_reply_write(struct http_request *req, struct evbuffer *data, struct error *err)
{
    struct connection *conn = req->conn;
    size_t len = evbuffer_get_length(data);

    assert(req->is_begun && !req->is_ended);
    if (req->is_bodyless) {
        evbuffer_drain(data, len);
        return 0;
    }
    if (conn->is_gone)
        return error_set(err, ERROR_CLIENT_GONE, "client %s went away", conn->peer);
    evbuffer_add_buffer(bufferevent_get_output(conn->bev), data);
    reply_count(req, len);
    assert(req->sent <= req->promised);
    return connection_wait_output(conn, OUTPUT_MAX, err);
}

void http_reply_end(struct http_request *req)
{
    assert(req->is_begun);
    req->is_ended = true;
}

bool is_http_reply_begun(const struct http_request *req)
{
    return req->is_begun;
}

int http_reply_status(const struct http_request *req)
{
    return req->status;
}

int64_t http_reply_body_sent(const struct http_request *req)
{
    return req->sent;
}

const char *http_reply_header_sent(const struct http_request *req, const char *name)
{
    return evhttp_find_header(evhttp_request_get_output_headers(req->evreq), name);
}
