/* SPDX-License-Identifier: Apache-2.0
 *
 * Files read whole: what is in them, and what is said of those that cannot be read.
 */
#include "lib/base/file.h"

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

static char folder[64];
static char path[96];

static int setup(void **state)
{
    (void)state;
    snprintf(folder, sizeof(folder), "/tmp/kist-file-XXXXXX");
    if (mkdtemp(folder) == NULL)
        return -1;
    snprintf(path, sizeof(path), "%s/file", folder);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(folder);
}

static void put(size_t len)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    auto_str text = STR_INIT(len);
    struct error err = ERROR_INIT;

    for (size_t i = 0; i < len; i++)
        str_append_char(&text, (char)('a' + i % 26));
    assert_true(fd >= 0);
    assert_int_equal(file_write_all(fd, str_span(&text), &err), 0);
    close(fd);
}

static void assert_fails(size_t max, enum error_code code, const char *words)
{
    auto_str text = STR_INIT(max);
    struct error err = ERROR_INIT;

    assert_int_equal(file_read(path, &text, &err), -1);
    assert_int_equal(err.code, code);
    assert_non_null(strstr(err.message, path));
    assert_non_null(strstr(err.message, words));
}

static void a_file_is_read_whole_whatever_its_length_is(void **state)
{
    const size_t lens[] = {0, 1, 16383, 16384, 16385, 100000};

    (void)state;
    for (size_t i = 0; i < array_count(lens); i++) {
        auto_str text = STR_INIT(100000);
        auto_str again = STR_INIT(100000);
        struct error err = ERROR_INIT;

        put(lens[i]);
        assert_int_equal(file_read(path, &text, &err), 0);
        assert_int_equal(text.len, lens[i]);
        for (size_t k = 0; k < lens[i]; k++)
            assert_int_equal(text.data[k], 'a' + k % 26);
        assert_int_equal(file_read_any(path, &again, &err), 0);
        assert_true(span_equals(str_span(&text), str_span(&again)));
    }
}

static void a_file_that_does_not_fit_is_refused(void **state)
{
    (void)state;
    put(11);
    assert_fails(10, ERROR_TOO_LARGE, "more than 10 bytes");
}

static void a_file_that_is_not_there_is_named_in_the_words_of_upstream(void **state)
{
    (void)state;
    assert_fails(10, ERROR_NOT_FOUND, ": no such file or directory");
}

static void what_is_no_file_is_refused_without_waiting(void **state)
{
    (void)state;
    assert_int_equal(mkdir(path, 0700), 0);
    assert_fails(10, ERROR_INVALID, "is not a regular file");
    assert_int_equal(rmdir(path), 0);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_fails(10, ERROR_INVALID, "is not a regular file");
}

static void a_pipe_is_read_to_its_end_when_anything_goes(void **state)
{
    auto_str text = STR_INIT(10);
    struct error err = ERROR_INIT;
    char name[32];
    int ends[2];

    (void)state;
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], "hello", 5), 5);
    close(ends[1]);
    snprintf(name, sizeof(name), "/dev/fd/%d", ends[0]);
    assert_int_equal(file_read_any(name, &text, &err), 0);
    assert_string_equal(str_text(&text), "hello");
    close(ends[0]);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_file_is_read_whole_whatever_its_length_is),
        TEST(a_file_that_does_not_fit_is_refused),
        TEST(a_file_that_is_not_there_is_named_in_the_words_of_upstream),
        TEST(what_is_no_file_is_refused_without_waiting),
        TEST(a_pipe_is_read_to_its_end_when_anything_goes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
