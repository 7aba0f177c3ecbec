/* SPDX-License-Identifier: Apache-2.0
 *
 * logins - whether a password is right, without asking bcrypt more often than needed, and without
 * letting those who guess get in the way of those who know.
 *
 *     remembered? ---yes--> right (or lately wrong)
 *          | no
 *     same credentials being verified? ---yes--> wait for that
 *          | no
 *     too many failures of this user from this address? ---yes--> slowed
 *          | no
 *     a turn in the line of the address --> bcrypt on a helper --> remember
 *
 * What is remembered is bound to the user's entry: another entry, another login. Loop thread only.
 */
#pragma once

#include "auth/htpasswd/password_file.h"
#include "lib/base/cleanup.h"
#include "lib/base/error.h"
#include "lib/base/span.h"

#define LOGINS_AT_ONCE   2    /* of the helpers, at most */
#define LOGINS_LINE_MAX  128  /* wait from one address */
#define LOGINS_WAIT_MAX  1024 /* wait in all */
#define LOGINS_RIGHT_MAX 4096 /* remembered */
#define LOGINS_WRONG_MAX 1024 /* remembered, for LOGINS_WRONG_MS */
#define LOGINS_WRONG_MS  10000
#define LOGINS_FAILURE_MAX                                                                         \
    8192 /* addresses, and users from addresses, whose failures are counted */

struct logins;

/* @at_once: how many passwords are verified at a time, 1..LOGINS_AT_ONCE. Given: logins_free, once
 * no task uses it. */
struct logins *logins_new(size_t at_once);
void logins_free(struct logins *logins);

enum logins_verdict { LOGINS_RIGHT, LOGINS_WRONG, LOGINS_SLOWED };

struct login {
    const char *address; /* of the client; any text */
    struct span user;
    struct span password;         /* holds no NUL */
    const struct password *entry; /* the user's, as password_file_find gives it */
};

/*
 * logins_verify - decide. May suspend; a wrong password may take seconds, see attempts.h.
 *
 * @out_retry_after_s  set when SLOWED
 *
 * Errors: CANCELED, INTERNAL.
 */
must_check int logins_verify(struct logins *logins, const struct login *login,
                             enum logins_verdict *out, int *out_retry_after_s, struct error *err);
