/* SPDX-License-Identifier: Apache-2.0
 *
 * The password file while it changes, is half written, breaks, vanishes; and one that is made.
 */
#include "auth/htpasswd/bcrypt.h"
#include "auth/htpasswd/password_file.h"
#include "auth/htpasswd/password_provide.h"
#include "auth/htpasswd/password_version.h"
#include "lib/base/clock.h"
#include "lib/base/file.h"
#include "lib/base/log.h"
#include "lib/task/loop.h"
#include "lib/task/task.h"
#include "test/support/clockwork.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/base/banned.h"

#define LATER_MS (PASSWORD_VERSION_SETTLE_MS + 50)

static struct {
    char directory[64];
    char path[96];
    struct password_file *file;
} here;

static int setup(void **state)
{
    struct error err = ERROR_INIT;

    (void)state;
    snprintf(here.directory, sizeof(here.directory), "/tmp/kist-passwords-XXXXXX");
    if (mkdtemp(here.directory) == NULL)
        return -1;
    snprintf(here.path, sizeof(here.path), "%s/htpasswd", here.directory);
    clockwork_start();
    here.file = password_file_new(here.path);
    return loop_open(2, &err);
}

static int teardown(void **state)
{
    char command[128];

    (void)state;
    password_file_free(here.file);
    loop_close();
    snprintf(command, sizeof(command), "rm -rf '%s'", here.directory);
    return system(command);
}

/* As if it had last been written then. */
static void set_time(time_t seconds)
{
    struct timespec times[2] = {{.tv_sec = seconds}, {.tv_sec = seconds}};

    assert_int_equal(utimensat(AT_FDCWD, here.path, times, 0), 0);
}

/* In place, as an editor may: what was there is gone at once. It is young, however long the test
 * takes. */
static void put(const char *text)
{
    FILE *stream = fopen(here.path, "w");

    assert_non_null(stream);
    fputs(text, stream);
    assert_int_equal(fclose(stream), 0);
    set_time(clock_now().tv_sec + 3600);
}

static void put_old(const char *text)
{
    put(text);
    set_time(1000000);
}

/* ---- questions ---- */

struct question {
    const char *user;
    int rc;
    struct error err;
    bool is_known;
    char entry[64];
    unsigned usual_cost;
    int64_t took_ms;
    void (*meanwhile)(void); /* in the task, before it asks */
};

static void ask_main(void *arg)
{
    struct question *question = arg;
    auto_password password = PASSWORD_INIT;
    int64_t begin = clock_monotonic_ms();

    question->rc =
        password_file_find(here.file, span_of(question->user), &password, &question->err);
    question->is_known = question->rc == 0 && password.is_known;
    question->usual_cost = password.usual_cost;
    snprintf(question->entry, sizeof(question->entry), "%s", str_text(&password.entry));
    question->took_ms = clock_monotonic_ms() - begin;
}

static struct question ask(const char *user)
{
    struct question question = {.user = user};

    task_spawn("ask", ask_main, &question);
    loop_run();
    return question;
}

static void assert_entry(const char *user, const char *entry)
{
    struct question question = ask(user);

    assert_int_equal(question.rc, 0);
    assert_int_equal(question.is_known, entry != NULL);
    assert_string_equal(question.entry, entry != NULL ? entry : "");
}

static void reload_main(void *arg)
{
    struct question *question = arg;

    question->rc = password_file_reload(here.file, &question->err);
}

static struct question reload(void)
{
    struct question question = {0};

    task_spawn("reload", reload_main, &question);
    loop_run();
    return question;
}

/* ---- tests ---- */

static void users_are_found(void **state)
{
    (void)state;
    put("a:1\nb:2\n");
    assert_entry("a", "1");
    assert_entry("b", "2");
    assert_entry("c", NULL);
    assert_int_equal(ask("c").usual_cost, BCRYPT_COST_USUAL);
}

static void a_new_user_is_there_at_once(void **state)
{
    (void)state;
    put("a:1\n");
    assert_entry("b", NULL);
    for (int i = 0; i < 20; i++) {
        char text[64];
        char value[16];

        snprintf(value, sizeof(value), "%d", i);
        snprintf(text, sizeof(text), "a:1\nb%d:%d\n", i, i);
        put_old(text); /* the same size and time: only the inode's change tells */
        snprintf(text, sizeof(text), "b%d", i);
        assert_entry(text, value);
    }
}

static void edits_of_the_same_size_in_the_same_moment_are_seen(void **state)
{
    char entry[2] = "0";

    (void)state;
    put("a:0\n");
    for (int i = 1; i < 10; i++) {
        char text[16];

        assert_entry("a", entry);
        entry[0] = (char)('0' + i);
        snprintf(text, sizeof(text), "a:%s\n", entry);
        put(text);
    }
    assert_entry("a", entry);
}

