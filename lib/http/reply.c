/* SPDX-License-Identifier: Apache-2.0
 *
 * reply - the reply of a request: head through evhttp, body straight to the connection's output or
 * by sendfile.
 */
#include "lib/http/reply.h"

#include "lib/http/connection.h"
#include "lib/task/offload.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <sys/sendfile.h>
#include <sys/uio.h>
#include <unistd.h>

#include "lib/base/banned.h"

#define OUTPUT_MAX (256 * 1024)  /* bytes a handler may be ahead of its client */
#define FILE_PIECE (1024 * 1024) /* bytes of a file made resident at a time */

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
        bufferevent_disable(req->conn->bev, EV_READ);
}

void http_reply_send(struct http_request *req, int status, struct span body)
{
    send_head(req, status, (int64_t)body.len);
    if (!req->is_bodyless && body.len > 0)
        evbuffer_add(bufferevent_get_output(req->conn->bev), body.data, body.len);
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
    req->sent += (int64_t)len;
    assert(req->sent <= req->promised);
    return connection_wait_output(conn, OUTPUT_MAX, err);
}

/* ---- files ---- */

struct piece {
    int fd;
    off_t offset;
    size_t len;
};

/* Whether the piece's last byte can be read without waiting for a disk; kernels read ahead, so the
 * rest can be as well. */
static bool is_resident(const struct piece *piece)
{
    char byte;
    struct iovec to = {&byte, 1};

    return preadv2(piece->fd, &to, 1, piece->offset + (off_t)piece->len - 1, RWF_NOWAIT) == 1;
}

/* On a helper: reads the piece once, so that sendfile finds it in memory. */
static int make_resident(void *arg, struct error *err)
{
    const struct piece *piece = arg;
    char scratch[64 * 1024];
    size_t done = 0;

    while (done < piece->len) {
        size_t want = piece->len - done < sizeof(scratch) ? piece->len - done : sizeof(scratch);
        ssize_t got = pread(piece->fd, scratch, want, piece->offset + (off_t)done);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return error_set_sys(err, errno, "reading a file to send");
        if (got == 0)
            return error_set(err, ERROR_IO, "a file to send is shorter than it was");
        done += (size_t)got;
    }
    return 0;
}

/* Sends the piece; it is in memory, so this waits for the client only. May suspend. */
static int send_piece(struct http_request *req, struct piece piece, struct error *err)
{
    struct connection *conn = req->conn;

    while (piece.len > 0) {
        ssize_t sent = sendfile(conn->fd, piece.fd, &piece.offset, piece.len);

        if (sent > 0) {
            piece.len -= (size_t)sent;
            req->sent += sent;
            continue;
        }
        if (sent == 0)
            return error_set(err, ERROR_IO, "a file to send is shorter than it was");
        if (errno == EINTR)
            continue;
        if (errno != EAGAIN && errno != EWOULDBLOCK) {
            conn->is_gone = true;
            return error_set(err, ERROR_CLIENT_GONE, "client %s went away: %s", conn->peer,
                             strerror(errno));
        }
        if (connection_wait_socket(conn, CONNECTION_WRITABLE, err) < 0)
            return -1;
    }
    return 0;
}

int http_reply_file(struct http_request *req, int fd, int64_t offset, int64_t len,
                    struct error *err)
{
    struct connection *conn = req->conn;

    assert(req->is_begun && !req->is_ended && req->sent + len <= req->promised);
    if (req->is_bodyless)
        return 0;
    if (connection_wait_output(conn, 0, err) < 0) /* the head goes first */
        return -1;
    while (len > 0) {
        struct piece piece = {fd, (off_t)offset, (size_t)(len < FILE_PIECE ? len : FILE_PIECE)};

        if (!is_resident(&piece) && offload(make_resident, &piece, err) < 0)
            return -1;
        if (send_piece(req, piece, err) < 0)
            return -1;
        offset += (int64_t)piece.len;
        len -= (int64_t)piece.len;
    }
    return 0;
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
