/* SPDX-License-Identifier: Apache-2.0
 *
 * Turns: who is next, when many wait.
 */
#include "auth/htpasswd/turns.h"
#include "lib/base/cleanup.h"
#include "lib/base/memory.h"
#include "lib/task/loop.h"
#include "lib/task/task.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/banned.h"

static struct {
    struct turns *turns;
    char order[256]; /* names, as their turns came */
    size_t len;
    int at_work;
    int at_work_most;
    int refused;
    int canceled;
} seen;

static int setup(void **state)
{
    struct error err = ERROR_INIT;

    (void)state;
    memset(&seen, 0, sizeof(seen));
    return loop_open(1, &err);
}

static int teardown(void **state)
{
    (void)state;
    turns_free(seen.turns);
    loop_close();
    return 0;
}

struct one {
    char name;
    bool is_suspect;
    struct task *task;
};

static void one_main(void *arg)
{
    struct one *one = arg;
    struct login_key address = {{{(uint8_t)one->name}}};
    struct error err = ERROR_INIT;

    if (turns_begin(seen.turns, &address, one->is_suspect, &err) < 0) {
        seen.refused += err.code == ERROR_BUSY;
        seen.canceled += err.code == ERROR_CANCELED;
        free(one);
        return;
    }
    seen.order[seen.len++] = one->name;
    if (++seen.at_work > seen.at_work_most)
        seen.at_work_most = seen.at_work;
    (void)!task_sleep(0, &err);
    seen.at_work--;
    turns_end(seen.turns);
    free(one);
}

/* Capitals are suspects. */
static struct task *come(char name)
{
    struct one *one = xcalloc(1, sizeof(*one));

    one->name = name;
    one->is_suspect = name >= 'A' && name <= 'Z';
    return task_spawn("one", one_main, one);
}

static void come_all(const char *names)
{
    for (; *names != '\0'; names++)
        come(*names);
}

static void only_so_many_work_at_a_time(void **state)
{
    (void)state;
    seen.turns = turns_new(2, 100, 100);
    come_all("aaaaabbbbbccccc");
    loop_run();
    assert_int_equal(seen.len, 15);
    assert_int_equal(seen.at_work_most, 2);
}

static void addresses_take_turns(void **state)
{
    (void)state;
    seen.turns = turns_new(1, 100, 100);
    come_all("aaaaaabbc");
    loop_run();
    assert_string_equal(seen.order, "aabcabaaa");
}

static void suspects_wait_behind_the_others_but_not_for_ever(void **state)
{
    (void)state;
    seen.turns = turns_new(1, 100, 100);
    come_all("xAAAabababab");
    loop_run();
    assert_string_equal(seen.order, "xabaAbabAabA");
}

static void suspects_have_all_turns_when_nobody_else_waits(void **state)
{
    (void)state;
    seen.turns = turns_new(1, 100, 100);
    come_all("ABABAB");
    loop_run();
    assert_string_equal(seen.order, "ABABAB");
}

static void a_line_that_is_full_takes_nobody(void **state)
{
    (void)state;
    seen.turns = turns_new(1, 3, 100);
    come_all("aaaaaaaab");
    loop_run();
    assert_string_equal(seen.order, "aabaa"); /* one works, three wait */
    assert_int_equal(seen.refused, 4);
}

static void all_lines_together_have_a_limit(void **state)
{
    (void)state;
    seen.turns = turns_new(1, 100, 3);
    come_all("abcdefg");
    loop_run();
    assert_string_equal(seen.order, "abcd");
    assert_int_equal(seen.refused, 3);
}

static void cancel_later(void *arg)
{
    struct task **tasks = arg;
    struct error err = ERROR_INIT;

    (void)!task_sleep(0, &err);
    task_cancel(tasks[0]);
    task_cancel(tasks[1]);
}

static void who_goes_away_leaves_his_place_to_the_next(void **state)
{
    struct task *tasks[2];

    (void)state;
    seen.turns = turns_new(1, 100, 100);
    come('a');
    tasks[0] = come('b'); /* alone in its line */
    come('c');
    tasks[1] = come('c');
    come('d');
    task_spawn("cancel", cancel_later, tasks);
    loop_run();
    assert_int_equal(seen.canceled + (int)seen.len, 5);
    assert_int_equal(seen.canceled, 2);
    assert_string_equal(seen.order, "acd");
    come('e'); /* the turn was not lost */
    loop_run();
    assert_string_equal(seen.order, "acde");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(only_so_many_work_at_a_time, setup, teardown),
        cmocka_unit_test_setup_teardown(addresses_take_turns, setup, teardown),
        cmocka_unit_test_setup_teardown(suspects_wait_behind_the_others_but_not_for_ever, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(suspects_have_all_turns_when_nobody_else_waits, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_line_that_is_full_takes_nobody, setup, teardown),
        cmocka_unit_test_setup_teardown(all_lines_together_have_a_limit, setup, teardown),
        cmocka_unit_test_setup_teardown(who_goes_away_leaves_his_place_to_the_next, setup,
                                        teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