static void a_removed_user_waits_till_the_file_has_settled_and_is_gone(void **state)
{
    struct question question;

    (void)state;
    put("a:1\nb:2\n");
    assert_entry("b", "2");
    put("a:1\n");
    question = ask("a");
    assert_true(question.is_known);
    assert_int_equal(question.took_ms, 0);
    question = ask("b");
    assert_int_equal(question.rc, 0);
    assert_false(question.is_known);
    assert_in_range(question.took_ms, PASSWORD_VERSION_SETTLE_MS, LATER_MS);
    assert_entry("b", NULL);
}

static void a_changed_file_that_is_old_enough_is_believed_at_once(void **state)
{
    struct question question;

    (void)state;
    put("a:1\nb:2\n");
    assert_entry("b", "2");
    put_old("a:1\n");
    question = ask("b");
    assert_false(question.is_known);
    assert_int_equal(question.took_ms, 0);
}

struct writer {
    const char *text;
    size_t step;
    bool is_done;
};

/* Writes the file in place, so slowly that everybody sees the halves of it. */
static void write_main(void *arg)
{
    struct writer *writer = arg;
    struct error err = ERROR_INIT;
    FILE *stream = fopen(here.path, "w");

    for (const char *rest = writer->text; *rest != '\0';) {
        size_t len = strnlen(rest, writer->step);

        assert_int_equal(fwrite(rest, 1, len, stream), len);
        assert_int_equal(fflush(stream), 0);
        set_time(clock_now().tv_sec + 3600);
        rest += len;
        (void)!task_sleep(20, &err);
    }
    fclose(stream);
    writer->is_done = true;
}

static void ask_all_the_time_main(void *arg)
{
    struct writer *writer = arg;
    struct error err = ERROR_INIT;

    while (!writer->is_done) {
        struct question question = {.user = "zoe"};

        ask_main(&question);
        assert_int_equal(question.rc, 0);
        assert_true(question.is_known);
        assert_string_equal(question.entry, "26");
        (void)!task_sleep(1, &err);
    }
}

static void a_file_written_slowly_in_place_locks_nobody_out(void **state)
{
    struct writer writer = {.text = "# users\nadam:1\nbert:$2y$2\ncarl:3\n\nzoe:26\n", .step = 3};

    (void)state;
    put("adam:1\nbert:$2y$2\nzoe:26\n");
    assert_entry("zoe", "26");
    task_spawn("write", write_main, &writer);
    for (int i = 0; i < 4; i++)
        task_spawn("ask", ask_all_the_time_main, &writer);
    loop_run();
    assert_entry("carl", "3");
    assert_entry("bert", "$2y$2");
}

static void a_malformed_edit_keeps_the_users_there_were(void **state)
{
    (void)state;
    put("a:1\nb:2\n");
    assert_entry("a", "1");
    put("a:3\nnonsense\n");
    assert_entry("a", "1");
    clockwork_pass(LATER_MS);
    assert_entry("a", "1");
    assert_entry("b", "2");
    assert_entry("c", NULL);
    put("a:3\n");
    assert_entry("a", "3");
    assert_entry("b", NULL);
}

static void a_file_that_never_parsed_refuses_everybody(void **state)
{
    struct question question;

    (void)state;
    put("nonsense\n");
    for (int i = 0; i < 3; i++) {
        question = ask("a");
        assert_int_equal(question.rc, -1);
        assert_int_equal(question.err.code, ERROR_INVALID);
        assert_string_equal(question.err.message, "htpasswd: invalid entry at line 1");
        clockwork_pass(LATER_MS / 2);
    }
    put("a:1\n");
    assert_entry("a", "1");
}

static void a_file_that_is_gone_refuses_everybody_until_it_is_back(void **state)
{
    struct question question;

    (void)state;
    question = ask("a");
    assert_int_equal(question.rc, -1);
    assert_int_equal(question.err.code, ERROR_NOT_FOUND);
    put("a:1\n");
    assert_entry("a", "1");
    assert_int_equal(unlink(here.path), 0);
    assert_int_equal(ask("a").rc, -1);
    assert_int_equal(mkdir(here.path, 0700), 0);
    question = ask("a");
    assert_int_equal(question.rc, -1);
    assert_int_equal(question.err.code, ERROR_INVALID);
    assert_int_equal(rmdir(here.path), 0);
    put("a:1\n");
    assert_entry("a", "1");
}

/* Kubernetes: path -> ..data/htpasswd, ..data -> a directory of one version. */
static void a_link_that_is_swapped_is_followed(void **state)
{
    char script[512];

    (void)state;
    snprintf(script, sizeof(script),
             "cd %s && mkdir v1 v2 && echo a:1 > v1/htpasswd && echo a:2 > v2/htpasswd &&"
             " touch -d '2001-01-01' v1/htpasswd v2/htpasswd &&"
             " ln -s v1 ..data && ln -s ..data/htpasswd htpasswd",
             here.directory);
    assert_int_equal(system(script), 0);
    assert_entry("a", "1");
    snprintf(script, sizeof(script), "cd %s && ln -s v2 ..tmp && mv -T ..tmp ..data",
             here.directory);
    assert_int_equal(system(script), 0);
    assert_entry("a", "2");
}

