/* SPDX-License-Identifier: Apache-2.0
 *
 * Watched files: which changes are seen, what is read, and who looks.
 */
#include "lib/task/loop.h"
#include "lib/task/offload.h"
#include "lib/task/task.h"
#include "lib/task/watched.h"

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

#define SIZE_MAX_HERE 1000

static struct {
    char folder[64];
    char first[96];
    char second[96];
    struct watched *watched;
    int reads; /* how often the owner was shown the files */
} here;

/* What the owner makes of the files: their texts, "?" for one that cannot be read. A text with
 * "bad" in it is refused. */
static int read_texts(struct watched_file *files, size_t count, void *arg, struct error *err)
{
    struct str *out = arg;

    here.reads++;
    for (size_t i = 0; i < count; i++) {
        if (files[i].err.code != ERROR_NONE)
            str_append_char(out, '?');
        else if (strstr(str_text(&files[i].text), "bad") != NULL)
            return error_set(err, ERROR_INVALID, "%s is bad", files[i].path);
        else
            str_append(out, str_span(&files[i].text));
    }
    return 0;
}

static int setup(void **state)
{
    const char *const paths[] = {here.first, here.second};
    struct error err = ERROR_INIT;

    (void)state;
    memset(&here, 0, sizeof(here));
    snprintf(here.folder, sizeof(here.folder), "/tmp/kist-watched-XXXXXX");
    if (mkdtemp(here.folder) == NULL)
        return -1;
    snprintf(here.first, sizeof(here.first), "%s/first", here.folder);
    snprintf(here.second, sizeof(here.second), "%s/second", here.folder);
    here.watched = watched_new(&(struct watched_options){
        .paths = paths, .count = 2, .size_max = SIZE_MAX_HERE, .read = read_texts});
    return loop_open(2, &err);
}

static int teardown(void **state)
{
    (void)state;
    watched_free(here.watched);
    loop_close();
    unlink(here.first);
    unlink(here.second);
    return rmdir(here.folder);
}

/* In place: the same inode. */
static void put(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
}

/* ---- looking ---- */

struct look {
    int age_ms;
    bool is_forced;
    int rc;
    bool is_read;
    struct str text;
    struct error err;
};

static void look_main(void *arg)
{
    struct look *look = arg;

    look->rc = look->is_forced ? watched_read(here.watched, &look->text, &look->err)
                               : watched_look(here.watched, look->age_ms, &look->text,
                                              &look->is_read, &look->err);
}

#define LOOK ((struct look){.text = STR_INIT(SIZE_MAX_HERE), .rc = 7})

/* What the owner was shown; "-": nothing, "!": something it refused. Static. */
static const char *seen_by(struct look look)
{
    static char out[SIZE_MAX_HERE + 1];

    task_spawn("look", look_main, &look);
    loop_run();
    if (look.rc < 0)
        snprintf(out, sizeof(out), "!");
    else
        snprintf(out, sizeof(out), "%s",
                 look.is_read || look.is_forced ? str_text(&look.text) : "-");
    str_fini(&look.text);
    return out;
}

static const char *seen(void)
{
    return seen_by(LOOK);
}

static const char *seen_by_force(void)
{
    struct look look = LOOK;

    look.is_forced = true;
    return seen_by(look);
}

/* ---- changes ---- */

static void files_are_read_at_the_first_look_and_when_one_changes(void **state)
{
    (void)state;
    put(here.first, "a");
    put(here.second, "b");
    assert_string_equal(seen(), "ab");
    assert_string_equal(seen(), "-");
    put(here.second, "cc");
    assert_string_equal(seen(), "acc");
    assert_string_equal(seen(), "-");
}

static void edits_of_the_same_size_in_the_same_moment_are_seen(void **state)
{
    (void)state;
    put(here.second, "");
    for (int i = 0; i < 30; i++) {
        char text[2] = {(char)('a' + i % 26), '\0'};

        put(here.first, text);
        assert_string_equal(seen(), text);
    }
}

/* A copy that keeps times, or whoever sets them: only the inode's change tells. */
static void edits_that_hide_their_time_are_seen(void **state)
{
    const struct timespec times[2] = {{.tv_sec = 1000000}, {.tv_sec = 1000000}};

    (void)state;
    put(here.second, "");
    for (int i = 0; i < 30; i++) {
        char text[2] = {(char)('a' + i % 26), '\0'};

        put(here.first, text);
        assert_int_equal(utimensat(AT_FDCWD, here.first, times, 0), 0);
        assert_string_equal(seen(), text);
    }
}

static void a_file_written_again_with_the_same_text_is_nothing_new(void **state)
{
    (void)state;
    put(here.first, "a");
    put(here.second, "b");
    assert_string_equal(seen(), "ab");
    put(here.first, "a");
    assert_string_equal(seen(), "-");
    assert_int_equal(chmod(here.first, 0640), 0);
    assert_string_equal(seen(), "-");
    assert_int_equal(here.reads, 1);
}

