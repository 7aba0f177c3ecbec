/* SPDX-License-Identifier: Apache-2.0
 *
 * One check in time, the probes of files and TCP ports, and what checks say together. HTTP checks
 * are tested against real servers in test/api.
 */
#include "lib/base/log.h"
#include "lib/health/check.h"
#include "lib/health/health.h"
#include "lib/task/loop.h"
#include "lib/task/resolve.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/base/banned.h"

#define MS INT64_C(1000000)

static int setup(void **state)
{
    struct error err = ERROR_INIT;

    (void)state;
    log_set_level(LOG_LEVEL_ERROR);
    return loop_open(2, &err);
}

static int teardown(void **state)
{
    (void)state;
    loop_close();
    return 0;
}

/* ---- one check ---- */

/* Plays @script: "." is well, "x" fails, "~" waits until it is canceled; notes after each probe
 * whether the check fails. */
struct fake {
    struct probe probe;
    const char *script;
    size_t played;
    char seen[32]; /* the state before each probe: "." or "x" */
    struct check *check;
};

static void stop_main(void *arg)
{
    check_cancel(arg);
    check_wait(arg);
}

static int fake_run(struct probe *probe, struct error *err)
{
    struct fake *fake = (struct fake *)probe;
    char step = fake->script[fake->played];

    fake->seen[fake->played] = fake->check->fault != NULL ? 'x' : '.';
    if (step == '\0') {
        task_spawn("stop", stop_main, fake->check);
        return task_sleep(60000, err);
    }
    fake->played++;
    if (step == 'x')
        return error_set(err, ERROR_UNAVAILABLE, "fault %zu", fake->played);
    return 0;
}

static void fake_free(struct probe *probe)
{
    (void)probe;
}

/* The state before each probe of @script and after the last. */
static void assert_plays(const char *script, int64_t threshold, const char *states)
{
    struct fake fake = {.probe = {fake_run, fake_free}, .script = script};

    fake.check = check_new("fake", &fake.probe, MS, threshold);
    check_start(fake.check);
    loop_run();
    assert_string_equal(fake.seen, states);
    check_free(fake.check);
}

static void a_check_is_well_until_its_first_probe(void **state)
{
    (void)state;
    assert_plays("", 0, ".");
}

static void a_check_fails_at_the_first_failure(void **state)
{
    (void)state;
    assert_plays("x.x", 0, ".x.x");
    assert_plays("x.x", 1, ".x.x");
    assert_plays("x.x", -5, ".x.x");
}

static void a_check_fails_after_as_many_failures_in_a_row(void **state)
{
    (void)state;
    assert_plays("xxx.xxxx", 3, "...x...xx");
}

static void one_success_begins_the_count_anew(void **state)
{
    (void)state;
    assert_plays("xx.xx.xxx", 3, ".........x");
}

static void the_fault_is_that_of_the_last_failure(void **state)
{
    struct fake fake = {.probe = {fake_run, fake_free}, .script = "xxxx"};

    (void)state;
    fake.check = check_new("fake", &fake.probe, MS, 2);
    check_start(fake.check);
    loop_run();
    assert_string_equal(fake.check->fault, "fault 4");
    check_free(fake.check);
}

static void stop_soon_main(void *arg)
{
    struct error err = ERROR_INIT;

    if (task_sleep(20, &err) == 0)
        stop_main(arg);
}

static void a_check_stops_while_it_waits_for_its_interval(void **state)
{
    struct fake fake = {.probe = {fake_run, fake_free}, .script = "x"};

    (void)state;
    fake.check = check_new("fake", &fake.probe, 3600000 * MS, 0);
    check_start(fake.check);
    task_spawn("stop", stop_soon_main, fake.check);
    loop_run();
    assert_int_equal(fake.played, 0);
    check_free(fake.check);
}

static void an_interval_of_nothing_is_the_default(void **state)
{
    struct fake fake = {.probe = {fake_run, fake_free}, .script = ""};
    struct check *check = check_new("fake", &fake.probe, 0, 0);

    (void)state;
    assert_int_equal(check->interval_ns, 10000 * MS);
    check_free(check);
    check = check_new("fake", &fake.probe, 1, 0);
    assert_int_equal(check->interval_ns, MS);
    check_free(check);
}

