/* SPDX-License-Identifier: Apache-2.0
 *
 * The server under clients that pipeline, split, send slowly, and vanish: every body arrives whole
 * or not at all, and nothing is left behind.
 */
#include "lib/base/memory.h"
#include "lib/base/str.h"
#include "lib/http/server.h"
#include "lib/oci/digest.h"
#include "lib/task/loop.h"
#include "lib/task/offload.h"
#include "lib/task/task.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <event2/buffer.h>
#include <netinet/tcp.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "lib/base/banned.h"

#define CLIENTS  24
#define ROUNDS   4
#define BODY_MAX (1 << 20)

/* One client on a helper thread, with blocking sockets; everything it did is in here. */
struct client {
    uint16_t port;
    unsigned seed;
    bool ok;
};

static struct http_server *server;
static size_t broken_bodies; /* bodies whose client vanished, as the handler saw them */

/* PUT: the digest of the body; anything else: a small answer. */
static void handle(struct http_request *req, void *arg)
{
    struct hasher *hasher = hasher_new(DIGEST_SHA256);
    struct evbuffer *piece = evbuffer_new();
    struct error err = ERROR_INIT;
    struct digest digest;
    char text[DIGEST_TEXT_SIZE];
    int rc = 0;

    (void)arg;
    if (strcmp(http_request_method(req), "PUT") == 0) {
        while ((rc = http_body_read(req, piece, 60000, &err)) > 0) {
            size_t len = evbuffer_get_length(piece);

            hasher_update(hasher, evbuffer_pullup(piece, -1), len);
            evbuffer_drain(piece, len);
        }
    }
    hasher_digest(hasher, &digest);
    if (rc == 0)
        http_reply_send(req, 200, span_of(digest_format(&digest, text)));
    else
        broken_bodies++;
    hasher_free(hasher);
    evbuffer_free(piece);
}

static int dial(uint16_t port)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
    int on = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || connect(fd, (const struct sockaddr *)&to, sizeof(to)) < 0)
        return -1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    return fd;
}

static bool send_all(int fd, const char *data, size_t len)
{
    while (len > 0) {
        ssize_t sent = send(fd, data, len, MSG_NOSIGNAL);

        if (sent <= 0)
            return false;
        data += sent;
        len -= (size_t)sent;
    }
    return true;
}

/* Reads until @count answers with a digest in them have come. */
static bool expect(int fd, const char *const *digests, size_t count)
{
    char text[4096];
    size_t len = 0;
    const char *at = text;

    text[0] = '\0';
    for (size_t i = 0; i < count; i++) {
        const char *found;

        while ((found = strstr(at, digests[i])) == NULL) {
            ssize_t got = recv(fd, text + len, sizeof(text) - 1 - len, 0);

            if (got <= 0)
                return false;
            len += (size_t)got;
            text[len] = '\0';
        }
        at = found + strlen(digests[i]);
    }
    return true;
}

static void append_body(struct str *out, const char *body, size_t len, bool chunked, unsigned *seed)
{
    if (!chunked) {
        str_append_format(out, "Content-Length: %zu\r\n\r\n", len);
        str_append(out, span_make(body, len));
        return;
    }
    str_append_text(out, "Transfer-Encoding: chunked\r\n\r\n");
    while (len > 0) {
        size_t chunk = (size_t)rand_r(seed) % 50000 + 1;

        chunk = chunk < len ? chunk : len;
        str_append_format(out, "%zx\r\n", chunk);
        str_append(out, span_make(body, chunk));
        str_append_text(out, "\r\n");
        body += chunk;
        len -= chunk;
    }
    str_append_text(out, "0\r\n\r\n");
}

