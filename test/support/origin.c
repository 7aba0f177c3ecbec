/* SPDX-License-Identifier: Apache-2.0
 *
 * origin - see origin.h.
 */
#include "test/support/origin.h"

#include "lib/base/memory.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/banned.h"

struct origin_connection {
    struct origin *origin;
    pthread_t thread;
    int fd;
    SSL *ssl;
    bool is_closed;
    char ahead[ORIGIN_HEAD_MAX]; /* read beyond the head */
    size_t ahead_len;
    SLIST_ENTRY(origin_connection) link;
};

struct origin {
    origin_cb *handler;
    void *arg;
    SSL_CTX *tls;
    int listener;
    int port;
    int stop[2]; /* readable at the end: nobody waits beyond it */
    pthread_t thread;
    atomic_uint connections;
    atomic_uint requests;
    atomic_ullong received;
    atomic_uint open;
    atomic_uint open_most;
    SLIST_HEAD(, origin_connection) all; /* the accepting thread's */
};

/* ---- bytes ---- */

/* Waits for the socket, or for the end of everything: false. */
static bool await(const struct origin_connection *c, int fd, short events)
{
    struct pollfd set[2] = {{.fd = fd, .events = events},
                            {.fd = c->origin->stop[0], .events = POLLIN}};

    while (poll(set, 2, -1) < 0 && errno == EINTR)
        ;
    return set[1].revents == 0;
}

static ssize_t read_some(struct origin_connection *c, void *to, size_t max)
{
    if (c->is_closed)
        return 0;
    if ((c->ssl == NULL || SSL_pending(c->ssl) == 0) && !await(c, c->fd, POLLIN))
        return 0;
    if (c->ssl != NULL)
        return SSL_read(c->ssl, to, (int)max);
    return recv(c->fd, to, max, 0);
}

size_t origin_read(struct origin_connection *c, void *to, size_t max)
{
    size_t len = c->ahead_len < max ? c->ahead_len : max;
    ssize_t got;

    if (len > 0) {
        memcpy(to, c->ahead, len);
        memmove(c->ahead, c->ahead + len, c->ahead_len - len);
        c->ahead_len -= len;
        return len;
    }
    got = read_some(c, to, max);
    if (got <= 0)
        return 0;
    atomic_fetch_add(&c->origin->received, (unsigned long long)got);
    return (size_t)got;
}

bool origin_write(struct origin_connection *c, const void *data, size_t len)
{
    const char *from = data;

    while (len > 0 && !c->is_closed) {
        ssize_t sent;

        if (!await(c, c->fd, POLLOUT))
            return false;
        sent = c->ssl != NULL ? SSL_write(c->ssl, from, (int)len)
                              : send(c->fd, from, len, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0 && c->ssl == NULL && errno == EAGAIN)
            continue;
        if (sent <= 0)
            return false;
        from += sent;
        len -= (size_t)sent;
    }
    return len == 0;
}

bool origin_say(struct origin_connection *c, const char *format, ...)
{
    char text[ORIGIN_HEAD_MAX];
    va_list args;
    int len;

    va_start(args, format);
    len = vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    assert(len >= 0 && (size_t)len < sizeof(text));
    return origin_write(c, text, (size_t)len);
}

bool origin_reply(struct origin_connection *c, int status, const char *headers, const char *body)
{
    return origin_say(c, "HTTP/1.1 %d Said\r\n%sContent-Length: %zu\r\n\r\n%s", status, headers,
                      strlen(body), body);
}

uint64_t origin_drain(struct origin_connection *c, const struct origin_request *request)
{
    int64_t left = request->length;
    uint64_t sum = 0;

    while (left > 0) {
        unsigned char piece[65536];
        size_t got =
            origin_read(c, piece, (size_t)left < sizeof(piece) ? (size_t)left : sizeof(piece));

        if (got == 0)
            return UINT64_MAX;
        for (size_t i = 0; i < got; i++)
            sum += piece[i];
        left -= (int64_t)got;
    }
    return sum;
}

