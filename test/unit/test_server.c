/* SPDX-License-Identifier: Apache-2.0
 *
 * The server under clients that pipeline, split, send slowly, and vanish: every body arrives whole
 * or not at all, and nothing is left behind. On TCP, on a Unix socket, and through TLS.
 */
#include "lib/base/clock.h"
#include "lib/base/memory.h"
#include "lib/base/str.h"
#include "lib/http/server.h"
#include "lib/http/tls.h"
#include "lib/oci/digest.h"
#include "lib/task/loop.h"
#include "lib/task/offload.h"
#include "lib/task/task.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <event2/buffer.h>
#include <netinet/tcp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cmocka.h>

#include "lib/base/banned.h"

#define CLIENTS  24
#define ROUNDS   4
#define BODY_MAX (1 << 20)

#define PATIENCE_MS 300000

/* A connection that is idle for so long is closed when others wait; no client that is as slow has
 * done anything wrong. */
#define LEFT_ALONE_MS 900
#define AGAIN_MAX     1000

/* How clients reach the server. */
struct way {
    const char *net;
    const char *address;
    bool is_tls;
    int version; /* of TLS */
    size_t max;  /* connections at once; 0: no matter how many */
};

/* One client on a helper thread, with blocking sockets; everything it did is in here. */
struct client {
    const struct way *way;
    SSL_CTX *ctx;
    char address[108];
    unsigned seed;
    bool ok;
};

/* A client's end of a connection. */
struct line {
    int fd;
    SSL *ssl; /* NULL: plain */
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

static int dial_tcp(const char *address)
{
    struct sockaddr_in to = {.sin_family = AF_INET};
    int on = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    to.sin_port = htons((uint16_t)strtoul(strrchr(address, ':') + 1, NULL, 10));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || connect(fd, (const struct sockaddr *)&to, sizeof(to)) < 0)
        return -1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    return fd;
}

static int dial_unix(const char *path)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    memcpy(to.sun_path, path, strlen(path));
    return fd < 0 || connect(fd, (const struct sockaddr *)&to, sizeof(to)) < 0 ? -1 : fd;
}

static bool line_open(struct line *line, const struct client *client)
{
    bool is_unix = strcmp(client->way->net, "unix") == 0;

    *line = (struct line){is_unix ? dial_unix(client->address) : dial_tcp(client->address), NULL};
    if (line->fd < 0 || !client->way->is_tls)
        return line->fd >= 0;
    line->ssl = SSL_new(client->ctx);
    SSL_set_fd(line->ssl, line->fd);
    return SSL_connect(line->ssl) == 1;
}

static void line_close(struct line *line)
{
    SSL_free(line->ssl);
    if (line->fd >= 0)
        close(line->fd);
}

static ssize_t line_receive(struct line *line, void *to, size_t len)
{
    if (line->ssl != NULL)
        return SSL_read(line->ssl, to, (int)len);
    return recv(line->fd, to, len, 0);
}

static bool send_all(struct line *line, const char *data, size_t len)
{
    while (len > 0) {
        ssize_t sent = line->ssl != NULL ? SSL_write(line->ssl, data, (int)len)
                                         : send(line->fd, data, len, MSG_NOSIGNAL);

        if (sent <= 0)
            return false;
        data += sent;
        len -= (size_t)sent;
    }
    return true;
}

