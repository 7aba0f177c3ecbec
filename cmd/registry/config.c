/* SPDX-License-Identifier: Apache-2.0
 *
 * registry config - looks at the configuration without serving: check, show, example, reference.
 */
#include "lib/config/config.h"

#include "cmd/registry/command.h"
#include "lib/base/str.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/banned.h"

#define OUTPUT_MAX (1 << 20) /* bytes */

static void print_message(const char *message, void *arg)
{
    const char *kind = arg;

    fprintf(stderr, "%s: %s\n", kind, message);
}

static void print_out(const struct str *text)
{
    fwrite(str_text(text), 1, text->len, stdout);
}

/* Loads what the argument or the environment names; NULL when the program is to end. */
static struct config *load(int argc, char **argv, const char **out_path, int *out_status)
{
    static char warning[] = "warning";
    struct config *config = NULL;
    struct error err = ERROR_INIT;

    if (command_path(&config_command, argc, argv, out_path, out_status) != 0)
        return NULL;
    if (config_load(*out_path, environ, print_message, warning, &config, &err) < 0) {
        fprintf(stderr, "configuration error: %s\n", err.message);
        *out_status = EXIT_FAILURE;
        return NULL;
    }
    return config;
}

static int check_run(int argc, char **argv)
{
    static char note[] = "note";
    int status = EXIT_FAILURE;
    const char *path = NULL;
    struct config *config = load(argc, argv, &path, &status);

    if (config == NULL)
        return status;
    config_each_note(config, print_message, note);
    config_free(config);
    printf("%s: good\n", path);
    return EXIT_SUCCESS;
}

static int show_run(int argc, char **argv)
{
    auto_str text = STR_INIT(OUTPUT_MAX);
    int status = EXIT_FAILURE;
    const char *path = NULL;
    struct config *config = load(argc, argv, &path, &status);

    if (config == NULL)
        return status;
    config_print(config, &text);
    config_free(config);
    print_out(&text);
    return EXIT_SUCCESS;
}

/* What the table of options alone prints. */
static int print_table(void (*print)(struct str *out))
{
    auto_str text = STR_INIT(OUTPUT_MAX);

    print(&text);
    print_out(&text);
    return EXIT_SUCCESS;
}

static int example_run(int argc, char **argv)
{
    (void)argc, (void)argv;
    return print_table(config_print_example);
}

static int reference_run(int argc, char **argv)
{
    (void)argc, (void)argv;
    return print_table(config_print_reference);
}

static int config_run(int argc, char **argv)
{
    static const struct {
        const char *name;
        int (*run)(int argc, char **argv);
    } verbs[] = {
        {"check", check_run},
        {"show", show_run},
        {"example", example_run},
        {"reference", reference_run},
    };

    for (size_t i = 0; argc > 1 && i < array_count(verbs); i++) {
        if (strcmp(argv[1], verbs[i].name) == 0)
            return verbs[i].run(argc - 1, argv + 1);
    }
    if (argc > 1 && strcmp(argv[1], "--help") != 0 && strcmp(argv[1], "-h") != 0)
        return command_fail_unknown("argument", argv[1]);
    command_print_usage(&config_command);
    return argc > 1 ? EXIT_SUCCESS : EXIT_FAILURE;
}

const struct command config_command = {
    .name = "config",
    .arguments = "check|show|example|reference [path]",
    .summary = "Checks, shows and explains the configuration",
    .help =
        "  check [path]   reads the configuration, says what is wrong with it, changes nothing\n"
        "  show [path]    prints the value of every key and where it comes from\n"
        "  example        prints a configuration file with every key\n"
        "  reference      prints the manual of all keys in Markdown\n"
        "\n"
        "Without a path: $REGISTRY_CONFIGURATION_PATH, else /etc/docker/registry/config.yml or\n"
        "/etc/distribution/config.yml. REGISTRY_* variables override the file.\n",
    .run = config_run,
};
