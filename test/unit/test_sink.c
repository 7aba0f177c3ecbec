/* SPDX-License-Identifier: Apache-2.0
 *
 * Sinks: lines to a pipe whose reader is slow, stuck or gone.
 */
#include "lib/base/memory.h"
#include "lib/base/sink.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/base/banned.h"

#define PIPE_SIZE 65536

static struct sink sink;
static int reader;

static int open_pipe(void **state)
{
    int ends[2];

    (void)state;
    assert_int_equal(pipe(ends), 0);
    assert_true(fcntl(ends[1], F_SETPIPE_SZ, PIPE_SIZE) >= 0);
    reader = ends[0];
    sink = (struct sink){.fd = ends[1]};
    return 0;
}

static int close_pipe(void **state)
{
    (void)state;
    close(sink.fd);
    if (reader >= 0)
        close(reader);
    return 0;
}

/* All that is in the pipe now. Given: free. */
static char *read_pipe(void)
{
    char *text = xcalloc(1, PIPE_SIZE + 1);

    assert_true(read(reader, text, PIPE_SIZE) >= 0);
    return text;
}

/* Writes lines of @len bytes until one is lost. */
static void fill(size_t len)
{
    char *line = xcalloc(1, len);

    memset(line, 'x', len);
    line[len - 1] = '\n';
    while (sink_write(&sink, span_make(line, len)))
        ;
    free(line);
}

static void lines_arrive_as_they_are(void **state)
{
    char *text;

    (void)state;
    assert_true(sink_write(&sink, SPAN("one\n")));
    assert_true(sink_write(&sink, SPAN("two\n")));
    text = read_pipe();
    assert_string_equal(text, "one\ntwo\n");
    assert_int_equal(sink_take_lost(&sink), 0);
    free(text);
}

/* How often this thread has let go of the processor to wait for something. */
static long waits(void)
{
    struct rusage usage;

    assert_int_equal(getrusage(RUSAGE_THREAD, &usage), 0);
    return usage.ru_nvcsw;
}

static void nobody_waits_for_a_reader_that_is_stuck(void **state)
{
    long before;

    (void)state;
    fill(100);
    before = waits();
    for (int i = 0; i < 10000; i++)
        assert_false(sink_write(&sink, SPAN("lost\n")));
    assert_true(waits() - before < 1000);
    assert_int_equal(sink_take_lost(&sink), 10001);
}

static void lines_get_through_again_when_somebody_reads(void **state)
{
    char *text;

    (void)state;
    fill(64);
    free(read_pipe());
    assert_true(sink_write(&sink, SPAN("again\n")));
    text = read_pipe();
    assert_string_equal(text, "again\n");
    assert_int_equal(sink_take_lost(&sink), 1);
    assert_int_equal(sink_take_lost(&sink), 0);
    free(text);
}

static void a_line_that_was_cut_does_not_run_into_the_next(void **state)
{
    char *text;

    (void)state;
    fill(40000); /* the second fits in part */
    assert_true(sink.is_cut);
    text = read_pipe();
    assert_true(strlen(text) > 40000);
    assert_int_equal(text[strlen(text) - 1], 'x');
    free(text);
    assert_true(sink_write(&sink, SPAN("next\n")));
    text = read_pipe();
    assert_string_equal(text, "\nnext\n");
    free(text);
}

static void a_reader_that_has_gone_is_nobodys_reason_to_stop(void **state)
{
    (void)state;
    signal(SIGPIPE, SIG_IGN);
    close(reader);
    reader = -1;
    for (int i = 0; i < 1000; i++)
        assert_true(sink_write(&sink, SPAN("unheard\n")));
}

static void a_closed_descriptor_does_no_harm(void **state)
{
    struct sink none = {.fd = -1};

    (void)state;
    sink_write(&none, SPAN("unheard\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(lines_arrive_as_they_are, open_pipe, close_pipe),
        cmocka_unit_test_setup_teardown(nobody_waits_for_a_reader_that_is_stuck, open_pipe,
                                        close_pipe),
        cmocka_unit_test_setup_teardown(lines_get_through_again_when_somebody_reads, open_pipe,
                                        close_pipe),
        cmocka_unit_test_setup_teardown(a_line_that_was_cut_does_not_run_into_the_next, open_pipe,
                                        close_pipe),
        cmocka_unit_test_setup_teardown(a_reader_that_has_gone_is_nobodys_reason_to_stop, open_pipe,
                                        close_pipe),
        cmocka_unit_test(a_closed_descriptor_does_no_harm),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
