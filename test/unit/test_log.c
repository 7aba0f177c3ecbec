/* SPDX-License-Identifier: Apache-2.0
 *
 * The log: whatever a client sends, a line stays one line. Each test reads back what was written
 * to stderr or stdout.
 */
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/memory.h"
#include "lib/base/str.h"

#include <cjson/cJSON.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
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
    assert_string_equal(after_time(text), "level=error msg=done empty= http.request.id=42 "
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
    assert_string_equal(after_time(text), "level=debug msg=this\n");
    assert_true(log_is_enabled(LOG_LEVEL_DEBUG));
}

static void a_line_stays_one_whatever_comes(void **state)
{
    auto_free char *hostile = xmalloc(1 << 20);
    auto_free char *text = NULL;
    char names[LOG_FIELDS_MAX + 5][8];
    struct log_line line;

    (void)state;
    memset(hostile, '\x01', 1 << 20);
    hostile[(1 << 20) - 1] = '\0';
    hostile[100] = '\n';
    catch_begin(STDERR_FILENO);
    log_begin(&line, LOG_LEVEL_INFO);
    for (int i = 0; i < LOG_FIELDS_MAX + 5; i++) {
        snprintf(names[i], sizeof(names[i]), "name%02d", i);
        log_add_text(&line, names[i], hostile);
    }
    log_end(&line, "%s", hostile);
    log_info("next");
    text = catch_end();
    assert_int_equal(strcspn(text, "\x01"), strlen(text));
    assert_non_null(strstr(text, "...\" name01="));
    assert_string_equal(after_time(strchr(text, '\n') + 1), "level=info msg=next\n");
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

static void a_static_field_can_be_replaced_and_taken_away(void **state)
{
    auto_free char *text = NULL;

    (void)state;
    log_set_static_field("service", "one");
    log_set_static_field("gone", "x");
    log_set_static_field("service", "two");
    log_set_static_field("gone", NULL);
    log_set_static_field("never", NULL);
    catch_begin(STDERR_FILENO);
    log_info("now");
    text = catch_end();
    assert_string_equal(after_time(text), "level=info msg=now service=two\n");
}

static void a_lines_own_field_comes_before_the_static_one(void **state)
{
    auto_free char *text = NULL;
    struct log_line line;

    (void)state;
    log_set_static_field("version", "1");
    catch_begin(STDERR_FILENO);
    log_begin(&line, LOG_LEVEL_INFO);
    log_add_text(&line, "version", "mine");
    log_end(&line, "now");
    text = catch_end();
    assert_string_equal(after_time(text), "level=info msg=now version=mine\n");
}

static void names_that_the_line_needs_are_set_apart(void **state)
{
    auto_free char *text = NULL;

    (void)state;
    log_set_static_field("time", "t");
    log_set_static_field("level", "l");
    log_set_static_field("msg", "m");
    log_set_static_field("a b", "c");
    catch_begin(STDERR_FILENO);
    log_info("now");
    text = catch_end();
    assert_string_equal(after_time(text),
                        "level=info msg=now a b=c fields.level=l fields.msg=m fields.time=t\n");
}

/* ---- JSON ---- */

/* What was written, as one object for each line. Given: cJSON_Delete. */
static cJSON *parse_lines(const char *text)
{
    cJSON *lines = cJSON_CreateArray();

    while (*text != '\0') {
        const char *end = strchr(text, '\n');
        const char *read = NULL;
        cJSON *line;

        assert_non_null(end);
        line = cJSON_ParseWithLengthOpts(text, (size_t)(end - text), &read, false);
        assert_non_null(line);
        assert_ptr_equal(read, end);
        assert_true(cJSON_IsObject(line));
        cJSON_AddItemToArray(lines, line);
        text = end + 1;
    }
    return lines;
}

/* The names in the order they are written in, with spaces between. */
static const char *names_of(const cJSON *object)
{
    static char names[1000];
    size_t len = 0;

    names[0] = '\0';
    for (const cJSON *item = object->child; item != NULL; item = item->next)
        len += (size_t)snprintf(names + len, sizeof(names) - len, " %s", item->string);
    return names + 1;
}

static const char *text_of(const cJSON *object, const char *name)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);

    assert_true(cJSON_IsString(item));
    return item->valuestring;
}

