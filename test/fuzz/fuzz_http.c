/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz_http - any bytes as what a client sends on one connection, cut in two: a real server on a
 * real socket answers or closes, and is left without connections, requests or tasks.
 *
 * Input: one byte says what the handler does with bodies, two where to cut, the rest is sent.
 */
#include "lib/base/log.h"
#include "lib/http/server.h"
#include "lib/task/loop.h"
#include "lib/task/task.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "lib/base/banned.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct http_server *server;
static struct sockaddr_in address = {.sin_family = AF_INET};
static uint8_t habit; /* bit 0: read bodies; bit 1: reply piece by piece; bit 2: yield first */

static void handle(struct http_request *req, void *arg)
{
    struct evbuffer *piece = evbuffer_new();
    struct error err = ERROR_INIT;
    int rc = 0;

    (void)arg;
    if (habit & 4)
        rc = task_sleep(0, &err);
    while (rc >= 0 && habit & 1 && (rc = http_body_read(req, piece, 7, &err)) > 0)
        evbuffer_drain(piece, evbuffer_get_length(piece));
    if (habit & 2) {
        evbuffer_add(piece, "0123456789", 10);
        http_reply_begin(req, 200, 20);
        rc = http_reply_write(req, piece, &err);
        evbuffer_add(piece, "0123456789", 10);
        if (rc == 0)
            rc = http_reply_write(req, piece, &err);
        http_reply_end(req);
    } else if (rc >= 0) {
        http_reply_send(req, 200, SPAN("fine\n"));
    }
    evbuffer_free(piece);
}

static void start_server(void)
{
    struct http_server_options options = {handle, NULL, NULL, 1000, 1000, 1000};
    struct error err = ERROR_INIT;

    signal(SIGPIPE, SIG_IGN);
    log_set_level(LOG_LEVEL_ERROR);
    if (loop_open(1, &err) < 0)
        abort();
    server = http_server_new(&options);
    if (http_server_listen(server, "tcp", "127.0.0.1:0", &err) < 0)
        abort();
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port =
        htons((uint16_t)strtoul(strrchr(http_server_address(server), ':') + 1, NULL, 10));
}

static void turn(void)
{
    event_base_loop(loop_base(), EVLOOP_NONBLOCK);
}

/* Sends all of it, or as much as the server takes before it closes. */
static void send_all(int fd, const uint8_t *data, size_t size)
{
    while (size > 0) {
        ssize_t sent = send(fd, data, size, MSG_DONTWAIT | MSG_NOSIGNAL);

        if (sent > 0) {
            data += sent;
            size -= (size_t)sent;
        } else if (errno != EAGAIN) {
            return;
        }
        turn();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct linger reset = {1, 0};
    int on = 1;
    size_t cut;
    char answer[4096];
    int fd;

    if (server == NULL)
        start_server();
    if (size < 4 || size > 100000)
        return 0;
    habit = data[0];
    cut = (size_t)(data[1] << 8 | data[2]) % (size - 3);
    data += 3;
    size -= 3;
    fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
        abort();
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    fcntl(fd, F_SETFL, O_NONBLOCK);
    send_all(fd, data, cut);
    turn();
    send_all(fd, data + cut, size - cut);
    if (habit & 8) {
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)); /* a client that crashes */
    } else {
        shutdown(fd, SHUT_WR);
        for (int i = 0; i < 1000 && http_server_connection_count(server) > 0; i++) {
            while (recv(fd, answer, sizeof(answer), 0) > 0)
                ;
            turn();
        }
    }
    close(fd);
    while (http_server_connection_count(server) > 0)
        event_base_loop(loop_base(), EVLOOP_ONCE);
    assert(task_count() == 0 && http_server_request_count(server) == 0);
    return 0;
}