/* ---- probes ---- */

struct trial {
    struct probe *probe;
    int result;
    struct error err;
};

static void trial_main(void *arg)
{
    struct trial *trial = arg;

    trial->result = trial->probe->run(trial->probe, &trial->err);
}

/* @fault NULL: all is well. Frees the probe. */
static void assert_probe(struct probe *probe, const char *fault)
{
    struct trial trial = {.probe = probe, .result = -2};

    task_spawn("trial", trial_main, &trial);
    loop_run();
    if (fault == NULL) {
        assert_int_equal(trial.result, 0);
    } else {
        assert_int_equal(trial.result, -1);
        assert_string_equal(trial.err.message, fault);
    }
    probe->free(probe);
}

static void a_file_that_exists_is_a_fault(void **state)
{
    (void)state;
    assert_probe(probe_file_new("/dev/null"), "file exists");
    assert_probe(probe_file_new("/"), "file exists");
    assert_probe(probe_file_new("/nowhere/at/all"), NULL);
    assert_probe(probe_file_new("/dev/null/x"), "stat /dev/null/x: not a directory");
}

/* A socket on a free port of this machine, and its address as text. */
static int bind_port(char *text, size_t size)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t len = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, len), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    snprintf(text, size, "127.0.0.1:%d", ntohs(address.sin_port));
    return fd;
}

static void assert_tcp(char *addr, int64_t timeout_ns, bool is_well)
{
    struct config_tcp_check check = {.addr = addr, .timeout_ns = timeout_ns};
    char fault[160];

    snprintf(fault, sizeof(fault), "connection to %s failed", addr);
    assert_probe(probe_tcp_new(&check), is_well ? NULL : fault);
}

static void a_port_is_well_when_it_accepts(void **state)
{
    char addr[64];
    int fd = bind_port(addr, sizeof(addr));

    (void)state;
    assert_tcp(addr, 0, false);
    assert_int_equal(listen(fd, 8), 0);
    assert_tcp(addr, 0, true);
    assert_tcp(addr, 300000 * MS, true);
    close(fd);
    assert_tcp(addr, 0, false);
}

static void a_port_may_be_without_a_host_or_with_a_name(void **state)
{
    char addr[64];
    char named[64];
    int fd = bind_port(addr, sizeof(addr));

    (void)state;
    assert_int_equal(listen(fd, 8), 0);
    snprintf(named, sizeof(named), "localhost%s", strchr(addr, ':'));
    assert_tcp(named, 0, true);
    assert_tcp(strchr(addr, ':'), 0, true);
    close(fd);
}

static void what_is_no_address_is_a_fault(void **state)
{
    static const char *const rows[] = {"",
                                       ":",
                                       "host",
                                       "host:",
                                       "[::1",
                                       "::1",
                                       "127.0.0.1",
                                       "127.0.0.1:no-such-service",
                                       "127.0.0.1:99999x"};

    (void)state;
    for (size_t i = 0; i < array_count(rows); i++) {
        char addr[64];

        snprintf(addr, sizeof(addr), "%s", rows[i]);
        assert_tcp(addr, 1000 * MS, false);
    }
}

/* A listener whose queue is full: the kernel drops what would connect. */
struct full_port {
    char addr[64];
    int fds[4];
};

static void full_port_open(struct full_port *full)
{
    struct sockaddr_in address;
    socklen_t len = sizeof(address);

    full->fds[0] = bind_port(full->addr, sizeof(full->addr));
    assert_int_equal(listen(full->fds[0], 0), 0);
    assert_int_equal(getsockname(full->fds[0], (struct sockaddr *)&address, &len), 0);
    for (size_t i = 1; i < array_count(full->fds); i++) {
        full->fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        (void)!connect(full->fds[i], (const struct sockaddr *)&address, len);
    }
}

static void full_port_close(struct full_port *full)
{
    for (size_t i = 0; i < array_count(full->fds); i++)
        close(full->fds[i]);
}

