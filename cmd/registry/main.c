/* SPDX-License-Identifier: Apache-2.0
 *
 * registry - the program: finds the subcommand and runs it.
 *
 * Source: upstream's command line. Where upstream ends a call that made no sense with status 0, we
 * end it with 1.
 */
#include "cmd/registry/command.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/banned.h"

static int help_run(int argc, char **argv);
static int version_run(int argc, char **argv);

static const struct command help_command = {
    .name = "help",
    .arguments = "[command]",
    .summary = "Help about any command",
    .help = "",
    .run = help_run,
};

static const struct command version_command = {
    .name = "version",
    .arguments = "",
    .summary = "Shows the version",
    .help = "",
    .run = version_run,
};

static const struct command *const commands[] = {
    &serve_command,
    &config_command,
    &version_command,
    &help_command,
};

#define COMMAND_COUNT (sizeof(commands) / sizeof(commands[0]))

static const char *program = "registry"; /* argv[0] */

static const struct command *find_command(const char *name)
{
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        if (strcmp(commands[i]->name, name) == 0)
            return commands[i];
    }
    return NULL;
}

static void print_usage(FILE *out)
{
    fputs("Usage:\n"
          "  registry [flags]\n"
          "  registry [command]\n"
          "\n"
          "Available Commands:\n",
          out);
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        fprintf(out, "  %-10s %s\n", commands[i]->name, commands[i]->summary);
    fputs("\n"
          "Flags:\n"
          "  -h, --help      help for registry\n"
          "  -v, --version   show the version and exit\n"
          "\n"
          "Use \"registry help [command]\" for more information about a command.\n",
          out);
}

static int help_run(int argc, char **argv)
{
    const struct command *command = argc > 1 ? find_command(argv[1]) : NULL;

    if (argc > 1 && command == NULL)
        return command_fail_unknown("command", argv[1]);
    if (command != NULL)
        command_print_usage(command);
    else
        print_usage(stdout);
    return EXIT_SUCCESS;
}

/* Upstream puts its import path where we put our name. */
static int version_run(int argc, char **argv)
{
    (void)argc, (void)argv;
    printf("%s kist %s\n", program, KIST_VERSION);
    return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    const struct command *command;

    if (argc < 2) {
        print_usage(stderr);
        return EXIT_SUCCESS;
    }
    program = argv[0];
    if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-v") == 0)
        return version_run(argc - 1, argv + 1);
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
        return help_run(1, argv + 1);
    command = find_command(argv[1]);
    if (command == NULL)
        return command_fail_unknown(argv[1][0] == '-' ? "flag" : "command", argv[1]);
    return command->run(argc - 1, argv + 1);
}
