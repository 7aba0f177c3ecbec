/* SPDX-License-Identifier: Apache-2.0
 *
 * Sockets that are bound, and sockets that are taken over.
 */
#include "lib/http/listener.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/base/banned.h"

static int option(int fd, int level, int name)
{
    int value = -1;
    socklen_t len = sizeof(value);

    assert_int_equal(getsockopt(fd, level, name, &value, &len), 0);
    return value;
}

static void close_all(struct listener *listener)
{
    listener_forget(listener);
    close(listener->fd);
}

static void accepted_connections_are_kept_alive_and_undelayed(void **state)
{
    struct listener listener;
    struct error err = ERROR_INIT;
    struct sockaddr_storage to;
    socklen_t len = sizeof(to);
    int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int accepted;

    (void)state;
    assert_int_equal(listener_open(&listener, "tcp", "127.0.0.1:0", &err), 0);
    getsockname(listener.fd, (struct sockaddr *)&to, &len);
    assert_int_equal(connect(client, (struct sockaddr *)&to, len), 0);
    accepted = accept(listener.fd, NULL, NULL);
    assert_true(accepted >= 0);
    assert_int_equal(option(accepted, SOL_SOCKET, SO_KEEPALIVE), 1);
    assert_int_equal(option(accepted, IPPROTO_TCP, TCP_KEEPIDLE), 180);
    assert_int_equal(option(accepted, IPPROTO_TCP, TCP_NODELAY), 1);
    close(accepted);
    close(client);
    close_all(&listener);
}

static void names_are_those_of_the_log(void **state)
{
    char path[] = "/tmp/test_listener.XXXXXX";
    struct listener listener;
    struct error err = ERROR_INIT;

    (void)state;
    close(mkstemp(path));
    unlink(path);
    assert_int_equal(listener_open(&listener, "unix", path, &err), 0);
    assert_string_equal(listener.name, path);
    close_all(&listener);
    assert_int_equal(access(path, F_OK), -1);
    assert_int_equal(listener_open(&listener, "unix", "@test_listener", &err), 0);
    assert_string_equal(listener.name, "@test_listener");
    close_all(&listener);
    assert_int_equal(listener_open(&listener, "tcp", "127.0.0.1:0", &err), 0);
    assert_int_equal(strncmp(listener.name, "127.0.0.1:", 10), 0);
    assert_int_not_equal(strtol(listener.name + 10, NULL, 10), 0);
    close_all(&listener);
}

static void address_in_use_is_said_in_upstreams_words(void **state)
{
    struct listener first;
    struct listener second;
    struct error err = ERROR_INIT;
    char words[256];

    (void)state;
    assert_int_equal(listener_open(&first, "tcp", "127.0.0.1:0", &err), 0);
    assert_int_equal(listener_open(&second, "tcp", first.name, &err), -1);
    snprintf(words, sizeof(words), "listen tcp %s: bind: address already in use", first.name);
    assert_string_equal(err.message, words);
    assert_int_equal(err.code, ERROR_IO);
    assert_int_equal(listener_open(&second, "udp", "127.0.0.1:0", &err), -1);
    assert_string_equal(err.message, "unknown address type udp");
    close_all(&first);
}

static void listening_socket_is_taken_over(void **state)
{
    struct sockaddr_in any = {.sin_family = AF_INET};
    struct listener listener;
    struct error err = ERROR_INIT;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    (void)state;
    any.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(bind(fd, (struct sockaddr *)&any, sizeof(any)), 0);
    assert_int_equal(listen(fd, 1), 0);
    assert_int_equal(listener_adopt(&listener, fd, &err), 0);
    assert_int_equal(strncmp(listener.name, "127.0.0.1:", 10), 0);
    assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
    assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    close_all(&listener);
}

static void file_of_a_socket_that_was_taken_over_stays(void **state)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    char path[] = "/tmp/test_listener.XXXXXX";
    struct listener listener;
    struct error err = ERROR_INIT;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    (void)state;
    close(mkstemp(path));
    unlink(path);
    memcpy(to.sun_path, path, sizeof(path));
    assert_int_equal(bind(fd, (struct sockaddr *)&to, sizeof(to)), 0);
    assert_int_equal(listen(fd, 1), 0);
    assert_int_equal(listener_adopt(&listener, fd, &err), 0);
    assert_string_equal(listener.name, path);
    close_all(&listener);
    assert_int_equal(access(path, F_OK), 0);
    unlink(path);
}

static void what_does_not_listen_is_refused(void **state)
{
    struct listener listener;
    struct error err = ERROR_INIT;
    int idle = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int datagrams = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    int file = open("/dev/null", O_RDONLY | O_CLOEXEC);

    (void)state;
    assert_int_equal(listener_adopt(&listener, idle, &err), -1);
    assert_int_equal(listener_adopt(&listener, datagrams, &err), -1);
    assert_int_equal(listener_adopt(&listener, file, &err), -1);
    assert_int_equal(listener_adopt(&listener, 999, &err), -1);
    assert_int_equal(close(idle), 0);
    assert_int_equal(close(datagrams), 0);
    assert_int_equal(close(file), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepted_connections_are_kept_alive_and_undelayed),
        cmocka_unit_test(names_are_those_of_the_log),
        cmocka_unit_test(address_in_use_is_said_in_upstreams_words),
        cmocka_unit_test(listening_socket_is_taken_over),
        cmocka_unit_test(file_of_a_socket_that_was_taken_over_stays),
        cmocka_unit_test(what_does_not_listen_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