static void json_lines_are_objects_with_sorted_names(void **state)
{
    auto_free char *text = NULL;
    struct timespec at;
    struct log_line line;
    cJSON *lines;
    cJSON *first;

    (void)state;
    log_set_format(LOG_FORMAT_JSON);
    log_set_context(add_request_fields);
    catch_begin(STDERR_FILENO);
    log_begin(&line, LOG_LEVEL_WARN);
    log_add_number(&line, "http.response.status", "404");
    log_add_json(&line, "err.detail", SPAN("{\"Tag\":\"x\"}"));
    log_add_text(&line, "vars.name", "a\"<b>\n");
    log_end(&line, "done %s", "now");
    text = catch_end();
    lines = parse_lines(text);
    first = cJSON_GetArrayItem(lines, 0);
    assert_string_equal(names_of(first), "err.detail http.request.id http.response.status level "
                                         "msg time vars.name");
    assert_string_equal(text_of(first, "level"), "warning");
    assert_string_equal(text_of(first, "msg"), "done now");
    assert_string_equal(text_of(first, "http.request.id"), "42");
    assert_string_equal(text_of(first, "vars.name"), "a\"<b>\n");
    assert_non_null(strstr(text, "\"http.response.status\":404,"));
    assert_non_null(strstr(text, "\"err.detail\":{\"Tag\":\"x\"},"));
    assert_non_null(strstr(text, "a\\\"\\u003cb\\u003e\\n"));
    assert_true(clock_parse_rfc3339(span_of(text_of(first, "time")), &at));
    cJSON_Delete(lines);
}

static void logstash_lines_have_its_names(void **state)
{
    auto_free char *text = NULL;
    cJSON *lines;
    cJSON *first;

    (void)state;
    log_set_format(LOG_FORMAT_LOGSTASH);
    log_set_static_field("Zone", "x");
    log_set_static_field("msg", "mine");
    log_set_static_field("message", "mine, too");
    catch_begin(STDERR_FILENO);
    log_error("listening");
    text = catch_end();
    lines = parse_lines(text);
    first = cJSON_GetArrayItem(lines, 0);
    assert_string_equal(names_of(first),
                        "@timestamp @version Zone fields.message level message msg");
    assert_string_equal(text_of(first, "@version"), "1");
    assert_string_equal(text_of(first, "message"), "listening");
    assert_string_equal(text_of(first, "fields.message"), "mine, too");
    assert_string_equal(text_of(first, "msg"), "mine");
    cJSON_Delete(lines);
}

static const struct {
    const char *value;
    bool is_bare;
} bare_values[] = {
    {"5", true},
    {"-17", true},
    {"0", true},
    {"true", true},
    {"false", true},
    {"", false},
    {"-", false},
    {"007", false},
    {"-0", false},
    {"1.5", false},
    {"1e3", false},
    {"True", false},
    {"nan", false},
    {"null", false},
    {"5 ", false},
    {"999999999999999", true},
    {"9999999999999999", false},
};

static void static_numbers_and_booleans_are_bare_in_json(void **state)
{
    (void)state;
    log_set_format(LOG_FORMAT_JSON);
    for (size_t i = 0; i < array_count(bare_values); i++) {
        auto_free char *text = NULL;
        char wanted[64];

        log_set_static_field("n", bare_values[i].value);
        snprintf(wanted, sizeof(wanted), bare_values[i].is_bare ? "\"n\":%s," : "\"n\":\"%s\",",
                 bare_values[i].value);
        catch_begin(STDERR_FILENO);
        log_info("x");
        text = catch_end();
        assert_non_null(strstr(text, wanted));
    }
}

/* 20,000 bytes that begin with @unit again and again. Given: free. */
static char *long_text(const char *unit)
{
    char *text = xcalloc(1, 20001);
    size_t len = strlen(unit);

    for (size_t i = 0; i + len <= 20000; i += len)
        memcpy(text + i, unit, len);
    return text;
}

