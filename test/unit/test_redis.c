/* SPDX-License-Identifier: Apache-2.0
 *
 * Calls to a Redis server that is a thread here, and says what the script says: connections kept
 * and lost, time running out, calls canceled.
 */
#include "lib/base/log.h"
#include "lib/base/memory.h"
#include "lib/base/str.h"
#include "lib/redis/redis.h"
#include "lib/task/loop.h"
#include "lib/task/task.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/base/banned.h"

#define PATIENCE_MS   300000 /* for what is answered */
#define SILENCE_MS    150    /* of what is not */
#define CONNECTED_MAX 32

/* ---- the server ---- */

/* What is answered to a command; PING is always answered. */
enum behaviour {
    ANSWER_ECHO,  /* the last argument, as a text */
    ANSWER_NONE,  /* nothing, for ever */
    ANSWER_CLOSE, /* the end */
    ANSWER_HALF,  /* half of a text, then the end */
    ANSWER_ERROR,
    ANSWER_WRONG_TYPE,
};

static struct {
    int listener;
    int port;
    pthread_t thread;
    pthread_t workers[CONNECTED_MAX];
    int sockets[CONNECTED_MAX];
    atomic_uint connections;
    atomic_uint commands;
    atomic_uint resets; /* connections the client has cut off */
    atomic_int behaviour;
} server;

/* Reads one line without its end; false at the end of the stream. */
static bool read_line(FILE *in, char *out, size_t size)
{
    if (fgets(out, (int)size, in) == NULL)
        return false;
    out[strcspn(out, "\r\n")] = '\0';
    return true;
}

/* The first and the last argument of the next command; one-word commands have the same twice. */
static bool read_command(FILE *in, char *first, char *last, size_t size)
{
    char line[64];
    int count;

    if (!read_line(in, line, sizeof(line)))
        return false;
    count = (int)strtol(line + 1, NULL, 10);
    for (int i = 0; i < count; i++) {
        if (!read_line(in, line, sizeof(line)) || !read_line(in, last, size))
            return false;
        if (i == 0)
            snprintf(first, size, "%s", last);
    }
    return true;
}

static bool answer(FILE *out, const char *last)
{
    switch ((enum behaviour)atomic_load(&server.behaviour)) {
    case ANSWER_ECHO:
        fprintf(out, "$%zu\r\n%s\r\n", strlen(last), last);
        return fflush(out) == 0;
    case ANSWER_NONE:
        return true;
    case ANSWER_HALF:
        fprintf(out, "$100\r\nhalf");
        return fflush(out) == 0 && false;
    case ANSWER_ERROR:
        fprintf(out, "-OOM command not allowed\r\n");
        return fflush(out) == 0;
    case ANSWER_WRONG_TYPE:
        fprintf(out, "-WRONGTYPE Operation against a key\r\n");
        return fflush(out) == 0;
    case ANSWER_CLOSE:
        break;
    }
    return false;
}

static void *serve(void *arg)
{
    int *socket = arg;
    FILE *in = fdopen(dup(*socket), "r");
    FILE *out = fdopen(dup(*socket), "w");
    char first[256];
    char last[256];

    while (read_command(in, first, last, sizeof(last))) {
        if (strcmp(first, "PING") == 0) {
            fprintf(out, "+PONG\r\n");
            fflush(out);
            continue;
        }
        atomic_fetch_add(&server.commands, 1);
        if (!answer(out, last))
            break;
    }
    if (ferror(in) != 0 && errno == ECONNRESET)
        atomic_fetch_add(&server.resets, 1);
    shutdown(*socket, SHUT_RDWR);
    fclose(in);
    fclose(out);
    return NULL;
}

static void *accept_all(void *arg)
{
    (void)arg;
    for (;;) {
        unsigned number = atomic_load(&server.connections);
        int socket = accept(server.listener, NULL, NULL);

        if (socket < 0 || number == CONNECTED_MAX)
            return NULL;
        server.sockets[number] = socket;
        atomic_store(&server.connections, number + 1); /* before anybody is answered */
        pthread_create(&server.workers[number], NULL, serve, &server.sockets[number]);
    }
}