static void a_port_that_does_not_answer_fails_in_time(void **state)
{
    struct full_port full;

    (void)state;
    full_port_open(&full);
    assert_tcp(full.addr, 50 * MS, false);
    full_port_close(&full);
}

static void cancel_main(void *arg)
{
    struct error err = ERROR_INIT;

    if (task_sleep(20, &err) == 0)
        task_cancel(arg);
}

static void a_probe_can_be_canceled(void **state)
{
    struct full_port full;
    struct config_tcp_check check;
    struct trial trial = {.result = -2};

    (void)state;
    full_port_open(&full);
    check = (struct config_tcp_check){.addr = full.addr};
    trial.probe = probe_tcp_new(&check);
    task_spawn("cancel", cancel_main, task_spawn("trial", trial_main, &trial));
    loop_run();
    assert_int_equal(trial.result, -1);
    assert_int_equal(trial.err.code, ERROR_CANCELED);
    trial.probe->free(trial.probe);
    full_port_close(&full);
}

/* ---- names, one at a time ---- */

struct looker {
    struct task *task;
    int result;
    struct error err;
};

static void look_main(void *arg)
{
    struct looker *looker = arg;
    struct addrinfo *list = NULL;

    looker->result = resolve("localhost:80", &list, &looker->err);
    if (looker->result == 0)
        freeaddrinfo(list);
}

static void names_wait_for_each_other_and_may_give_up(void **state)
{
    struct looker lookers[6] = {0};

    (void)state;
    for (size_t i = 0; i < array_count(lookers); i++)
        lookers[i].task = task_spawn("look", look_main, &lookers[i]);
    task_cancel(lookers[3].task);
    loop_run();
    for (size_t i = 0; i < array_count(lookers); i++) {
        assert_int_equal(lookers[i].result, i == 3 ? -1 : 0);
        if (i == 3)
            assert_int_equal(lookers[i].err.code, ERROR_CANCELED);
    }
}

/* ---- all of them ---- */

static char driver_name[] = "filesystem";

static struct health *new_health(const struct config *config)
{
    struct health *health = NULL;
    struct error err = ERROR_INIT;

    assert_int_equal(health_new(config, NULL, &health, &err), 0);
    return health;
}

#define ROUNDS_MS   200    /* enough for checks to have had some */
#define PATIENCE_MS 300000 /* on a busy machine it may not be */

struct seen {
    struct health *health;
    const char *expected; /* names */
    bool was_healthy;
    struct str printed;
    struct str names;
};

static bool is_seen(const struct seen *seen)
{
    auto_str names = STR_INIT(4096);

    health_print_names(seen->health, &names);
    return strcmp(str_text(&names), seen->expected) == 0;
}

static void watch_main(void *arg)
{
    struct seen *seen = arg;
    struct error err = ERROR_INIT;

    health_start(seen->health);
    assert_int_equal(task_sleep(ROUNDS_MS, &err), 0);
    for (int ms = 0; ms < PATIENCE_MS && !is_seen(seen); ms += ROUNDS_MS)
        assert_int_equal(task_sleep(ROUNDS_MS, &err), 0);
    seen->was_healthy = is_healthy(seen->health);
    health_print(seen->health, &seen->printed);
    health_print_names(seen->health, &seen->names);
    health_stop(seen->health);
}

/* What the checks of @config say after some rounds. */
static void assert_says(const struct config *config, bool is_well, const char *printed,
                        const char *names)
{
    struct seen seen = {
        .health = new_health(config),
        .expected = names,
        .printed = STR_INIT(4096),
        .names = STR_INIT(4096),
    };

    task_spawn("watch", watch_main, &seen);
    loop_run();
    assert_int_equal(seen.was_healthy, is_well);
    assert_string_equal(str_text(&seen.printed), printed);
    assert_string_equal(str_text(&seen.names), names);
    str_fini(&seen.printed);
    str_fini(&seen.names);
    health_free(seen.health);
}

static void without_checks_all_is_well(void **state)
{
    struct config config = {.storage.driver = driver_name};
    auto_str text = STR_INIT(64);

    (void)state;
    assert_says(&config, true, "{}", "");
    assert_true(is_healthy(NULL));
    health_print(NULL, &text);
    assert_string_equal(str_text(&text), "{}");
}