void origin_close(struct origin_connection *c)
{
    if (!c->is_closed)
        shutdown(c->fd, SHUT_RDWR);
    c->is_closed = true;
}

void origin_reset(struct origin_connection *c)
{
    struct linger now = {.l_onoff = 1};

    setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    c->is_closed = true; /* the close that follows resets */
}

void origin_stall(struct origin_connection *c)
{
    char piece[4096];

    while (origin_read(c, piece, sizeof(piece)) > 0)
        ;
    c->is_closed = true;
}

void origin_idle(struct origin_connection *c)
{
    await(c, -1, 0);
    c->is_closed = true;
}

int origin_fd(const struct origin_connection *c)
{
    return c->fd;
}

static int connect_to(int port)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert(fd >= 0);
    if (connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0)
        return fd;
    close(fd);
    return -1;
}

static bool copy_once(int from, int to)
{
    char piece[16384];
    ssize_t got = recv(from, piece, sizeof(piece), 0);

    return got > 0 && send(to, piece, (size_t)got, MSG_NOSIGNAL) == got;
}

void origin_tunnel(struct origin_connection *c, int port)
{
    int fd = connect_to(port);

    assert(c->ssl == NULL && c->ahead_len == 0);
    for (bool is_open = fd >= 0; is_open;) {
        struct pollfd set[3] = {{.fd = c->fd, .events = POLLIN},
                                {.fd = fd, .events = POLLIN},
                                {.fd = c->origin->stop[0], .events = POLLIN}};

        poll(set, 3, -1);
        is_open = set[2].revents == 0 && (set[0].revents == 0 || copy_once(c->fd, fd)) &&
                  (set[1].revents == 0 || copy_once(fd, c->fd));
    }
    if (fd >= 0)
        close(fd);
    origin_close(c);
}

/* ---- heads ---- */

const char *origin_header(const struct origin_request *request, const char *name)
{
    static _Thread_local char value[4096];
    size_t len = strlen(name);
    const char *line = strstr(request->head, "\r\n");

    while (line != NULL) {
        line += 2;
        if (strncasecmp(line, name, len) == 0 && line[len] == ':') {
            const char *from = line + len + 1 + strspn(line + len + 1, " ");

            snprintf(value, sizeof(value), "%.*s", (int)strcspn(from, "\r"), from);
            return value;
        }
        line = strstr(line, "\r\n");
    }
    return "";
}

/* The next head into @request; what comes after it stays ahead. */
static bool read_head(struct origin_connection *c, struct origin_request *request)
{
    size_t len = 0;
    char *end = NULL;

    while (end == NULL) {
        size_t got = origin_read(c, request->head + len, sizeof(request->head) - 1 - len);

        if (got == 0)
            return false;
        len += got;
        request->head[len] = '\0';
        end = strstr(request->head, "\r\n\r\n");
    }
    end += 4;
    c->ahead_len = (size_t)(request->head + len - end);
    memcpy(c->ahead, end, c->ahead_len);
    *end = '\0';
    if (sscanf(request->head, "%31s %4095s", request->method, request->target) != 2)
        return false;
    request->length = -1;
    if (origin_header(request, "Content-Length")[0] != '\0')
        request->length = strtoll(origin_header(request, "Content-Length"), NULL, 10);
    return true;
}

/* ---- threads ---- */

static void serve(struct origin_connection *c)
{
    struct origin_request *request = xcalloc(1, sizeof(*request));

    while (!c->is_closed && read_head(c, request)) {
        request->serial = atomic_fetch_add(&c->origin->requests, 1);
        c->origin->handler(c, request, c->origin->arg);
    }
    free(request);
}

static void *connection_main(void *arg)
{
    struct origin_connection *c = arg;
    struct origin *origin = c->origin;
    unsigned now = atomic_fetch_add(&origin->open, 1) + 1;
    unsigned most = atomic_load(&origin->open_most);

    while (now > most && !atomic_compare_exchange_weak(&origin->open_most, &most, now))
        ;
    if (origin->tls != NULL) {
        c->ssl = SSL_new(origin->tls);
        SSL_set_fd(c->ssl, c->fd);
    }
    if (c->ssl == NULL || SSL_accept(c->ssl) == 1)
        serve(c);
    if (c->ssl != NULL)
        SSL_free(c->ssl);
    atomic_fetch_sub(&origin->open, 1);
    close(c->fd);
    return NULL;
}