static void start_server(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof(address);

    server.listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(server.listener, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(server.listener, 16), 0);
    assert_int_equal(getsockname(server.listener, (struct sockaddr *)&address, &len), 0);
    server.port = ntohs(address.sin_port);
    atomic_store(&server.connections, 0);
    atomic_store(&server.commands, 0);
    atomic_store(&server.resets, 0);
    atomic_store(&server.behaviour, ANSWER_ECHO);
    pthread_create(&server.thread, NULL, accept_all, NULL);
}

static void stop_server(void)
{
    shutdown(server.listener, SHUT_RDWR);
    pthread_join(server.thread, NULL);
    close(server.listener);
    for (unsigned i = 0; i < atomic_load(&server.connections); i++) {
        shutdown(server.sockets[i], SHUT_RDWR);
        pthread_join(server.workers[i], NULL);
        close(server.sockets[i]);
    }
}

/* ---- a client of it ---- */

static char addr[32];
static struct redis_options options;

static int setup(void **state)
{
    struct error err = ERROR_INIT;

    (void)state;
    log_set_level(LOG_LEVEL_ERROR);
    start_server();
    snprintf(addr, sizeof(addr), "127.0.0.1:%d", server.port);
    options = (struct redis_options){
        .addr = addr,
        .username = "",
        .password = "",
        .dial_ms = PATIENCE_MS,
        .read_ms = PATIENCE_MS,
        .write_ms = PATIENCE_MS,
        .idle_max = 4,
    };
    return loop_open(1, &err);
}

static int teardown(void **state)
{
    (void)state;
    loop_close();
    stop_server();
    return 0;
}

typedef void body_cb(struct redis *redis);

/* Until the server is found. May suspend. */
static void await(const struct redis *redis)
{
    struct error err = ERROR_INIT;

    for (int ms = 0; ms < PATIENCE_MS && is_redis_away(redis); ms += 5)
        assert_int_equal(task_sleep(5, &err), 0);
    assert_false(is_redis_away(redis));
}

static void body_main(void *arg)
{
    body_cb *body;
    struct redis *redis;
    struct error err = ERROR_INIT;

    memcpy(&body, arg, sizeof(body));
    assert_int_equal(redis_new(&options, &redis, &err), 0);
    redis_start(redis);
    await(redis);
    body(redis);
    redis_stop(redis);
    redis_free(redis);
}

static void run(body_cb *body)
{
    task_spawn("test", body_main, &body);
    loop_run();
    assert_int_equal(task_count(), 0);
}