static void faults_are_told_by_name(void **state)
{
    char null_path[] = "/dev/null";
    char root[] = "/";
    char absent[] = "/nowhere";
    struct config_file_check files[] = {
        {null_path, 5 * MS, 9}, {root, 5 * MS, 0}, {absent, 5 * MS, 0}};
    struct config config = {.storage.driver = driver_name, .health.file = {files, 3}};

    (void)state;
    assert_says(&config, false, "{\"/\":\"file exists\",\"/dev/null\":\"file exists\"}",
                "/\n/dev/null\n");
}

static void names_for_everybody_hold_no_secrets(void **state)
{
    char a[] = "http://user:p@ss@127.0.0.1:1/path?token=secret";
    char b[] = "http://127.0.0.1:1/a@b";
    char c[] = "https://u@127.0.0.1:1";
    struct config_http_check https[] = {
        {.uri = a, .status = 200, .timeout_ns = 50 * MS, .interval_ns = 5 * MS},
        {.uri = b, .status = 200, .timeout_ns = 50 * MS, .interval_ns = 5 * MS},
        {.uri = c, .status = 200, .timeout_ns = 50 * MS, .interval_ns = 5 * MS},
    };
    const char *names = "http://127.0.0.1:1/a@b\nhttp://***@127.0.0.1:1/path\n"
                        "https://***@127.0.0.1:1\n";
    struct config config = {.storage.driver = driver_name, .health.http = {https, 3}};
    struct seen seen = {
        .health = new_health(&config),
        .expected = names,
        .printed = STR_INIT(4096),
        .names = STR_INIT(4096),
    };

    (void)state;
    task_spawn("watch", watch_main, &seen);
    loop_run();
    assert_false(seen.was_healthy);
    assert_string_equal(str_text(&seen.names), names);
    str_fini(&seen.printed);
    str_fini(&seen.names);
    health_free(seen.health);
}

static void two_checks_of_one_name_are_refused(void **state)
{
    char path[] = "/nowhere";
    char addr[] = "/nowhere";
    struct config_file_check files[] = {{path, 0, 0}, {path, 0, 0}};
    struct config_tcp_check tcp = {.addr = addr};
    struct config twice = {.storage.driver = driver_name, .health.file = {files, 2}};
    struct config across = {
        .storage.driver = driver_name, .health.file = {files, 1}, .health.tcp = {&tcp, 1}};
    struct health *health = NULL;
    struct error err = ERROR_INIT;

    (void)state;
    assert_int_equal(health_new(&twice, NULL, &health, &err), -1);
    assert_int_equal(err.code, ERROR_INVALID);
    assert_string_equal(err.message, "Check already exists: /nowhere");
    assert_int_equal(health_new(&across, NULL, &health, &err), -1);
    assert_string_equal(err.message, "Check already exists: /nowhere");
    assert_null(health);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_check_is_well_until_its_first_probe),
        cmocka_unit_test(a_check_fails_at_the_first_failure),
        cmocka_unit_test(a_check_fails_after_as_many_failures_in_a_row),
        cmocka_unit_test(one_success_begins_the_count_anew),
        cmocka_unit_test(the_fault_is_that_of_the_last_failure),
        cmocka_unit_test(a_check_stops_while_it_waits_for_its_interval),
        cmocka_unit_test(an_interval_of_nothing_is_the_default),
        cmocka_unit_test(a_file_that_exists_is_a_fault),
        cmocka_unit_test(a_port_is_well_when_it_accepts),
        cmocka_unit_test(a_port_may_be_without_a_host_or_with_a_name),
        cmocka_unit_test(what_is_no_address_is_a_fault),
        cmocka_unit_test(a_port_that_does_not_answer_fails_in_time),
        cmocka_unit_test(a_probe_can_be_canceled),
        cmocka_unit_test(names_wait_for_each_other_and_may_give_up),
        cmocka_unit_test(without_checks_all_is_well),
        cmocka_unit_test(faults_are_told_by_name),
        cmocka_unit_test(names_for_everybody_hold_no_secrets),
        cmocka_unit_test(two_checks_of_one_name_are_refused),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
