/* SPDX-License-Identifier: Apache-2.0
 *
 * command - see command.h.
 */
#include "cmd/registry/command.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/banned.h"

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
    *out_path = path != NULL ? path : getenv("REGISTRY_CONFIGURATION_PATH");
    return 0;
}
