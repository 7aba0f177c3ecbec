/* SPDX-License-Identifier: Apache-2.0
 *
 * server - see server.h.
 */
#include "lib/http/server.h"

#include "lib/base/memory.h"
#include "lib/http/admission.h"
#include "lib/http/connection.h"
#include "lib/http/listener.h"
#include "lib/task/loop.h"

#include <assert.h>
#include <event2/listener.h>

#include "lib/base/banned.h"

/* A listener and evhttp's hold on it. */
struct entrance {
    struct listener listener;
    struct evhttp_bound_socket *bound;
};

struct http_server {
    struct http_server_options options;
    struct evhttp *evhttp;
    struct entrance entrances[ADMISSION_LISTENERS_MAX];
    size_t entrance_count;
    char address[LISTENER_NAME_SIZE];
    struct connection_list connections;
    struct admission admission;
    size_t request_count;
    uint64_t bytes_in;
    uint64_t bytes_out;

    bool is_draining;
    bool is_drained_in_time;
    http_drained_cb *on_drained;
    void *on_drained_arg;
    struct event *drain_timer;
    struct event *drain_check; /* looks at the loop's next turn whether all are gone */
    SLIST_ENTRY(http_server) link;
};

/* libevent hands its error callback evhttp's own argument: this finds the server. */
static SLIST_HEAD(, http_server) servers = SLIST_HEAD_INITIALIZER(servers);

const struct http_server_options *server_options(const struct http_server *server)
{
    return &server->options;
}

bool is_server_draining(const struct http_server *server)
{
    return server->is_draining;
}

const char *http_server_address(const struct http_server *server)
{
    return server->address;
}

size_t http_server_connection_count(const struct http_server *server)
{
    return server->admission.count;
}

size_t http_server_connection_limit(const struct http_server *server)
{
    return server->admission.limit;
}

void http_server_set_max_connections(struct http_server *server, size_t max)
{
    admission_set_max(&server->admission, max);
}

size_t http_server_request_count(const struct http_server *server)
{
    return server->request_count;
}

uint64_t http_server_bytes_in(const struct http_server *server)
{
    return server->bytes_in;
}

uint64_t http_server_bytes_out(const struct http_server *server)
{
    return server->bytes_out;
}

/* ---- accepting ---- */

/* Out of descriptors or memory: accepting again at once would spin. */
static void on_accept_error(struct evconnlistener *listener, void *evhttp)
{
    struct http_server *server = SLIST_FIRST(&servers);

    (void)listener;
    while (server->evhttp != evhttp)
        server = SLIST_NEXT(server, link);
    admission_pause(&server->admission);
}

/* Accepts on a listener from now on; takes its descriptor. */
static void add_entrance(struct http_server *server, const struct listener *listener)
{
    struct entrance *entrance = &server->entrances[server->entrance_count];
    struct evconnlistener *events = evconnlistener_new(
        loop_base(), NULL, NULL, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0, listener->fd);

    if (events == NULL)
        abort();
    entrance->listener = *listener;
    entrance->bound = evhttp_bind_listener(server->evhttp, events);
    if (entrance->bound == NULL)
        abort();
    evconnlistener_set_error_cb(events, on_accept_error);
    admission_open(&server->admission, events);
    if (server->entrance_count++ == 0)
        memcpy(server->address, listener->name, sizeof(server->address));
}

int http_server_listen(struct http_server *server, const char *net, const char *address,
                       struct error *err)
{
    struct listener listener;

    if (server->entrance_count == ADMISSION_LISTENERS_MAX)
        return error_set(err, ERROR_INVALID, "listen %s %s: too many listeners", net, address);
    if (listener_open(&listener, net, address, err) < 0)
        return -1;
    add_entrance(server, &listener);
    return 0;
}

int http_server_adopt(struct http_server *server, int fd, struct error *err)
{
    auto_close int taken = fd;
    struct listener listener;

    if (server->entrance_count == ADMISSION_LISTENERS_MAX)
        return error_set(err, ERROR_INVALID, "descriptor %d: too many listeners", fd);
    if (listener_adopt(&listener, fd, err) < 0)
        return -1;
    add_entrance(server, &listener);
    taken = -1;
    return 0;
}

/* ---- connections and requests come and go ---- */

void server_on_connection(struct http_server *server, struct connection *conn)
{
    TAILQ_INSERT_TAIL(&server->connections, conn, link);
    admission_enter(&server->admission);
}

static void check_drained_soon(struct http_server *server)
{
    if (server->is_draining && server->admission.count == 0)
        event_active(server->drain_check, EV_TIMEOUT, 0);
}

