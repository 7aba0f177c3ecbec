/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz_config - any bytes as a configuration: the file up to the first NUL, then variables, each
 * ended by a NUL, that get the prefix REGISTRY_. What is accepted prints as a configuration that
 * is accepted again and says the same.
 */
#undef NDEBUG /* the assertions are what this program is for */

#include "lib/base/memory.h"
#include "lib/base/str.h"
#include "lib/config/config.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/banned.h"

#define VARIABLES_MAX 16
#define OUTPUT_MAX    (16 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void on_message(const char *message, void *arg)
{
    (void)arg;
    assert(message[0] != '\0');
}

/* The next text up to a NUL or the end. */
static struct span next_text(struct span *rest)
{
    return span_cut(rest, '\0');
}

/* A secret is masked when printed, so that the mask is read; all else must be the same. */
static void on_difference(const char *path, bool is_reloadable, void *arg)
{
    (void)is_reloadable, (void)arg;
    if (strcmp(path, "http.secret") != 0 && strcmp(path, "health.http") != 0) {
        fprintf(stderr, "%s\n", path);
        abort();
    }
}

static void assert_same(const struct config *config, const struct config *again)
{
    const struct config_http_check *check = config->health.http.items;
    const struct config_http_check *twin = again->health.http.items;

    config_each_difference(config, config, on_difference, NULL);
    config_each_difference(config, again, on_difference, NULL);
    assert((config->http.secret[0] == '\0') == (again->http.secret[0] == '\0'));
    assert(config->health.http.count == again->health.http.count);
    for (size_t i = 0; i < config->health.http.count; i++) {
        assert(strcmp(check[i].uri, twin[i].uri) == 0);
        assert(check[i].interval_ns == twin[i].interval_ns);
        assert(check[i].headers.count == twin[i].headers.count);
    }
}

static void check_print(const struct config *config)
{
    char *none[] = {NULL};
    struct config *again = NULL;
    struct error err = ERROR_INIT;
    auto_str text = STR_INIT(OUTPUT_MAX);
    int result;

    config_each_note(config, on_message, NULL);
    config_print(config, &text);
    assert(!str_overflowed(&text));
    result = config_parse(str_span(&text), "again", none, on_message, NULL, &again, &err);
    if (result < 0)
        fprintf(stderr, "%s\n%s", err.message, str_text(&text));
    assert(result == 0);
    assert_same(config, again);
    config_free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span rest = span_make(data, size);
    struct span yaml = next_text(&rest);
    char *variables[VARIABLES_MAX + 1] = {NULL};
    struct config *config = NULL;
    struct error err = ERROR_INIT;

    for (size_t i = 0; i < VARIABLES_MAX && rest.data != NULL; i++) {
        auto_str variable = STR_INIT(size + 16);

        str_append_text(&variable, "REGISTRY_");
        str_append(&variable, next_text(&rest));
        variables[i] = str_take(&variable);
    }
    if (config_parse(yaml, "fuzz.yml", variables, on_message, NULL, &config, &err) == 0)
        check_print(config);
    else
        assert(err.message[0] != '\0' && memchr(err.message, '\0', sizeof(err.message)) != NULL);
    config_free(config);
    for (size_t i = 0; i < VARIABLES_MAX; i++)
        free(variables[i]);
    return 0;
}