#define REDIS_TEST(name)                                                                           \
    static void name##_body(struct redis *redis);                                                  \
    static void name(void **state)                                                                 \
    {                                                                                              \
        (void)state;                                                                               \
        run(name##_body);                                                                          \
    }                                                                                              \
    static void name##_body(struct redis *redis)

/* ECHO @text; the code of the error, or ERROR_NONE when it came back. */
static enum error_code echo(struct redis *redis, const char *text)
{
    struct redis_command command = {{SPAN("ECHO"), span_of(text)}, 2};
    struct redis_replies replies;
    struct error err = ERROR_INIT;
    struct span back;
    int rc = redis_call(redis, &command, 1, &replies, &err);

    if (rc < 0) {
        assert_int_not_equal(err.code, ERROR_NONE);
        return err.code;
    }
    if (atomic_load(&server.behaviour) == ANSWER_ECHO)
        assert_true(redis_reply_text(&replies, 0, &back) && span_is(back, text));
    else
        assert_false(redis_reply_text(&replies, 0, &back));
    redis_replies_fini(&replies);
    return ERROR_NONE;
}

/* ---- tests ---- */

REDIS_TEST(a_connection_is_kept_for_the_next_call)
{
    for (int i = 0; i < 20; i++)
        assert_int_equal(echo(redis, "text"), ERROR_NONE);
    assert_int_equal(atomic_load(&server.connections), 1);
}

REDIS_TEST(several_commands_go_in_one_round_trip)
{
    struct redis_command commands[30];
    struct redis_replies replies;
    struct error err = ERROR_INIT;
    struct span text;
    char texts[30][8];

    for (size_t i = 0; i < array_count(commands); i++) {
        snprintf(texts[i], sizeof(texts[i]), "t%zu", i);
        commands[i] = (struct redis_command){{SPAN("ECHO"), span_of(texts[i])}, 2};
    }
    assert_int_equal(redis_call(redis, commands, array_count(commands), &replies, &err), 0);
    for (size_t i = 0; i < array_count(commands); i++)
        assert_true(redis_reply_text(&replies, i, &text) && span_is(text, texts[i]));
    redis_replies_fini(&replies);
}

REDIS_TEST(a_kept_connection_that_has_died_is_replaced_unseen)
{
    assert_int_equal(echo(redis, "a"), ERROR_NONE);
    assert_int_equal(atomic_load(&server.connections), 1);
    shutdown(server.sockets[0], SHUT_RDWR);
    assert_int_equal(echo(redis, "b"), ERROR_NONE);
    assert_false(is_redis_away(redis));
    assert_int_equal(atomic_load(&server.connections), 2);
}

REDIS_TEST(an_end_that_was_seen_is_no_use_either)
{
    struct error err = ERROR_INIT;

    assert_int_equal(atomic_load(&server.connections), 1);
    shutdown(server.sockets[0], SHUT_RDWR);
    assert_int_equal(task_sleep(30, &err), 0);
    assert_int_equal(echo(redis, "b"), ERROR_NONE);
    assert_int_equal(atomic_load(&server.connections), 2);
}

static void note_turn(void *arg)
{
    *(bool *)arg = true;
}

/* Fails, and then fails without asking and without waiting: no other task has its turn meanwhile.
 */
static void check_goes_away(struct redis *redis, enum error_code code)
{
    bool has_turned = false;
    struct error err = ERROR_INIT;
    unsigned commands;

    assert_int_equal(echo(redis, "x"), code);
    assert_true(is_redis_away(redis));
    commands = atomic_load(&server.commands);
    task_spawn("turn", note_turn, &has_turned);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(echo(redis, "x"), ERROR_UNAVAILABLE);
    assert_int_equal(atomic_load(&server.commands), commands);
    assert_false(has_turned);
    while (!has_turned)
        assert_int_equal(task_sleep(0, &err), 0);
}

static void with_silence(struct redis *redis)
{
    atomic_store(&server.behaviour, ANSWER_NONE);
    check_goes_away(redis, ERROR_TIMEOUT);
    atomic_store(&server.behaviour, ANSWER_ECHO);
    do { /* a slow machine may not answer within so short a time */
        redis_look(redis, PATIENCE_MS);
        await(redis);
    } while (echo(redis, "back") != ERROR_NONE);
}

static void silence_is_waited_for_once_and_found_to_end(void **state)
{
    (void)state;
    options.read_ms = SILENCE_MS;
    run(with_silence);
}

static void with_a_call_that_is_cut_off(struct redis *redis)
{
    struct error err = ERROR_INIT;

    atomic_store(&server.behaviour, ANSWER_NONE);
    assert_int_equal(echo(redis, "x"), ERROR_TIMEOUT);
    for (int ms = 0; ms < PATIENCE_MS && atomic_load(&server.resets) == 0; ms += 2)
        assert_int_equal(task_sleep(2, &err), 0);
    assert_int_equal(atomic_load(&server.resets), 1);
}

/* What was sent and not answered shall not arrive after what is said later on a new connection. */
static void a_call_without_answer_is_cut_off(void **state)
{
    (void)state;
    options.read_ms = SILENCE_MS;
    run(with_a_call_that_is_cut_off);
}

REDIS_TEST(an_answer_cut_short_is_a_failure)
{
    atomic_store(&server.behaviour, ANSWER_HALF);
    check_goes_away(redis, ERROR_UNAVAILABLE);
}

REDIS_TEST(an_end_without_answer_is_a_failure)
{
    atomic_store(&server.behaviour, ANSWER_CLOSE);
    check_goes_away(redis, ERROR_UNAVAILABLE);
}

REDIS_TEST(an_error_is_a_failure)
{
    atomic_store(&server.behaviour, ANSWER_ERROR);
    check_goes_away(redis, ERROR_DENIED);
}

REDIS_TEST(a_key_of_another_type_is_nothing)
{
    atomic_store(&server.behaviour, ANSWER_WRONG_TYPE);
    assert_int_equal(echo(redis, "x"), ERROR_NONE);
    assert_false(is_redis_away(redis));
}

/* ---- calls side by side ---- */

struct caller {
    struct redis *redis;
    enum error_code code;
    bool was_away; /* the server, when the call was over */
    bool is_done;
};

static void caller_main(void *arg)
{
    struct caller *caller = arg;

    caller->code = echo(caller->redis, "call");
    caller->was_away = is_redis_away(caller->redis);
    caller->is_done = true;
}

/* Lets the others run until the @caller is done. */
static void join(const struct caller *caller)
{
    struct error err = ERROR_INIT;

    while (!caller->is_done)
        assert_int_equal(task_sleep(2, &err), 0);
}

REDIS_TEST(calls_side_by_side_have_connections_of_their_own)
{
    struct caller callers[8];

    for (size_t i = 0; i < array_count(callers); i++) {
        callers[i] = (struct caller){.redis = redis};
        task_spawn("caller", caller_main, &callers[i]);
    }
    for (size_t i = 0; i < array_count(callers); i++) {
        join(&callers[i]);
        assert_int_equal(callers[i].code, ERROR_NONE);
    }
    assert_int_equal(atomic_load(&server.connections), array_count(callers));
    assert_int_equal(echo(redis, "after"), ERROR_NONE);
}

REDIS_TEST(a_canceled_call_takes_its_connection_along_and_nothing_else)
{
    struct caller caller = {.redis = redis};
    struct error err = ERROR_INIT;
    struct task *task;

    atomic_store(&server.behaviour, ANSWER_NONE);
    task = task_spawn("caller", caller_main, &caller);
    assert_int_equal(task_sleep(20, &err), 0);
    task_cancel(task);
    join(&caller);
    assert_int_equal(caller.code, ERROR_CANCELED);
    assert_false(is_redis_away(redis));
    atomic_store(&server.behaviour, ANSWER_ECHO);
    assert_int_equal(echo(redis, "next"), ERROR_NONE);
    assert_int_equal(atomic_load(&server.connections), 2);
}

static bool is_in_time;

/* Two calls end in silence, one of them long after the server was found again: if the machine has
 * time to find it before. */
static void with_an_old_call(struct redis *redis)
{
    struct caller callers[2] = {{.redis = redis}, {.redis = redis}};
    struct error err = ERROR_INIT;

    atomic_store(&server.behaviour, ANSWER_NONE);
    task_spawn("caller", caller_main, &callers[0]);
    assert_int_equal(task_sleep(options.read_ms * 9 / 10, &err), 0);
    task_spawn("caller", caller_main, &callers[1]);
    join(&callers[0]);
    assert_int_equal(callers[0].code, ERROR_TIMEOUT);
    assert_true(callers[0].was_away);
    atomic_store(&server.behaviour, ANSWER_ECHO);
    redis_look(redis, PATIENCE_MS);
    await(redis);
    is_in_time = !callers[1].is_done;
    if (!is_in_time)
        return;
    while (!callers[1].is_done) {
        assert_false(is_redis_away(redis));
        assert_int_equal(task_sleep(2, &err), 0);
    }
    assert_int_equal(callers[1].code, ERROR_TIMEOUT);
    assert_false(is_redis_away(redis));
    is_in_time = echo(redis, "next") == ERROR_NONE;
}

static void a_call_from_before_an_outage_is_no_second_one(void **state)
{
    (void)state;
    is_in_time = false;
    for (options.read_ms = 400; !is_in_time && options.read_ms < 60000; options.read_ms *= 4)
        run(with_an_old_call);
    assert_true(is_in_time);
}

static void with_one_connection(struct redis *redis)
{
    struct caller caller = {.redis = redis};
    struct error err = ERROR_INIT;
    struct task *task;

    atomic_store(&server.behaviour, ANSWER_NONE);
    task = task_spawn("caller", caller_main, &caller);
    assert_int_equal(task_sleep(20, &err), 0);
    assert_int_equal(echo(redis, "one more"), ERROR_BUSY);
    assert_false(is_redis_away(redis));
    task_cancel(task);
    join(&caller);
    atomic_store(&server.behaviour, ANSWER_ECHO);
    assert_int_equal(echo(redis, "next"), ERROR_NONE);
}

static void one_more_than_allowed_fails_at_once(void **state)
{
    (void)state;
    options.active_max = 1;
    run(with_one_connection);
}

static void without_keeping(struct redis *redis)
{
    for (int i = 0; i < 3; i++)
        assert_int_equal(echo(redis, "x"), ERROR_NONE);
    assert_int_equal(atomic_load(&server.connections), 4); /* and the one that looked */
}

static void nothing_is_kept_where_nothing_may(void **state)
{
    (void)state;
    options.idle_max = 0;
    run(without_keeping);
}

static void keeping_for_a_moment(struct redis *redis)
{
    struct error err = ERROR_INIT;
    unsigned before;

    assert_int_equal(echo(redis, "x"), ERROR_NONE);
    before = atomic_load(&server.connections);
    assert_int_equal(task_sleep(60, &err), 0);
    assert_int_equal(echo(redis, "x"), ERROR_NONE);
    assert_int_equal(atomic_load(&server.connections), before + 1);
}

static void what_was_kept_too_long_is_closed(void **state)
{
    (void)state;
    options.idle_ms = 20;
    run(keeping_for_a_moment);
}

/* ---- options ---- */

static void files_that_cannot_be_read_are_named(void **state)
{
    static const char *const roots[] = {"/nowhere/ca.crt"};
    struct redis *redis;
    struct error err = ERROR_INIT;

    (void)state;
    options.tls.is_enabled = true;
    options.tls.certificate = options.tls.key = "";
    options.tls.roots = roots;
    options.tls.root_count = 1;
    assert_int_equal(redis_new(&options, &redis, &err), -1);
    assert_non_null(strstr(err.message, "redis.tls.rootcas /nowhere/ca.crt"));
    options.tls.root_count = 0;
    options.tls.certificate = "/nowhere/own.crt";
    assert_int_equal(redis_new(&options, &redis, &err), -1);
    assert_non_null(strstr(err.message, "go together"));
    options.tls.key = "/nowhere/own.key";
    assert_int_equal(redis_new(&options, &redis, &err), -1);
    assert_non_null(strstr(err.message, "redis.tls.certificate /nowhere/own.crt"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_connection_is_kept_for_the_next_call),
        TEST(several_commands_go_in_one_round_trip),
        TEST(a_kept_connection_that_has_died_is_replaced_unseen),
        TEST(an_end_that_was_seen_is_no_use_either),
        TEST(silence_is_waited_for_once_and_found_to_end),
        TEST(a_call_without_answer_is_cut_off),
        TEST(an_answer_cut_short_is_a_failure),
        TEST(an_end_without_answer_is_a_failure),
        TEST(an_error_is_a_failure),
        TEST(a_key_of_another_type_is_nothing),
        TEST(calls_side_by_side_have_connections_of_their_own),
        TEST(a_canceled_call_takes_its_connection_along_and_nothing_else),
        TEST(a_call_from_before_an_outage_is_no_second_one),
        TEST(one_more_than_allowed_fails_at_once),
        TEST(nothing_is_kept_where_nothing_may),
        TEST(what_was_kept_too_long_is_closed),
        TEST(files_that_cannot_be_read_are_named),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