void server_on_connection_end(struct http_server *server, struct connection *conn)
{
    TAILQ_REMOVE(&server->connections, conn, link);
    admission_leave(&server->admission);
    check_drained_soon(server);
}

void server_on_idle(struct http_server *server, struct connection *conn)
{
    admission_on_idle(&server->admission, conn);
}

void server_on_busy(struct http_server *server, struct connection *conn)
{
    admission_on_busy(&server->admission, conn);
}

void server_on_request(struct http_server *server)
{
    server->request_count++;
}

void server_on_request_end(struct http_server *server)
{
    server->request_count--;
}

void server_on_body(struct http_server *server, size_t in, size_t out)
{
    server->bytes_in += in;
    server->bytes_out += out;
}

/* ---- draining ---- */

static void stop_listening(struct http_server *server)
{
    admission_stop(&server->admission);
    while (server->entrance_count > 0) {
        struct entrance *entrance = &server->entrances[--server->entrance_count];

        listener_forget(&entrance->listener);
        evhttp_del_accept_socket(server->evhttp, entrance->bound);
    }
}

static void close_those_in(struct http_server *server, enum connection_phase phase)
{
    struct connection *conn = TAILQ_FIRST(&server->connections);

    while (conn != NULL) {
        struct connection *next = TAILQ_NEXT(conn, link);

        if (conn->phase == phase && conn->evhttp_arg != NULL)
            connection_close(conn);
        conn = next;
    }
}

static void on_drain_timeout(evutil_socket_t fd, short events, void *arg)
{
    struct http_server *server = arg;
    struct connection *conn;

    (void)fd, (void)events;
    server->is_drained_in_time = false;
    close_those_in(server, CONNECTION_OPENING);
    close_those_in(server, CONNECTION_IDLE);
    close_those_in(server, CONNECTION_HEAD);
    TAILQ_FOREACH(conn, &server->connections, link)
    if (conn->request != NULL)
        task_cancel(conn->request->task);
    check_drained_soon(server);
}

static void on_drain_check(evutil_socket_t fd, short events, void *arg)
{
    struct http_server *server = arg;
    http_drained_cb *done = server->on_drained;

    (void)fd, (void)events;
    if (done == NULL || server->admission.count > 0)
        return;
    server->on_drained = NULL;
    evtimer_del(server->drain_timer);
    done(server->is_drained_in_time, server->on_drained_arg);
}

void http_server_drain(struct http_server *server, int timeout_ms, http_drained_cb *done, void *arg)
{
    struct timeval after = {timeout_ms / 1000, timeout_ms % 1000 * 1000};

    assert(!server->is_draining);
    server->is_draining = true;
    server->is_drained_in_time = true;
    server->on_drained = done;
    server->on_drained_arg = arg;
    stop_listening(server);
    close_those_in(server, CONNECTION_OPENING);
    close_those_in(server, CONNECTION_IDLE);
    evtimer_add(server->drain_timer, &after);
    check_drained_soon(server);
}

/* ---- birth and death ---- */

struct http_server *http_server_new(const struct http_server_options *options)
{
    struct http_server *server = xcalloc(1, sizeof(*server));
    struct event_base *base = loop_base();

    server->options = *options;
    admission_init(&server->admission);
    TAILQ_INIT(&server->connections);
    server->evhttp = evhttp_new(base);
    server->drain_timer = evtimer_new(base, on_drain_timeout, server);
    server->drain_check = event_new(base, -1, 0, on_drain_check, server);
    if (server->evhttp == NULL || server->drain_timer == NULL || server->drain_check == NULL)
        abort();
    SLIST_INSERT_HEAD(&servers, server, link);
    evhttp_set_default_content_type(server->evhttp, NULL);
    evhttp_set_max_headers_size(server->evhttp, 2 * HEAD_SIZE_MAX); /* the gate has the limit */
    evhttp_set_bevcb(server->evhttp, connection_new_bufferevent, server);
    evhttp_set_gencb(server->evhttp, connection_on_request, server);
    return server;
}

void http_server_free(struct http_server *server)
{
    assert(server->request_count == 0);
    SLIST_REMOVE(&servers, server, http_server, link);
    stop_listening(server);
    evhttp_free(server->evhttp);
    while (!TAILQ_EMPTY(&server->connections))
        connection_free(TAILQ_FIRST(&server->connections));
    admission_fini(&server->admission);
    event_free(server->drain_timer);
    event_free(server->drain_check);
    free(server);
}
