/* SPDX-License-Identifier: Apache-2.0
 *
 * arguments - see arguments.h.
 */
#include "cmd/htpasswd/arguments.h"

#include "auth/htpasswd/bcrypt.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/banned.h"

static const char usage_text[] =
    "Usage:\n"
    "\thtpasswd [-cimBvD] [-C cost] passwordfile username\n"
    "\thtpasswd -b[cmBvD] [-C cost] passwordfile username password\n"
    "\n"
    "\thtpasswd -n[iB] [-C cost] username\n"
    "\thtpasswd -nb[B] [-C cost] username password\n"
    " -c  Create a new file, or empty the one there is.\n"
    " -n  Don't update a file; print the entry on stdout.\n"
    " -b  Take the password from the command line rather than asking for it.\n"
    " -i  Read the password from stdin.\n"
    " -B  Hash with bcrypt: what a registry takes, and the default.\n"
    " -C  Cost of bcrypt, 4 to 17; each step doubles the time (default: 10).\n"
    " -D  Delete the user.\n"
    " -v  Verify the user's password.\n"
    "Other hashes (-m -2 -5 -d -s -p) are refused: a registry verifies bcrypt only.\n";

struct reading {
    struct arguments *out;
    unsigned action_count;
    char algorithm;
    bool has_rounds;
};

static enum status usage(void)
{
    fputs(usage_text, stderr);
    return STATUS_SYNTAX;
}

static void set_action(struct reading *reading, enum action action)
{
    if (reading->action_count == 0 || reading->out->action != action)
        reading->action_count++;
    reading->out->action = action;
}

static enum status set_source(struct reading *reading, enum source source)
{
    if (reading->out->source != SOURCE_PROMPT && reading->out->source != source)
        return usage();
    reading->out->source = source;
    return STATUS_FINE;
}

static enum status read_number(const char *text, unsigned long *out)
{
    char *end;

    errno = 0;
    *out = strtoul(text, &end, 10);
    if (errno == 0 && *end == '\0' && end != text && *out > 0 && text[0] != '-')
        return STATUS_FINE;
    fputs("htpasswd: argument to -C/-r must be a positive integer\n", stderr);
    return STATUS_SYNTAX;
}

static enum status read_option(struct reading *reading, int option)
{
    unsigned long ignored;

    switch (option) {
    case 'c':
        set_action(reading, ACTION_CREATE);
        return STATUS_FINE;
    case 'n':
        set_action(reading, ACTION_PRINT);
        return STATUS_FINE;
    case 'v':
        set_action(reading, ACTION_VERIFY);
        return STATUS_FINE;
    case 'D':
        set_action(reading, ACTION_DELETE);
        return STATUS_FINE;
    case 'b':
        return set_source(reading, SOURCE_ARGUMENT);
    case 'i':
        return set_source(reading, SOURCE_STDIN);
    case 'C':
        return read_number(optarg, &reading->out->cost);
    case 'r':
        reading->has_rounds = true;
        return read_number(optarg, &ignored);
    case ':':
        fprintf(stderr, "htpasswd: option requires an argument -- %c\n", optopt);
        return usage();
    case '?':
        fprintf(stderr, "htpasswd: illegal option -- %c\n", optopt);
        return usage();
    default:
        reading->algorithm = (char)option;
        return STATUS_FINE;
    }
}

static enum status check_options(const struct reading *reading)
{
    if (reading->action_count > 1) {
        fputs("htpasswd: only one of -c -n -v -D may be specified\n", stderr);
        return STATUS_SYNTAX;
    }
    if (reading->algorithm != 'B') {
        fprintf(stderr, "htpasswd: -%c is not supported: a registry verifies bcrypt (-B) only\n",
                reading->algorithm);
        return STATUS_ALGORITHM;
    }
    if (reading->has_rounds)
        fputs("htpasswd: Warning: Ignoring -r argument for this algorithm.\n", stderr);
    return STATUS_FINE;
}

static enum status too_long(const char *what)
{
    fprintf(stderr, "htpasswd: %s too long (> %d)\n", what, ARGUMENT_LEN_MAX);
    return STATUS_OVERFLOW;
}

/* Names that the registry would never find in the file. */
static enum status check_user(const char *user)
{
    static const char first[] = "# \t\v\f\r";
    const char *illegal = strpbrk(user, ":\n");

    if (strlen(user) > ARGUMENT_LEN_MAX)
        return too_long("username");
    if (illegal == NULL && user[0] != '\0' && strchr(first, user[0]) != NULL)
        illegal = user;
    if (illegal == NULL)
        return STATUS_FINE;
    if (*illegal == '\n')
        fputs("htpasswd: username contains illegal character '\\n'\n", stderr);
    else
        fprintf(stderr, "htpasswd: username %s illegal character '%c'\n",
                illegal == user && *illegal != ':' ? "begins with" : "contains", *illegal);
    return STATUS_USER;
}

static enum status read_operands(char **operands, int count, struct arguments *out)
{
    int wanted = 2 - (out->action == ACTION_PRINT) + (out->source == SOURCE_ARGUMENT);

    if (count != wanted)
        return usage();
    if (out->action != ACTION_PRINT)
        out->path = *operands++;
    out->user = *operands++;
    if (out->source == SOURCE_ARGUMENT)
        out->password = *operands;
    if (out->password != NULL && strlen(out->password) > ARGUMENT_LEN_MAX)
        return too_long("password");
    return check_user(out->user);
}

enum status arguments_read(int argc, char **argv, struct arguments *out)
{
    struct reading reading = {.out = out, .algorithm = 'B'};
    enum status status = STATUS_FINE;
    int option;

    *out = (struct arguments){.action = ACTION_SET, .cost = BCRYPT_COST_USUAL};
    opterr = 0;
    while (status == STATUS_FINE && (option = getopt(argc, argv, "+:cnmspdBbDi25C:r:v")) != -1)
        status = read_option(&reading, option);
    if (status == STATUS_FINE)
        status = check_options(&reading);
    if (status == STATUS_FINE)
        status = read_operands(argv + optind, argc - optind, out);
    return status;
}
