/* SPDX-License-Identifier: Apache-2.0
 *
 * arguments - the command line, as Apache's program reads it.
 */
#pragma once

#include "lib/base/cleanup.h"

/* Exit statuses, with the numbers of Apache's program. */
enum status {
    STATUS_FINE = 0,
    STATUS_FILE = 1,        /* the file cannot be read or written */
    STATUS_SYNTAX = 2,      /* the command line */
    STATUS_MISMATCH = 3,    /* wrong password, two different ones, or one that cannot be hashed */
    STATUS_INTERRUPTED = 4, /* while the password was asked for */
    STATUS_OVERFLOW = 5,    /* a name or password that is too long */
    STATUS_USER = 6,        /* a name that cannot be, or is not in the file */
    STATUS_FORMAT = 7,      /* the file is no htpasswd file */
    STATUS_RANDOM = 8,      /* no random numbers */
    STATUS_GENERAL = 9,     /* anything else */
    STATUS_ALGORITHM = 10,  /* a hash other than bcrypt */
};

#define ARGUMENT_LEN_MAX 255 /* bytes of a name or a password */

enum action { ACTION_SET, ACTION_CREATE, ACTION_PRINT, ACTION_VERIFY, ACTION_DELETE };
enum source { SOURCE_PROMPT, SOURCE_ARGUMENT, SOURCE_STDIN };

struct arguments {
    enum action action;
    enum source source;
    unsigned long cost;
    const char *path;     /* lent from argv; NULL with ACTION_PRINT */
    const char *user;     /* likewise */
    const char *password; /* likewise; NULL unless SOURCE_ARGUMENT */
};

/* Fills @out, or says what is wrong on standard error and returns the status to exit with. */
must_check enum status arguments_read(int argc, char **argv, struct arguments *out);
