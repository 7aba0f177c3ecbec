/* SPDX-License-Identifier: Apache-2.0
 *
 * command - what `registry` can do: one file for each subcommand, one row each in main.c.
 */
#pragma once

struct command {
    const char *name;
    const char *arguments; /* for the usage line; "" for none */
    const char *summary;   /* one line */
    const char *help;      /* more lines, each ended by a newline */
    /* @argv[0] is the subcommand's name, @argv[-1] the program's. Returns the exit status. */
    int (*run)(int argc, char **argv);
};

extern const struct command config_command;
extern const struct command serve_command;

/* Prints the subcommand's usage on stdout. */
void command_print_usage(const struct command *command);

/* Says that there is no such flag, argument or command. Returns the exit status. */
int command_fail_unknown(const char *kind, const char *what);

/*
 * command_path - the one argument of a subcommand: the path of the configuration. Without it
 * REGISTRY_CONFIGURATION_PATH, else the path an image has, of those that exist the first.
 *
 * Returns 0 with @out_path (lent, never NULL), or 1 with @out_status when the program is to end
 * with it: help was asked for and printed, or there was no path or an argument that made no sense
 * and that was said.
 */
int command_path(const struct command *command, int argc, char **argv, const char **out_path,
                 int *out_status);
