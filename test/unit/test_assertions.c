/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests that fail in tasks: run as "failing" in a process of its own, this program has some, and
 * what it says about them is tested.
 */
#include "lib/base/memory.h"
#include "lib/base/str.h"
#include "lib/task/loop.h"
#include "lib/task/task.h"
#include "test/support/assertions.h"
#include "test/support/rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/base/banned.h"

/* ---- what fails ---- */

static int open_loop(void **state)
{
    struct error err = ERROR_INIT;

    (void)state;
    return loop_open(1, &err);
}

static int close_loop(void **state)
{
    (void)state;
    loop_close();
    return 0;
}

static void run_task(task_main_cb *main)
{
    int steps = 0;

    task_spawn("test", main, &steps);
    loop_run();
    assert_int_equal(steps, 1);
}

enum { COMPARED_LINE = __LINE__ + 4 };

static void compare_main(void *arg)
{
    assert_int_equal(0x11, 0x22);
    *(int *)arg = 1;
}

static void compares(void **state)
{
    (void)state;
    run_task(compare_main);
}

/* Frames with red zones are left behind on the stack; the next task has the same one. */
static int descend(int depth)
{
    volatile char bytes[256];

    memset((char *)(uintptr_t)bytes, depth, sizeof(bytes));
    if (depth == 0)
        fail_msg("at the %s", "bottom");
    return depth > 0 ? descend(depth - 1) + bytes[depth] : 0;
}

static void descend_main(void *arg)
{
    *(int *)arg = descend(100);
}

static void descends(void **state)
{
    (void)state;
    run_task(descend_main);
}

static void step_main(void *arg)
{
    struct error err = ERROR_INIT;
    volatile char bytes[32 * 1024];

    memset((char *)(uintptr_t)bytes, 1, sizeof(bytes));
    assert_int_equal(task_sleep(1, &err), 0);
    *(int *)arg = bytes[100];
}

static void passes(void **state)
{
    (void)state;
    run_task(step_main);
}

/* Nobody will wake it: it ends because the test has failed, takes its time with what somebody else
 * holds in a frame, and then fails itself. */
static void wait_main(void *arg)
{
    struct task_wait wait = TASK_WAIT_INIT;
    struct error err = ERROR_INIT;
    int *steps = arg;

    if (task_wait(&wait, TASK_NO_TIMEOUT, &err) < 0) {
        task_shield();
        for (int i = 0; i < 3; i++) {
            if (task_sleep(50, &err) == 0)
                *steps += 1;
        }
        task_unshield();
        fail_msg("a consequence");
    }
}

static void leave_others_main(void *arg)
{
    struct error err = ERROR_INIT;
    int steps[] = {1, 1};

    task_spawn("other", wait_main, &steps[0]);
    task_spawn("other", wait_main, &steps[1]);
    assert_int_equal(task_sleep(1, &err), 0);
    assert_string_equal("left", "behind");
    *(int *)arg = steps[0];
}

static void leaves_others(void **state)
{
    (void)state;
    run_task(leave_others_main);
}

static void skip_main(void *arg)
{
    (void)arg;
    skip();
}

static void skips(void **state)
{
    (void)state;
    run_task(skip_main);
}

RIG_TEST(rigged)
{
    rig_put("/a", SPAN("text"));
    assert_true(rig_has("/b"));
}

/* Fails on the stack of main, with a task that waits. */
static void leaves_a_task(void **state)
{
    int steps = 0;

    (void)state;
    task_spawn("other", wait_main, &steps);
    fail_msg("%s", "on the stack of main");
}

static void never_end_main(void *arg)
{
    struct task_wait wait = TASK_WAIT_INIT;
    struct error err = ERROR_INIT;

    task_spawn("failing", compare_main, arg);
    task_shield();
    if (task_wait(&wait, TASK_NO_TIMEOUT, &err) < 0)
        task_unshield();
}

static void never_ends(void **state)
{
    (void)state;
    run_task(never_end_main);
}

#define LOOP_TEST(name) cmocka_unit_test_setup_teardown(name, open_loop, close_loop)

