/* SPDX-License-Identifier: Apache-2.0
 *
 * head_gate - see head_gate.h.
 */
#include "lib/http/head_gate.h"

#include "lib/base/memory.h"

#include <string.h>

#include "lib/base/banned.h"

/* Replaces the head in the input by one that evhttp takes for sure. */
static void replace_head(struct connection *conn, size_t drop, const char *with)
{
    struct evbuffer *input = bufferevent_get_input(conn->bev);

    evbuffer_drain(input, drop);
    evbuffer_prepend(input, with, strlen(with));
}

/* A head that is refused is answered like any other, by a task, and closes the connection. */
static void refuse_head(struct connection *conn, size_t drop, int status, const char *reason)
{
    conn->head = (struct head){.status = status, .reason = reason, .version_minor = 1};
    replace_head(conn, drop, "GET / HTTP/1.1\r\nConnection: close\r\n\r\n");
}

/*
 * Checks a complete head and hides from evhttp what it must not see: the headers of the body, and
 * method and target, which evhttp would judge by rules of its own. It gets a bare GET or HEAD.
 */
static void pass_head(struct connection *conn, size_t head_len)
{
    struct evbuffer *input = bufferevent_get_input(conn->bev);
    char *text = (char *)evbuffer_pullup(input, (ev_ssize_t)head_len);
    char line[32];

    head_parse(text, head_len, &conn->head);
    if (conn->head.status != 0) {
        refuse_head(conn, head_len, conn->head.status, conn->head.reason);
        return;
    }
    conn->method = xstrndup(conn->head.method.data, conn->head.method.len);
    conn->target = xstrndup(conn->head.target.data, conn->head.target.len);
    evutil_snprintf(line, sizeof(line), "%s / HTTP/1.%d\r\n",
                    strcmp(conn->method, "HEAD") == 0 ? "HEAD" : "GET", conn->head.version_minor);
    replace_head(conn, conn->head.line_len, line);
}

/* A client may send empty lines before a request. Source: RFC 9112 section 2.2. */
static void skip_empty_lines(struct evbuffer *input)
{
    char start[2];

    while (evbuffer_copyout(input, start, 2) == 2 && start[0] == '\r' && start[1] == '\n')
        evbuffer_drain(input, 2);
}

bool head_gate_opens(struct connection *conn)
{
    struct evbuffer *input = bufferevent_get_input(conn->bev);
    size_t head_len = 0;
    size_t len;
    enum head_end end;

    if (conn->phase == CONNECTION_IDLE)
        skip_empty_lines(input);
    len = evbuffer_get_length(input);
    if (len == 0)
        return false;
    if (conn->phase == CONNECTION_IDLE) {
        connection_set_phase(conn, CONNECTION_HEAD);
        connection_start_timer(conn, server_options(conn->server)->header_timeout_ms);
    }
    if (len > HEAD_SIZE_MAX)
        len = HEAD_SIZE_MAX;
    end = head_find_end(span_make(evbuffer_pullup(input, (ev_ssize_t)len), len), &conn->scanned,
                        &head_len);
    if (end == HEAD_COMPLETE)
        pass_head(conn, head_len);
    else if (end == HEAD_BROKEN)
        refuse_head(conn, len, 400, "malformed line end");
    else if (len == HEAD_SIZE_MAX)
        refuse_head(conn, len, 431, "request head too large");
    else
        return false;
    return true;
}