static void accept_one(struct origin *origin)
{
    struct origin_connection *c = xcalloc(1, sizeof(*c));
    int on = 1;
    int rc;

    c->origin = origin;
    c->fd = accept4(origin->listener, NULL, NULL, SOCK_CLOEXEC);
    if (c->fd < 0) {
        free(c);
        return;
    }
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    atomic_fetch_add(&origin->connections, 1);
    SLIST_INSERT_HEAD(&origin->all, c, link);
    rc = pthread_create(&c->thread, NULL, connection_main, c);
    assert(rc == 0);
    (void)rc;
}

static void *accept_main(void *arg)
{
    struct origin *origin = arg;
    struct origin_connection *c;

    for (;;) {
        struct pollfd set[2] = {{.fd = origin->listener, .events = POLLIN},
                                {.fd = origin->stop[0], .events = POLLIN}};

        poll(set, 2, -1);
        if (set[1].revents != 0)
            break;
        accept_one(origin);
    }
    while ((c = SLIST_FIRST(&origin->all)) != NULL) {
        SLIST_REMOVE_HEAD(&origin->all, link);
        pthread_join(c->thread, NULL);
        free(c);
    }
    return NULL;
}

static SSL_CTX *make_tls(const struct origin_tls *tls)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    bool is_fine = ctx != NULL && SSL_CTX_use_certificate_chain_file(ctx, tls->certificate) == 1 &&
                   SSL_CTX_use_PrivateKey_file(ctx, tls->key, SSL_FILETYPE_PEM) == 1;

    if (is_fine && tls->client_ca != NULL) {
        is_fine = SSL_CTX_load_verify_file(ctx, tls->client_ca) == 1;
        SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    }
    assert(is_fine);
    return ctx;
}

static void open_listener(struct origin *origin)
{
    struct sockaddr_in at = {.sin_family = AF_INET};
    socklen_t len = sizeof(at);
    bool is_fine;

    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    origin->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    is_fine = origin->listener >= 0 &&
              bind(origin->listener, (struct sockaddr *)&at, sizeof(at)) == 0 &&
              listen(origin->listener, 128) == 0 &&
              getsockname(origin->listener, (struct sockaddr *)&at, &len) == 0;
    assert(is_fine);
    (void)is_fine;
    origin->port = ntohs(at.sin_port);
}

struct origin *origin_start(origin_cb *handler, void *arg, const struct origin_tls *tls)
{
    struct origin *origin = xcalloc(1, sizeof(*origin));
    int rc;

    origin->handler = handler;
    origin->arg = arg;
    origin->tls = tls != NULL ? make_tls(tls) : NULL;
    SLIST_INIT(&origin->all);
    open_listener(origin);
    rc = pipe(origin->stop);
    assert(rc == 0);
    rc = pthread_create(&origin->thread, NULL, accept_main, origin);
    assert(rc == 0);
    (void)rc;
    return origin;
}

void origin_stop(struct origin *origin)
{
    if (origin == NULL)
        return;
    close(origin->stop[1]); /* a hang-up that stays */
    pthread_join(origin->thread, NULL);
    close(origin->stop[0]);
    close(origin->listener);
    SSL_CTX_free(origin->tls);
    free(origin);
}

int origin_port(const struct origin *origin)
{
    return origin->port;
}

unsigned origin_connections(const struct origin *origin)
{
    return atomic_load(&origin->connections);
}

unsigned origin_requests(const struct origin *origin)
{
    return atomic_load(&origin->requests);
}

uint64_t origin_received(const struct origin *origin)
{
    return atomic_load(&origin->received);
}

unsigned origin_open_most(const struct origin *origin)
{
    return atomic_load(&origin->open_most);
}

unsigned origin_open(const struct origin *origin)
{
    return atomic_load(&origin->open);
}