static int run_failing(void)
{
    const struct CMUnitTest tests[] = {
        LOOP_TEST(compares),      LOOP_TEST(descends), LOOP_TEST(passes),
        LOOP_TEST(leaves_others), LOOP_TEST(skips),    RIG_RUN(rigged),
        LOOP_TEST(leaves_a_task), LOOP_TEST(passes),   LOOP_TEST(never_ends),
        LOOP_TEST(passes),
    };

    assertions_set_patience(1000);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* ---- what is said about it ---- */

static struct str said = STR_INIT(1 << 20);
static int status;

static int run_and_read(void **state)
{
    char buffer[4096];
    ssize_t len;
    int ends[2];
    pid_t pid;

    (void)state;
    if (pipe(ends) < 0 || (pid = fork()) < 0)
        return -1;
    if (pid == 0) {
        dup2(ends[1], STDOUT_FILENO);
        dup2(ends[1], STDERR_FILENO);
        close(ends[0]);
        close(ends[1]);
        execl("/proc/self/exe", "test_assertions", "failing", NULL);
        _exit(127);
    }
    close(ends[1]);
    while ((len = read(ends[0], buffer, sizeof(buffer))) > 0)
        str_append(&said, span_make(buffer, (size_t)len));
    close(ends[0]);
    return waitpid(pid, &status, 0) == pid ? 0 : -1;
}

static int forget(void **state)
{
    (void)state;
    str_fini(&said);
    return 0;
}

static void expect_said(const char *text)
{
    if (strstr(str_text(&said), text) == NULL)
        fail_msg("not said: \"%s\" in:\n%s", text, str_text(&said));
}

static void the_program_goes_on_to_its_end(void **state)
{
    (void)state;
    expect_said("[==========] 10 test(s) run.");
    expect_said("[  PASSED  ] 2 test(s).");
    assert_true(WIFEXITED(status));
    assert_true(WEXITSTATUS(status) > 0);
}

static void a_failure_is_shown_with_its_values_and_its_line(void **state)
{
    char line[128];

    (void)state;
    snprintf(line, sizeof(line), "%s:%d: error: Failure!", __FILE__, COMPARED_LINE);
    expect_said("0x11 != 0x22");
    expect_said(line);
    expect_said("[  FAILED  ] compares");
    expect_said("at the bottom");
    expect_said("[  FAILED  ] descends");
}

static void others_are_ended_and_not_heard(void **state)
{
    (void)state;
    expect_said("\"left\" != \"behind\"");
    expect_said("[  FAILED  ] leaves_others");
    expect_said("on the stack of main");
    expect_said("[  FAILED  ] leaves_a_task");
    assert_null(strstr(str_text(&said), "a consequence"));
}

static void a_test_of_the_rig_fails_as_any(void **state)
{
    (void)state;
    expect_said("rig_has(\"/b\")");
    expect_said("[  FAILED  ] rigged");
}

static void a_task_can_skip_its_test(void **state)
{
    (void)state;
    expect_said("[  SKIPPED ] skips");
}

static void a_task_that_never_ends_is_named(void **state)
{
    (void)state;
    expect_said("task \"test\" does not end");
    expect_said("[  FAILED  ] never_ends");
}

static void no_sanitizer_has_anything_to_say(void **state)
{
    static const char *const words[] = {"ERROR: AddressSanitizer", "ERROR: LeakSanitizer",
                                        "WARNING: ThreadSanitizer", "runtime error"};

    (void)state;
    for (size_t i = 0; i < array_count(words); i++)
        assert_null(strstr(str_text(&said), words[i]));
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_program_goes_on_to_its_end),
        cmocka_unit_test(a_failure_is_shown_with_its_values_and_its_line),
        cmocka_unit_test(others_are_ended_and_not_heard),
        cmocka_unit_test(a_test_of_the_rig_fails_as_any),
        cmocka_unit_test(a_task_can_skip_its_test),
        cmocka_unit_test(a_task_that_never_ends_is_named),
        cmocka_unit_test(no_sanitizer_has_anything_to_say),
    };

    if (argc > 1 && strcmp(argv[1], "failing") == 0)
        return run_failing();
    return cmocka_run_group_tests(tests, run_and_read, forget);
}