/* GET, PUT and GET in one stream, cut at a random byte; a quarter of the clients stops there. */
static bool exchange(struct client *client, int fd)
{
    size_t len = (size_t)rand_r(&client->seed) % BODY_MAX;
    auto_free char *body = xmalloc(len);
    auto_str wire = STR_INIT(4 * BODY_MAX);
    struct digest digest;
    char text[DIGEST_TEXT_SIZE];
    char nothing[DIGEST_TEXT_SIZE];
    const char *const answers[] = {nothing, text, nothing};
    size_t cut;

    for (size_t i = 0; i < len; i++)
        body[i] = (char)rand_r(&client->seed);
    digest_of(DIGEST_SHA256, span_make(body, len), &digest);
    digest_format(&digest, text);
    digest_of(DIGEST_SHA256, SPAN(""), &digest);
    digest_format(&digest, nothing);
    str_append_text(&wire, "GET /1 HTTP/1.1\r\nHost: a\r\n\r\nPUT /2 HTTP/1.1\r\nHost: a\r\n");
    append_body(&wire, body, len, rand_r(&client->seed) % 2 == 0, &client->seed);
    str_append_text(&wire, "GET /3 HTTP/1.1\r\nHost: a\r\n\r\n");
    cut = (size_t)rand_r(&client->seed) % (rand_r(&client->seed) % 2 == 0 ? 80 : wire.len);
    if (!send_all(fd, wire.data, cut))
        return false;
    if (rand_r(&client->seed) % 4 == 0)
        return true; /* gone */
    return send_all(fd, wire.data + cut, wire.len - cut) && expect(fd, answers, 3);
}

static int client_run(void *arg, struct error *err)
{
    struct client *client = arg;

    (void)err;
    client->ok = true;
    for (int i = 0; i < ROUNDS && client->ok; i++) {
        int fd = dial(client->port);

        client->ok = fd >= 0 && exchange(client, fd);
        close(fd);
    }
    return 0;
}

static void client_main(void *arg)
{
    struct error err = ERROR_INIT;

    assert_int_equal(offload(client_run, arg, &err), 0);
}

static void on_drained(bool in_time, void *arg)
{
    *(bool *)arg = in_time;
    loop_stop();
}

/* Drains once all clients are done. */
static void watch_main(void *arg)
{
    struct error err = ERROR_INIT;

    while (task_count() > 1 && task_sleep(1, &err) == 0)
        ;
    http_server_drain(server, 10000, on_drained, arg);
}

static size_t open_descriptors(void)
{
    DIR *dir = opendir("/proc/self/fd");
    size_t count = 0;

    while (readdir(dir) != NULL)
        count++;
    closedir(dir);
    return count;
}

static void bodies_arrive_whole_whatever_clients_do(void **state)
{
    static struct client clients[CLIENTS];
    struct http_server_options options = {handle, NULL, NULL, 10000, 10000, 10000};
    struct error err = ERROR_INIT;
    size_t descriptors = open_descriptors();
    bool in_time = false;
    uint16_t port;

    (void)state;
    assert_int_equal(loop_open(CLIENTS, &err), 0);
    server = http_server_new(&options);
    assert_int_equal(http_server_listen(server, "tcp", "127.0.0.1:0", &err), 0);
    port = (uint16_t)strtoul(strrchr(http_server_address(server), ':') + 1, NULL, 10);
    for (unsigned i = 0; i < CLIENTS; i++) {
        clients[i] = (struct client){.port = port, .seed = i + 1};
        task_spawn("client", client_main, &clients[i]);
    }
    task_spawn("watch", watch_main, &in_time);
    loop_run();
    assert_true(in_time);
    for (size_t i = 0; i < CLIENTS; i++)
        assert_true(clients[i].ok);
    assert_true(broken_bodies > 0); /* some did vanish within a body */
    assert_int_equal(http_server_connection_count(server), 0);
    assert_int_equal(http_server_request_count(server), 0);
    http_server_free(server);
    loop_close();
    assert_int_equal(open_descriptors(), descriptors);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bodies_arrive_whole_whatever_clients_do),
    };

    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