static void reloading_takes_the_file_as_it_is(void **state)
{
    struct question question;

    (void)state;
    put("a:1\nb:2\n");
    assert_entry("b", "2");
    put("a:1\n");
    assert_int_equal(reload().rc, 0);
    question = ask("b");
    assert_false(question.is_known);
    assert_int_equal(question.took_ms, 0);
    put("nonsense\n");
    for (int i = 0; i < 2; i++) {
        question = reload();
        assert_int_equal(question.rc, -1);
        assert_int_equal(question.err.code, ERROR_INVALID);
    }
    assert_entry("a", "1");
}

static void cancel_main(void *arg)
{
    task_cancel(arg);
}

static void who_is_canceled_leaves_the_look_to_others(void **state)
{
    struct question questions[8];

    (void)state;
    put("a:1\n");
    for (int round = 0; round < 20; round++) {
        for (size_t i = 0; i < array_count(questions); i++) {
            struct task *task;

            questions[i] = (struct question){.user = "a"};
            task = task_spawn("ask", ask_main, &questions[i]);
            if (i % 2 == 0)
                task_spawn("cancel", cancel_main, task);
        }
        loop_run();
        for (size_t i = 1; i < array_count(questions); i += 2) {
            assert_int_equal(questions[i].rc, 0);
            assert_string_equal(questions[i].entry, "1");
        }
    }
}

/* ---- a file that is made ---- */

static void provide_main(void *arg)
{
    struct question *question = arg;

    question->rc = password_provide(question->user, &question->err);
}

static struct question provide(const char *path)
{
    struct question question = {.user = path};

    task_spawn("provide", provide_main, &question);
    loop_run();
    return question;
}

static mode_t mode_of(const char *path)
{
    struct stat there;

    assert_int_equal(stat(path, &there), 0);
    return there.st_mode & 07777;
}

static void a_missing_file_is_made_with_one_user(void **state)
{
    char path[160];
    char directory[128];
    auto_str text = STR_INIT(1000);
    struct error err = ERROR_INIT;

    (void)state;
    snprintf(directory, sizeof(directory), "%s/a/b", here.directory);
    snprintf(path, sizeof(path), "%s/htpasswd", directory);
    assert_int_equal(provide(path).rc, 0);
    assert_int_equal(mode_of(path), 0600);
    assert_int_equal(mode_of(directory), 0700);
    assert_int_equal(file_read(path, &text, &err), 0);
    assert_int_equal(text.len, strlen("docker:") + BCRYPT_LEN);
    assert_memory_equal(text.data, "docker:$2a$10$", 14);
    assert_int_equal(provide(path).rc, 0); /* it is there: nothing happens */
}

static void what_is_there_is_left_alone(void **state)
{
    (void)state;
    put("nonsense");
    assert_int_equal(provide(here.path).rc, 0);
    assert_int_equal(provide(here.directory).rc, 0);
    assert_int_equal(ask("docker").rc, -1);
}

static void a_file_that_cannot_be_made_is_an_error(void **state)
{
    char path[160];

    (void)state;
    put("a:1\n");
    snprintf(path, sizeof(path), "%s/x", here.path);
    assert_int_equal(provide(path).rc, -1);
    snprintf(path, sizeof(path), "%s/link", here.directory);
    assert_int_equal(symlink("nowhere", path), 0);
    assert_int_equal(provide(path).rc, -1);
    assert_int_equal(provide("/proc/none/x").rc, -1);
}

static void several_at_once_make_one(void **state)
{
    struct question questions[8];
    char password[64];

    (void)state;
    for (size_t i = 0; i < array_count(questions); i++) {
        questions[i] = (struct question){.user = here.path};
        task_spawn("provide", provide_main, &questions[i]);
    }
    loop_run();
    for (size_t i = 0; i < array_count(questions); i++)
        assert_int_equal(questions[i].rc, 0);
    snprintf(password, sizeof(password), "%s", ask("docker").entry);
    assert_int_equal(strlen(password), BCRYPT_LEN);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(users_are_found),
        TEST(a_new_user_is_there_at_once),
        TEST(edits_of_the_same_size_in_the_same_moment_are_seen),
        TEST(a_removed_user_waits_till_the_file_has_settled_and_is_gone),
        TEST(a_changed_file_that_is_old_enough_is_believed_at_once),
        TEST(a_file_written_slowly_in_place_locks_nobody_out),
        TEST(a_malformed_edit_keeps_the_users_there_were),
        TEST(a_file_that_never_parsed_refuses_everybody),
        TEST(a_file_that_is_gone_refuses_everybody_until_it_is_back),
        TEST(a_link_that_is_swapped_is_followed),
        TEST(reloading_takes_the_file_as_it_is),
        TEST(who_is_canceled_leaves_the_look_to_others),
        TEST(a_missing_file_is_made_with_one_user),
        TEST(what_is_there_is_left_alone),
        TEST(a_file_that_cannot_be_made_is_an_error),
        TEST(several_at_once_make_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