static void text_that_moves_from_one_file_to_the_other_is_new(void **state)
{
    (void)state;
    put(here.first, "ab");
    put(here.second, "c");
    assert_string_equal(seen(), "abc");
    put(here.first, "a");
    put(here.second, "bc");
    assert_string_equal(seen(), "abc");
}

static void a_link_that_is_swapped_is_followed(void **state)
{
    char aside[128];

    (void)state;
    put(here.second, "b");
    assert_int_equal(symlink("second", here.first), 0);
    assert_string_equal(seen(), "bb");
    snprintf(aside, sizeof(aside), "%s/aside", here.folder);
    assert_int_equal(symlink("/dev/null", aside), 0);
    assert_int_equal(rename(aside, here.first), 0);
    assert_string_equal(seen(), "?b");
}

static void a_file_that_goes_and_comes_back_is_shown_each_time(void **state)
{
    (void)state;
    put(here.second, "b");
    assert_string_equal(seen(), "?b");
    assert_string_equal(seen(), "-");
    put(here.first, "a");
    assert_string_equal(seen(), "ab");
    unlink(here.first);
    assert_string_equal(seen(), "?b");
}

static void a_file_that_is_too_long_is_said_to_be(void **state)
{
    char text[SIZE_MAX_HERE + 2];

    (void)state;
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    put(here.first, text);
    put(here.second, "b");
    assert_string_equal(seen(), "?b");
}

static void what_is_refused_is_refused_once(void **state)
{
    (void)state;
    put(here.first, "a");
    put(here.second, "b");
    assert_string_equal(seen(), "ab");
    put(here.second, "bad");
    assert_string_equal(seen(), "!");
    assert_string_equal(seen(), "-");
    put(here.second, "also bad");
    assert_string_equal(seen(), "!");
    put(here.second, "b");
    assert_string_equal(seen(), "ab");
}

static void who_reads_by_force_sees_what_did_not_change(void **state)
{
    (void)state;
    put(here.first, "a");
    put(here.second, "b");
    assert_string_equal(seen(), "ab");
    assert_string_equal(seen_by_force(), "ab");
    assert_string_equal(seen(), "-");
}

static void outside_of_tasks_files_are_read_at_once(void **state)
{
    auto_str text = STR_INIT(SIZE_MAX_HERE);
    struct error err = ERROR_INIT;

    (void)state;
    put(here.first, "a");
    put(here.second, "b");
    assert_int_equal(watched_read(here.watched, &text, &err), 0);
    assert_string_equal(str_text(&text), "ab");
}

/* ---- directories ---- */

/* As seen through the folder. */
static void watch_folder(void)
{
    const char *const paths[] = {here.folder};

    watched_free(here.watched);
    here.watched = watched_new(&(struct watched_options){.paths = paths,
                                                         .count = 1,
                                                         .may_be_directories = true,
                                                         .size_max = SIZE_MAX_HERE,
                                                         .read = read_texts});
}

static void all_files_of_a_directory_count(void **state)
{
    char third[128];

    (void)state;
    watch_folder();
    put(here.second, "b");
    assert_string_equal(seen(), "b");
    put(here.first, "a");
    assert_string_equal(seen(), "ab");
    assert_string_equal(seen(), "-");
    put(here.first, "c");
    assert_string_equal(seen(), "cb");
    snprintf(third, sizeof(third), "%s/third", here.folder);
    assert_int_equal(symlink("first", third), 0);
    assert_string_equal(seen(), "cbc");
    unlink(third);
    assert_string_equal(seen(), "cb");
    assert_int_equal(mkdir(third, 0700), 0);
    assert_string_equal(seen(), "-");
    rmdir(third);
    unlink(here.first);
    assert_string_equal(seen(), "b");
}

static void a_file_that_gets_another_name_is_nothing_new(void **state)
{
    (void)state;
    watch_folder();
    put(here.first, "a");
    assert_string_equal(seen(), "a");
    assert_int_equal(rename(here.first, here.second), 0);
    assert_string_equal(seen(), "-");
    assert_int_equal(here.reads, 1);
}

static void a_directory_that_is_none_is_a_file(void **state)
{
    const char *const paths[] = {here.first};

    (void)state;
    watched_free(here.watched);
    here.watched = watched_new(&(struct watched_options){.paths = paths,
                                                         .count = 1,
                                                         .may_be_directories = true,
                                                         .size_max = SIZE_MAX_HERE,
                                                         .read = read_texts});
    assert_string_equal(seen(), "?");
    put(here.first, "a");
    assert_string_equal(seen(), "a");
    unlink(here.first);
    assert_int_equal(mkdir(here.first, 0700), 0);
    assert_string_equal(seen(), "");
    rmdir(here.first);
    assert_string_equal(seen(), "?");
}

static void a_directory_is_no_file_where_it_may_not_be_one(void **state)
{
    (void)state;
    put(here.second, "b");
    assert_int_equal(mkdir(here.first, 0700), 0);
    assert_string_equal(seen(), "?b");
    rmdir(here.first);
}

/* ---- who looks ---- */