static void json_lines_stay_valid_whatever_comes(void **state)
{
    static const char *const units[] = {
        "\x01", "\n", "\xff", "\"", "a", "\xc3\xa4", "\xf0\x9f\x98\x80", "{\"a\":", "\xe2\x80\xa8"};
    static const enum log_format formats[] = {LOG_FORMAT_JSON, LOG_FORMAT_LOGSTASH};

    (void)state;
    for (size_t i = 0; i < array_count(units) * array_count(formats); i++) {
        auto_free char *hostile = long_text(units[i / array_count(formats)]);
        auto_free char *text = NULL;
        struct log_line line;
        cJSON *lines;

        log_set_format(formats[i % array_count(formats)]);
        catch_begin(STDERR_FILENO);
        log_begin(&line, LOG_LEVEL_INFO);
        for (int n = 0; n < LOG_FIELDS_MAX + 5; n++)
            log_add_text(&line, hostile + 20000 - n % 40, hostile);
        log_add_json(&line, "json", span_of(hostile));
        log_end(&line, "%s", hostile);
        log_info("next");
        text = catch_end();
        lines = parse_lines(text);
        assert_int_equal(cJSON_GetArraySize(lines), 2);
        assert_non_null(strstr(text, "...\""));
        cJSON_Delete(lines);
    }
}

static void json_that_is_too_long_or_no_line_becomes_text(void **state)
{
    auto_free char *array = long_text("[");
    auto_free char *text = NULL;
    struct log_line line;
    cJSON *lines;

    (void)state;
    log_set_format(LOG_FORMAT_JSON);
    catch_begin(STDERR_FILENO);
    log_begin(&line, LOG_LEVEL_INFO);
    log_add_json(&line, "a", span_of(array));
    log_add_json(&line, "b", SPAN("[1,\n2]"));
    log_add_json(&line, "c", SPAN(""));
    log_end(&line, "x");
    text = catch_end();
    lines = parse_lines(text);
    assert_int_equal(cJSON_GetArraySize(lines), 1);
    assert_string_equal(text_of(cJSON_GetArrayItem(lines, 0), "b"), "[1,\n2]");
    assert_string_equal(text_of(cJSON_GetArrayItem(lines, 0), "c"), "");
    assert_int_equal(strlen(text_of(cJSON_GetArrayItem(lines, 0), "a")), 4096 + 3);
    cJSON_Delete(lines);
}

static void values_are_cut_between_characters(void **state)
{
    static const char *const units[] = {"\xc3\xa4", "\xe2\x82\xac", "\xf0\x9f\x98\x80"};

    (void)state;
    for (size_t i = 0; i < array_count(units); i++) {
        auto_free char *value = long_text(units[i]);
        auto_free char *text = NULL;

        log_set_format(LOG_FORMAT_TEXT);
        memmove(value + 1, value, 10000);
        value[0] = 'x';
        catch_begin(STDERR_FILENO);
        log_info("%s", value);
        text = catch_end();
        assert_null(strstr(text, "\\x"));
        assert_string_equal(text + strlen(text) - 5, "...\"\n");
    }
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
        cmocka_unit_test_setup(a_static_field_can_be_replaced_and_taken_away, reset),
        cmocka_unit_test_setup(a_lines_own_field_comes_before_the_static_one, reset),
        cmocka_unit_test_setup(names_that_the_line_needs_are_set_apart, reset),
        cmocka_unit_test_setup(json_lines_are_objects_with_sorted_names, reset),
        cmocka_unit_test_setup(logstash_lines_have_its_names, reset),
        cmocka_unit_test_setup(static_numbers_and_booleans_are_bare_in_json, reset),
        cmocka_unit_test_setup(json_lines_stay_valid_whatever_comes, reset),
        cmocka_unit_test_setup(json_that_is_too_long_or_no_line_becomes_text, reset),
        cmocka_unit_test_setup(values_are_cut_between_characters, reset),
    };

    return cmocka_run_group_tests(tests, NULL, reset);
}
