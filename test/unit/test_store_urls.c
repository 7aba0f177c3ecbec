/* SPDX-License-Identifier: Apache-2.0
 *
 * URLs of a store: what the driver says, and middleware before it.
 */
#include "drivers/drivers.h"
#include "lib/base/memory.h"
#include "lib/config/config.h"
#include "lib/storage/store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "lib/base/banned.h"

/* ---- a driver with URLs ---- */

static int say_url(struct storage *storage, const char *key, const char *method, struct str *out,
                   struct error *err)
{
    (void)storage;
    if (strcmp(key, "/unsupported") == 0)
        return error_set(err, ERROR_UNSUPPORTED, "not this one");
    if (strcmp(key, "/broken") == 0)
        return error_set(err, ERROR_IO, "no credentials");
    str_append_format(out, "driver:%s%s", method, key);
    for (size_t i = 0; strcmp(key, "/long") == 0 && i < STORE_URL_MAX; i++)
        str_append_char(out, 'x');
    return 0;
}

static void say_name(const struct storage *storage, const char *key, struct str *out)
{
    (void)storage;
    str_append_format(out, "root%s", key);
}

static struct store *open_store(bool has_urls)
{
    static const struct config config = {.storage = {.driver = "inmemory"}};
    static struct storage_driver driver;
    struct error err = ERROR_INIT;
    struct store *store = NULL;

    driver = inmemory_driver;
    driver.url_for = has_urls ? say_url : NULL;
    driver.object_name = has_urls ? say_name : NULL;
    assert_int_equal(store_open(&driver, &config, &store, &err), 0);
    return store;
}

/* ---- a middleware that notes that it was there ---- */

struct note {
    struct middleware middleware;
    const char *text;
    struct str *log; /* of the test */
};

static void note_down(const struct note *note, const char *what)
{
    str_append_text(note->log, what);
    str_append_text(note->log, note->text);
}

static int note_url(struct middleware *middleware, const struct url_request *request,
                    struct str *out, struct error *err)
{
    struct note *note = (struct note *)middleware;

    str_append_format(out, "%s(%.*s)>", note->text, SPAN_ARGS(request->client));
    return store_inner_url(middleware, request, out, err);
}

static void note_start(struct middleware *middleware)
{
    note_down((struct note *)middleware, "+");
}

static void note_stop(struct middleware *middleware)
{
    note_down((struct note *)middleware, "-");
}

static void note_close(struct middleware *middleware)
{
    note_down((struct note *)middleware, "x");
    free(middleware);
}

static const struct middleware_kind note_kind = {
    .name = "note",
    .close = note_close,
    .start = note_start,
    .stop = note_stop,
    .url_for = note_url,
};

static void add_note(struct store *store, const char *text, struct str *log)
{
    struct note *note = xcalloc(1, sizeof(*note));

    note->middleware.kind = &note_kind;
    note->text = text;
    note->log = log;
    store_add_middleware(store, &note->middleware);
}

/* ---- tests ---- */

static int ask(struct store *store, const char *key, struct str *out, enum error_code *out_code)
{
    struct url_request request = {.key = key, .method = "GET", .client = SPAN("10.0.0.1")};
    struct error err = ERROR_INIT;
    int rc = store_url_for(store, &request, out, &err);

    *out_code = err.code;
    return rc;
}

static void a_driver_without_urls_has_none(void **state)
{
    struct store *store = open_store(false);
    auto_str url = STR_INIT(STORE_URL_MAX);
    auto_str name = STR_INIT(64);
    enum error_code code;

    (void)state;
    assert_false(has_store_urls(store));
    assert_int_equal(ask(store, "/a", &url, &code), 0);
    assert_int_equal(url.len, 0);
    assert_false(store_object_name(store, "/a", &name));
    store_close(store);
}

static void the_driver_says_the_url_and_the_name(void **state)
{
    struct store *store = open_store(true);
    auto_str url = STR_INIT(STORE_URL_MAX);
    auto_str name = STR_INIT(64);
    enum error_code code;

    (void)state;
    assert_true(has_store_urls(store));
    assert_int_equal(ask(store, "/a/b", &url, &code), 1);
    assert_string_equal(str_text(&url), "driver:GET/a/b");
    assert_true(store_object_name(store, "/a/b", &name));
    assert_string_equal(str_text(&name), "root/a/b");
    store_close(store);
}

static void a_driver_may_decline_or_fail(void **state)
{
    struct store *store = open_store(true);
    auto_str url = STR_INIT(STORE_URL_MAX);
    enum error_code code;

    (void)state;
    assert_int_equal(ask(store, "/unsupported", &url, &code), 0);
    assert_int_equal(code, ERROR_NONE);
    assert_int_equal(ask(store, "/broken", &url, &code), -1);
    assert_int_equal(code, ERROR_IO);
    assert_int_equal(ask(store, "/../x", &url, &code), -1);
    assert_int_equal(code, ERROR_KEY);
    assert_int_equal(ask(store, "/long", &url, &code), -1);
    assert_int_equal(code, ERROR_INTERNAL);
    store_close(store);
}

static void the_last_that_was_added_is_asked_first(void **state)
{
    struct store *store = open_store(true);
    auto_str url = STR_INIT(STORE_URL_MAX);
    auto_str log = STR_INIT(64);
    enum error_code code;

    (void)state;
    add_note(store, "one", &log);
    add_note(store, "two", &log);
    assert_int_equal(ask(store, "/a", &url, &code), 1);
    assert_string_equal(str_text(&url), "two(10.0.0.1)>one(10.0.0.1)>driver:GET/a");
    store_close(store);
}

static void middleware_makes_urls_possible(void **state)
{
    struct store *store = open_store(false);
    auto_str url = STR_INIT(STORE_URL_MAX);
    auto_str log = STR_INIT(64);
    enum error_code code;

    (void)state;
    add_note(store, "one", &log);
    assert_true(has_store_urls(store));
    assert_int_equal(ask(store, "/a", &url, &code), 0);
    store_close(store);
}

static void middleware_is_started_stopped_and_closed_with_the_store(void **state)
{
    struct store *store = open_store(true);
    auto_str log = STR_INIT(64);

    (void)state;
    add_note(store, "1", &log);
    add_note(store, "2", &log);
    store_start(store);
    store_stop(store);
    store_close(store);
    assert_string_equal(str_text(&log), "+2+1-2-1x2x1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_driver_without_urls_has_none),
        cmocka_unit_test(the_driver_says_the_url_and_the_name),
        cmocka_unit_test(a_driver_may_decline_or_fail),
        cmocka_unit_test(the_last_that_was_added_is_asked_first),
        cmocka_unit_test(middleware_makes_urls_possible),
        cmocka_unit_test(middleware_is_started_stopped_and_closed_with_the_store),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