static void a_look_that_is_young_enough_will_do(void **state)
{
    struct look look = LOOK;

    (void)state;
    put(here.first, "a");
    put(here.second, "b");
    assert_true(is_watched_due(here.watched, 60000));
    assert_string_equal(seen(), "ab");
    assert_false(is_watched_due(here.watched, 60000));
    assert_true(is_watched_due(here.watched, 0));
    put(here.first, "c");
    look.age_ms = 60000;
    assert_string_equal(seen_by(look), "-");
    assert_string_equal(seen(), "cb");
}

/* The first looks; what it sees may be older than the others, so that one of these looks again. */
static void many_who_come_at_once_share_a_look(void **state)
{
    struct look looks[20];
    int shown = 0;

    (void)state;
    put(here.first, "a");
    put(here.second, "b");
    for (size_t i = 0; i < 20; i++) {
        looks[i] = LOOK;
        task_spawn("look", look_main, &looks[i]);
    }
    loop_run();
    for (size_t i = 0; i < 20; i++) {
        assert_int_equal(looks[i].rc, 0);
        shown += looks[i].is_read;
        str_fini(&looks[i].text);
    }
    assert_int_equal(shown, 1);
    assert_int_equal(here.reads, 1);
}

static void cancel_main(void *arg)
{
    task_cancel(arg);
}

static void who_is_canceled_leaves_the_look_to_the_others(void **state)
{
    (void)state;
    put(here.second, "b");
    for (int round = 0; round < 20; round++) {
        struct look looks[8];
        char text[] = {(char)('a' + round), '\0'};
        bool is_shown = false;

        put(here.first, text);
        for (size_t i = 0; i < 8; i++) {
            struct task *task;

            looks[i] = LOOK;
            task = task_spawn("look", look_main, &looks[i]);
            if (i % 2 == 0)
                task_spawn("cancel", cancel_main, task);
        }
        loop_run();
        for (size_t i = 0; i < 8; i++) {
            assert_true(i % 2 == 0 || looks[i].rc == 0);
            is_shown |= looks[i].rc == 0 && looks[i].is_read;
            str_fini(&looks[i].text);
        }
        assert_true(is_shown);
        assert_int_equal(task_count(), 0);
    }
}

/* On a helper: until somebody writes. */
static int await_byte(void *arg, struct error *err)
{
    char byte;

    (void)err;
    return read(*(int *)arg, &byte, 1) == 1 ? 0 : -1;
}

static void keep_helper_busy(void *arg)
{
    struct error err = ERROR_INIT;

    assert_int_equal(offload(await_byte, arg, &err), 0);
}

/* Both helpers are busy, so that the look is taken back before it begins. */
static void cancel_a_look(void *arg)
{
    int *pipe_ends = arg;
    struct look look = LOOK;
    struct error err = ERROR_INIT;
    struct task *task;

    task_spawn("busy", keep_helper_busy, &pipe_ends[0]);
    task_spawn("busy", keep_helper_busy, &pipe_ends[0]);
    task = task_spawn("look", look_main, &look);
    assert_int_equal(task_sleep(1, &err), 0);
    task_cancel(task);
    assert_int_equal(task_sleep(1, &err), 0);
    assert_int_equal(look.err.code, ERROR_CANCELED);
    assert_int_equal(write(pipe_ends[1], "--", 2), 2);
    str_fini(&look.text);
}

static void a_look_that_was_taken_back_does_not_count(void **state)
{
    struct look look = LOOK;
    int pipe_ends[2];

    (void)state;
    put(here.first, "a");
    put(here.second, "b");
    assert_int_equal(pipe(pipe_ends), 0);
    task_spawn("cancel", cancel_a_look, pipe_ends);
    loop_run();
    assert_int_equal(here.reads, 0);
    assert_true(is_watched_due(here.watched, 60000));
    look.age_ms = 60000;
    assert_string_equal(seen_by(look), "ab");
    close(pipe_ends[0]);
    close(pipe_ends[1]);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(files_are_read_at_the_first_look_and_when_one_changes),
        TEST(edits_of_the_same_size_in_the_same_moment_are_seen),
        TEST(edits_that_hide_their_time_are_seen),
        TEST(a_file_written_again_with_the_same_text_is_nothing_new),
        TEST(text_that_moves_from_one_file_to_the_other_is_new),
        TEST(a_link_that_is_swapped_is_followed),
        TEST(a_file_that_goes_and_comes_back_is_shown_each_time),
        TEST(a_file_that_is_too_long_is_said_to_be),
        TEST(what_is_refused_is_refused_once),
        TEST(who_reads_by_force_sees_what_did_not_change),
        TEST(outside_of_tasks_files_are_read_at_once),
        TEST(all_files_of_a_directory_count),
        TEST(a_file_that_gets_another_name_is_nothing_new),
        TEST(a_directory_that_is_none_is_a_file),
        TEST(a_directory_is_no_file_where_it_may_not_be_one),
        TEST(a_look_that_is_young_enough_will_do),
        TEST(many_who_come_at_once_share_a_look),
        TEST(who_is_canceled_leaves_the_look_to_the_others),
        TEST(a_look_that_was_taken_back_does_not_count),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
