/* SPDX-License-Identifier: Apache-2.0
 *
 * command - see command.h.
 */
#include "cmd/registry/command.h"

#include "lib/base/cleanup.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/banned.h"

/* Where images keep their configuration: of upstream's 2.x, of its 3.x. */
static const char *const default_paths[] = {"/etc/docker/registry/config.yml",
                                            "/etc/distribution/config.yml"};

void command_print_usage(const struct command *command)
{
    printf("%s\n\nUsage:\n  registry %s%s%s\n%s%s", command->summary, command->name,
           command->arguments[0] != '\0' ? " " : "", command->arguments,
           command->help[0] != '\0' ? "\n" : "", command->help);
}

int command_fail_unknown(const char *kind, const char *what)
{
    fprintf(stderr, "Error: unknown %s: %s\nRun 'registry help' for usage.\n", kind, what);
    return EXIT_FAILURE;
}

/* What counts without an argument; NULL: nothing. */
static const char *default_path(void)
{
    const char *path = getenv("REGISTRY_CONFIGURATION_PATH");

    if (path != NULL && path[0] != '\0')
        return path;
    for (size_t i = 0; i < array_count(default_paths); i++) {
        if (access(default_paths[i], F_OK) == 0)
            return default_paths[i];
    }
    return NULL;
}

static int fail_no_path(const struct command *command)
{
    fprintf(stderr,
            "configuration error: configuration path unspecified: no argument, no "
            "REGISTRY_CONFIGURATION_PATH, no %s, no %s\n"
            "Run 'registry help %s' for usage.\n",
            default_paths[0], default_paths[1], command->name);
    return EXIT_FAILURE;
}

int command_path(const struct command *command, int argc, char **argv, const char **out_path,
                 int *out_status)
{
    const char *path = NULL;

    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            command_print_usage(command);
            *out_status = EXIT_SUCCESS;
            return 1;
        }
        if (argv[i][0] == '-' || path != NULL) {
            *out_status = command_fail_unknown(argv[i][0] == '-' ? "flag" : "argument", argv[i]);
            return 1;
        }
        path = argv[i];
    }
    if (path == NULL || path[0] == '\0')
        path = default_path();
    if (path == NULL) {
        *out_status = fail_no_path(command);
        return 1;
    }
    *out_path = path;
    return 0;
}