/* Reads until @count answers with a digest in them have come. */
static bool expect(struct line *line, const char *const *digests, size_t count)
{
    char text[4096];
    size_t len = 0;
    const char *at = text;

    text[0] = '\0';
    for (size_t i = 0; i < count; i++) {
        const char *found;

        while ((found = strstr(at, digests[i])) == NULL) {
            ssize_t got = line_receive(line, text + len, sizeof(text) - 1 - len);

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

/* Nothing more comes from this client: either it has gone, or it waits for what may yet come. */
static void vanish(struct line *line, bool is_waiting)
{
    char text[4096];

    if (!is_waiting)
        return;
    shutdown(line->fd, SHUT_WR);
    while (recv(line->fd, text, sizeof(text), 0) > 0)
        ;
}

/* GET, PUT and GET in one stream, cut at a random byte; a quarter of the clients stops there. */
static bool exchange(struct client *client, struct line *line)
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
    if (!send_all(line, wire.data, cut))
        return false;
    if (rand_r(&client->seed) % 4 == 0) {
        vanish(line, rand_r(&client->seed) % 2 == 0);
        return true;
    }
    return send_all(line, wire.data + cut, wire.len - cut) && expect(line, answers, 3);
}

static int client_run(void *arg, struct error *err)
{
    struct client *client = arg;

    (void)err;
    client->ok = true;
    for (int i = 0, again = 0; i < ROUNDS && client->ok; i++) {
        int64_t begun_ms = clock_monotonic_ms();
        struct line line;

        client->ok = line_open(&line, client) && exchange(client, &line);
        line_close(&line);
        if (!client->ok && client->way->max > 0 && again < AGAIN_MAX &&
            clock_monotonic_ms() - begun_ms >= LEFT_ALONE_MS) {
            client->ok = true;
            again++;
            i--;
        }
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
    http_server_drain(server, PATIENCE_MS, on_drained, arg);
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

static SSL_CTX *client_context(int version)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

    SSL_CTX_set_min_proto_version(ctx, version);
    SSL_CTX_set_max_proto_version(ctx, version);
    SSL_CTX_set_options(ctx, SSL_OP_IGNORE_UNEXPECTED_EOF);
    return ctx;
}

/* All clients come the given way; whatever they do, nothing stays behind. */
static void storm(const struct way *way, struct http_tls *tls)
{
    static struct client clients[CLIENTS];
    struct http_server_options options = {handle, NULL, tls, PATIENCE_MS, PATIENCE_MS, PATIENCE_MS};
    struct error err = ERROR_INIT;
    size_t descriptors = open_descriptors();
    SSL_CTX *ctx = way->is_tls ? client_context(way->version) : NULL;
    bool in_time = false;

    broken_bodies = 0;
    assert_int_equal(loop_open(CLIENTS, &err), 0);
    server = http_server_new(&options);
    http_server_set_max_connections(server, way->max);
    assert_int_equal(http_server_listen(server, way->net, way->address, &err), 0);
    for (unsigned i = 0; i < CLIENTS; i++) {
        clients[i] = (struct client){.way = way, .ctx = ctx, .seed = i + 1};
        snprintf(clients[i].address, sizeof(clients[i].address), "%s", http_server_address(server));
        task_spawn("client", client_main, &clients[i]);
    }
    task_spawn("watch", watch_main, &in_time);
    loop_run();
    assert_true(in_time);
    for (size_t i = 0; i < CLIENTS; i++)
        assert_true(clients[i].ok);
    assert_true(broken_bodies > 0); /* some did vanish within a body */
    assert_true(http_server_bytes_in(server) > BODY_MAX);
    assert_true(http_server_bytes_out(server) > (uint64_t)CLIENTS * ROUNDS);
    assert_int_equal(http_server_connection_count(server), 0);
    assert_int_equal(http_server_request_count(server), 0);
    http_server_free(server);
    loop_close();
    SSL_CTX_free(ctx);
    assert_int_equal(open_descriptors(), descriptors);
}

static void bodies_arrive_whole_whatever_clients_do(void **state)
{
    (void)state;
    storm(&(struct way){"tcp", "127.0.0.1:0", false, 0, 0}, NULL);
}

static void bodies_arrive_whole_on_a_unix_socket(void **state)
{
    char path[] = "/tmp/test_server.XXXXXX";
    struct stat info;
    int fd = mkstemp(path);

    (void)state;
    close(fd);
    unlink(path);
    storm(&(struct way){"unix", path, false, 0, 0}, NULL);
    assert_int_equal(stat(path, &info), -1);
}

static void bodies_arrive_whole_though_few_may_come_at_once(void **state)
{
    (void)state;
    storm(&(struct way){"tcp", "127.0.0.1:0", false, 0, 3}, NULL);
}

/* ---- TLS ---- */

static char certificate_path[] = "/tmp/test_server_cert.XXXXXX";
static char key_path[] = "/tmp/test_server_key.XXXXXX";

static FILE *make_file(char *path)
{
    return fdopen(mkstemp(path), "w");
}

/* A certificate of its own for a new key, in two files. */
static int make_certificate(void **state)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = X509_new();
    FILE *cert_file = make_file(certificate_path);
    FILE *key_file = make_file(key_path);

    (void)state;
    X509_set_version(cert, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
    X509_gmtime_adj(X509_getm_notBefore(cert), 0);
    X509_gmtime_adj(X509_getm_notAfter(cert), 30 * 24 * 3600);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_ASC,
                               (const unsigned char *)"localhost", -1, -1, 0);
    X509_set_issuer_name(cert, X509_get_subject_name(cert));
    X509_set_pubkey(cert, key);
    X509_sign(cert, key, EVP_sha256());
    PEM_write_X509(cert_file, cert);
    PEM_write_PrivateKey(key_file, key, NULL, NULL, 0, NULL, NULL);
    fclose(cert_file);
    fclose(key_file);
    X509_free(cert);
    EVP_PKEY_free(key);
    return 0;
}

static int remove_certificate(void **state)
{
    (void)state;
    unlink(certificate_path);
    unlink(key_path);
    return 0;
}

static void storm_through_tls(int version, size_t max)
{
    struct http_tls_options options = {.certificate = certificate_path, .key = key_path};
    struct error err = ERROR_INIT;
    struct http_tls *tls = NULL;

    assert_int_equal(http_tls_new(&options, &tls, &err), 0);
    storm(&(struct way){"tcp", "127.0.0.1:0", true, version, max}, tls);
    http_tls_free(tls);
}

static void bodies_arrive_whole_through_tls_1_2(void **state)
{
    (void)state;
    storm_through_tls(TLS1_2_VERSION, 0);
}

static void bodies_arrive_whole_through_tls_1_3(void **state)
{
    (void)state;
    storm_through_tls(TLS1_3_VERSION, 0);
}

static void bodies_arrive_whole_through_tls_though_few_may_come_at_once(void **state)
{
    (void)state;
    storm_through_tls(TLS1_3_VERSION, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bodies_arrive_whole_whatever_clients_do),
        cmocka_unit_test(bodies_arrive_whole_on_a_unix_socket),
        cmocka_unit_test(bodies_arrive_whole_through_tls_1_2),
        cmocka_unit_test(bodies_arrive_whole_through_tls_1_3),
        cmocka_unit_test(bodies_arrive_whole_though_few_may_come_at_once),
        cmocka_unit_test(bodies_arrive_whole_through_tls_though_few_may_come_at_once),
    };

    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, make_certificate, remove_certificate);
}
