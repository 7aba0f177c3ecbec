/* SPDX-License-Identifier: Apache-2.0
 *
 * The log: whatever a client sends, a line stays one line. Each test reads back what was written
 * to stderr or stdout.
 */
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/memory.h"
#include "lib/base/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "lib/base/banned.h"

#define WRITTEN_MAX (8 << 20)

static struct {
    int fd;    /* the stream that is caught */
    int saved; /* where it went before */
    int file;
} caught;

static void catch_begin(int fd)
{
    caught.fd = fd;
    caught.saved = dup(fd);
    caught.file = memfd_create("log", MFD_CLOEXEC);
    assert_true(caught.saved >= 0 && caught.file >= 0);
    dup2(caught.file, fd);
}

/* Given: what was written since catch_begin. */
static char *catch_end(void)
{
    char *text = xcalloc(1, WRITTEN_MAX);
    ssize_t len = pread(caught.file, text, WRITTEN_MAX - 1, 0);

    dup2(caught.saved, caught.fd);
    close(caught.saved);
    close(caught.file);
    assert_true(len >= 0);
    return text;
}

/* The line behind its instant, which is checked. */
static const char *after_time(const char *line)
{
    const char *end = strstr(line, "\" ");
    struct timespec at;

    assert_non_null(end);
    assert_memory_equal(line, "time=\"", 6);
    assert_true(clock_parse_rfc3339(span_make(line + 6, (size_t)(end - line) - 6), &at));
    return end + 2;
}

static bool add_request_fields(struct log_line *line)
{
    log_add_text(line, "http.request.id", "42");
    return true;
}

static int reset(void **state)
{
    (void)state;
    log_fini();
    log_set_level(LOG_LEVEL_INFO);
    return 0;
}

static const struct {
    struct span text;
    const char *escaped;
} escapes[] = {
    {{"plain", 5}, "plain"},
    {{"a\"b\\", 4}, "a\\\"b\\\\"},
    {{"\n\r\t", 3}, "\\n\\r\\t"},
    {{"\0\x1b[31m\x7f", 7}, "\\x00\\x1b[31m\\x7f"},
    {{"\xc3\xa4", 2}, "\xc3\xa4"},
    {{"\xff\xc3", 2}, "\\xff\\xc3"},
    {{"\xc2\x9b"
      "31m",
      5},
     "\\u009b31m"},
    {{"\xe2\x80\xa8", 3}, "\\u2028"},
};

static void log_append_escaped_leaves_no_control(void **state)
{
    (void)state;
    for (size_t i = 0; i < array_count(escapes); i++) {
        auto_str out = STR_INIT(100);

        log_append_escaped(&out, escapes[i].text);
        assert_string_equal(str_text(&out), escapes[i].escaped);
    }
}

static void process_lines_have_static_fields_sorted(void **state)
{
    auto_free char *text = NULL;

    (void)state;
    log_set_static_field("version", "v 1");
    log_set_static_field("instance.id", "abc-1");
    catch_begin(STDERR_FILENO);
    log_warn("listening on %s", ":5000");
    text = catch_end();
    assert_string_equal(after_time(text),
                        "level=warning msg=\"listening on :5000\" instance.id=abc-1 "
                        "version=\"v 1\"\n");
}

static void request_lines_have_the_context_instead(void **state)
{
    auto_free char *text = NULL;
    struct log_line line;

    (void)state;
    log_set_static_field("version", "1");
    log_set_context(add_request_fields);
    catch_begin(STDERR_FILENO);
    log_begin(&line, LOG_LEVEL_ERROR);
    log_add(&line, "vars.name", SPAN("a b"));
    log_add_text(&line, "empty", "");
    log_add_number(&line, "status", "200");
    log_end(&line, "done");
    text = catch_end();
    assert_string_equal(after_time(text), "level=error msg=\"done\" empty= http.request.id=42 "
                                          "status=200 vars.name=\"a b\"\n");
}

static void lines_below_the_level_are_not_written(void **state)
{
    auto_free char *text = NULL;

    (void)state;
    catch_begin(STDERR_FILENO);
    log_debug("not this");
    log_set_level(LOG_LEVEL_DEBUG);
    log_debug("this");
    text = catch_end();
    assert_string_equal(after_time(text), "level=debug msg=\"this\"\n");
    assert_true(log_is_enabled(LOG_LEVEL_DEBUG));
}

static void a_line_stays_one_whatever_comes(void **state)
{
    auto_free char *hostile = xmalloc(1 << 20);
    auto_free char *text = NULL;
    struct log_line line;

    (void)state;
    memset(hostile, '\x01', 1 << 20);
    hostile[(1 << 20) - 1] = '\0';
    hostile[100] = '\n';
    catch_begin(STDERR_FILENO);
    log_begin(&line, LOG_LEVEL_INFO);
    for (int i = 0; i < LOG_FIELDS_MAX + 5; i++)
        log_add_text(&line, "name", hostile);
    log_end(&line, "%s", hostile);
    log_info("next");
    text = catch_end();
    assert_int_equal(strcspn(text, "\x01"), strlen(text));
    assert_non_null(strstr(text, "...\" name="));
    assert_string_equal(after_time(strchr(text, '\n') + 1), "level=info msg=\"next\"\n");
}

static void access_lines_are_written_whole(void **state)
{
    auto_free char *text = NULL;
    auto_free char *line = xmalloc(200000);

    (void)state;
    memset(line, 'x', 200000);
    catch_begin(STDOUT_FILENO);
    log_access(span_make(line, 200000));
    log_access(SPAN("second"));
    text = catch_end();
    assert_int_equal(strspn(text, "x"), 200000);
    assert_string_equal(text + 200000, "\nsecond\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(log_append_escaped_leaves_no_control),
        cmocka_unit_test_setup(process_lines_have_static_fields_sorted, reset),
        cmocka_unit_test_setup(request_lines_have_the_context_instead, reset),
        cmocka_unit_test_setup(lines_below_the_level_are_not_written, reset),
        cmocka_unit_test_setup(a_line_stays_one_whatever_comes, reset),
        cmocka_unit_test_setup(access_lines_are_written_whole, reset),
    };

    return cmocka_run_group_tests(tests, NULL, reset);
}
