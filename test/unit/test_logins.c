/* SPDX-License-Identifier: Apache-2.0
 *
 * Logins: what is remembered, what is shared, and who is slowed down. How often bcrypt worked is
 * counted in the lines of the log.
 */
#include "auth/htpasswd/attempts.h"
#include "auth/htpasswd/bcrypt.h"
#include "auth/htpasswd/logins.h"
#include "lib/base/log.h"
#include "lib/base/memory.h"
#include "lib/task/loop.h"
#include "lib/task/task.h"
#include "test/support/clockwork.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/base/banned.h"

static struct logins *logins;
static struct password user;   /* of everybody whose password is "right" */
static struct password nobody; /* of a user that does not exist */
static int log_pipe[2];
static int stderr_before;

static int setup(void **state)
{
    struct error err = ERROR_INIT;
    char hash[BCRYPT_SIZE];

    (void)state;
    if (bcrypt_make('y', 4, SPAN("right"), hash, &err) < 0 || loop_open(4, &err) < 0)
        return -1;
    user = PASSWORD_INIT;
    user.is_known = true;
    user.usual_cost = 4;
    str_append_text(&user.entry, hash);
    nobody = PASSWORD_INIT;
    nobody.usual_cost = 4;
    clockwork_start();
    logins = logins_new(LOGINS_AT_ONCE);
    log_set_level(LOG_LEVEL_DEBUG);
    stderr_before = dup(STDERR_FILENO);
    return pipe(log_pipe) < 0 || dup2(log_pipe[1], STDERR_FILENO) < 0 ? -1 : 0;
}

static int teardown(void **state)
{
    (void)state;
    dup2(stderr_before, STDERR_FILENO);
    close(stderr_before);
    close(log_pipe[0]);
    close(log_pipe[1]);
    log_set_level(LOG_LEVEL_INFO);
    logins_free(logins);
    password_fini(&user);
    password_fini(&nobody);
    loop_close();
    return 0;
}

/* Since the last call. */
static int bcrypt_count(void)
{
    static const char mark[] = "bcrypt verified in ";
    char text[65536];
    ssize_t len;
    int count = 0;

    if (write(log_pipe[1], ".", 1) != 1)
        return -1;
    len = read(log_pipe[0], text, sizeof(text) - 1);
    assert_true(len > 0);
    text[len] = '\0';
    for (const char *at = text; (at = strstr(at, mark)) != NULL; at += sizeof(mark))
        count++;
    return count;
}

/* ---- clients ---- */

struct client {
    char address[64];
    char user[32];
    char password[96];
    const struct password *entry;
    struct task *task;
    int rc;
    enum logins_verdict verdict;
    int retry_after_s;
    struct error err;
};

static void client_main(void *arg)
{
    struct client *client = arg;
    struct login login = {
        .address = client->address,
        .user = span_of(client->user),
        .password = span_of(client->password),
        .entry = client->entry,
    };

    client->rc =
        logins_verify(logins, &login, &client->verdict, &client->retry_after_s, &client->err);
    client->task = NULL;
}

static void come(struct client *client, const char *address, const char *name, const char *password)
{
    *client = (struct client){.entry = &user, .rc = 7};
    snprintf(client->address, sizeof(client->address), "%s", address);
    snprintf(client->user, sizeof(client->user), "%s", name);
    snprintf(client->password, sizeof(client->password), "%s", password);
    client->task = task_spawn("client", client_main, client);
}

static enum logins_verdict verify(const char *address, const char *name, const char *password)
{
    struct client client;

    come(&client, address, name, password);
    loop_run();
    assert_int_equal(client.rc, 0);
    return client.verdict;
}

/* ---- remembering ---- */

static void a_right_password_is_verified_once(void **state)
{
    (void)state;
    for (int i = 0; i < 5; i++)
        assert_int_equal(verify("10.0.0.1", "u", "right"), LOGINS_RIGHT);
    assert_int_equal(verify("10.9.9.9", "u", "right"), LOGINS_RIGHT);
    assert_int_equal(bcrypt_count(), 1);
}

static void what_is_remembered_is_one_user_with_one_password_and_one_entry(void **state)
{
    char hash[BCRYPT_SIZE];
    struct error err = ERROR_INIT;

    (void)state;
    assert_int_equal(verify("10.0.0.1", "u", "right"), LOGINS_RIGHT);
    assert_int_equal(verify("10.0.0.1", "v", "right"), LOGINS_RIGHT);
    assert_int_equal(bcrypt_count(), 2);
    assert_int_equal(verify("10.0.0.1", "u", "right "), LOGINS_WRONG);
    assert_int_equal(verify("10.0.0.1", "ur", "ight"), LOGINS_WRONG);
    assert_int_equal(bcrypt_make('y', 4, SPAN("other"), hash, &err), 0);
    str_reset(&user.entry);
    str_append_text(&user.entry, hash);
    assert_int_equal(verify("10.0.0.1", "u", "right"), LOGINS_WRONG);
    assert_int_equal(verify("10.0.0.1", "u", "other"), LOGINS_RIGHT);
}

static void a_wrong_password_is_remembered_for_a_while(void **state)
{
    (void)state;
    for (int i = 0; i < 100; i++)
        assert_int_equal(verify("10.0.0.1", "u", "wrong"), LOGINS_WRONG);
    assert_int_equal(bcrypt_count(), 1);
    clockwork_pass(LOGINS_WRONG_MS);
    assert_int_equal(verify("10.0.0.1", "u", "wrong"), LOGINS_WRONG);
    assert_int_equal(bcrypt_count(), 1);
}

static void requests_that_come_together_share_one_verification(void **state)
{
    struct client clients[16];

    (void)state;
    for (size_t i = 0; i < array_count(clients); i++)
        come(&clients[i], "10.0.0.1", "u", "right");
    loop_run();
    for (size_t i = 0; i < array_count(clients); i++) {
        assert_int_equal(clients[i].rc, 0);
        assert_int_equal(clients[i].verdict, LOGINS_RIGHT);
    }
    assert_int_equal(bcrypt_count(), 1);
}

static void an_unknown_user_costs_as_much_and_is_never_right(void **state)
{
    struct client client;

    (void)state;
    come(&client, "10.0.0.1", "x", "right");
    client.entry = &nobody;
    loop_run();
    assert_int_equal(client.verdict, LOGINS_WRONG);
    assert_int_equal(bcrypt_count(), 1);
    assert_int_equal(verify("10.0.0.1", "x", "right"), LOGINS_RIGHT); /* who exists now */
}

static void an_entry_that_is_not_bcrypt_is_as_good_as_none(void **state)
{
    static const char *const entries[] = {
        "", "right", "{SHA}AZ6wjqvSVzQ9iALcM2SZ/xEsVQg=", "$apr1$JP5oZryJ$PAd0rQ2WolPymqzByONmO1"};

    (void)state;
    for (size_t i = 0; i < array_count(entries); i++) {
        str_reset(&user.entry);
        str_append_text(&user.entry, entries[i]);
        assert_int_equal(verify("10.0.0.1", "u", "right"), LOGINS_WRONG);
    }
    assert_true(bcrypt_count() >= 1);
}

static void a_long_password_counts_up_to_72_bytes(void **state)
{
    char hash[BCRYPT_SIZE];
    char password[91];
    struct error err = ERROR_INIT;

    (void)state;
    memset(password, 'x', sizeof(password));
    assert_int_equal(bcrypt_make('y', 4, span_make(password, 72), hash, &err), 0);
    str_reset(&user.entry);
    str_append_text(&user.entry, hash);
    password[90] = '\0';
    assert_int_equal(verify("10.0.0.1", "u", password), LOGINS_RIGHT);
    password[72] = '\0';
    assert_int_equal(verify("10.0.0.1", "u", password), LOGINS_RIGHT);
    password[71] = '\0';
    assert_int_equal(verify("10.0.0.1", "u", password), LOGINS_WRONG);
}

/* ---- guessing ---- */

#define GUESS_MAX (ATTEMPTS_LIMIT + 20)

/* That many different wrong passwords at once; returns how many were looked at. */
static int guess_some(const char *address, const char *name, const char *what, size_t count)
{
    struct client clients[GUESS_MAX];
    int looked_at = 0;

    for (size_t i = 0; i < count; i++) {
        char password[32];

        snprintf(password, sizeof(password), "%s %zu", what, i);
        come(&clients[i], address, name, password);
    }
    loop_run();
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(clients[i].rc, 0);
        looked_at += clients[i].verdict == LOGINS_WRONG;
        if (clients[i].verdict == LOGINS_SLOWED)
            assert_true(clients[i].retry_after_s > 0);
    }
    return looked_at;
}

static int guess(const char *address, const char *name)
{
    return guess_some(address, name, "guess", GUESS_MAX);
}

static void who_guesses_is_slowed(void **state)
{
    (void)state;
    assert_in_range(guess("10.0.0.1", "u"), ATTEMPTS_LIMIT, ATTEMPTS_LIMIT + 2);
    assert_in_range(bcrypt_count(), ATTEMPTS_LIMIT, ATTEMPTS_LIMIT + 2);
    assert_int_equal(verify("10.0.0.1", "u", "one more"), LOGINS_SLOWED);
    assert_int_equal(verify("10.0.0.1", "u", "right"), LOGINS_SLOWED);
    assert_true(clockwork_slept_ms() > 0);
}

static void who_waits_may_try_again(void **state)
{
    (void)state;
    guess("10.0.0.1", "u");
    assert_int_equal(verify("10.0.0.1", "u", "right"), LOGINS_SLOWED);
    clockwork_pass(3 * ATTEMPTS_PERIOD_MS);
    assert_int_equal(verify("10.0.0.1", "u", "right"), LOGINS_RIGHT);
}

static void who_is_remembered_is_never_slowed(void **state)
{
    (void)state;
    assert_int_equal(verify("10.0.0.1", "u", "right"), LOGINS_RIGHT);
    guess("10.0.0.1", "u");
    assert_int_equal(verify("10.0.0.1", "u", "one more"), LOGINS_SLOWED);
    assert_int_equal(verify("10.0.0.1", "u", "right"), LOGINS_RIGHT);
}

static void other_users_and_other_addresses_are_not_slowed(void **state)
{
    (void)state;
    guess("10.0.0.1", "u");
    assert_int_equal(verify("10.0.0.1", "v", "right"), LOGINS_RIGHT);
    assert_int_equal(verify("10.0.0.2", "u", "right"), LOGINS_RIGHT);
}

static void one_network_of_ipv6_is_one_address(void **state)
{
    (void)state;
    guess("2001:db8::1", "u");
    assert_int_equal(verify("2001:db8::2:3", "u", "right"), LOGINS_SLOWED);
    assert_int_equal(verify("2001:db8:0:1::1", "u", "right"), LOGINS_RIGHT);
    guess("::ffff:10.0.0.1", "w"); /* of another user: wrong passwords are remembered */
    assert_int_equal(verify("10.0.0.1", "w", "new"), LOGINS_SLOWED);
}

static void a_login_ends_the_count(void **state)
{
    const int some = ATTEMPTS_LIMIT * 2 / 3;

    (void)state;
    assert_int_equal(guess_some("10.0.0.1", "u", "first", (size_t)some), some);
    assert_int_equal(verify("10.0.0.1", "u", "right"), LOGINS_RIGHT);
    assert_int_equal(guess_some("10.0.0.1", "u", "second", (size_t)some), some);
    assert_true(guess_some("10.0.0.1", "u", "third", (size_t)some) < some);
}

/* ---- leaving ---- */

static void cancel_main(void *arg)
{
    struct client *client = arg;
    struct error err = ERROR_INIT;

    (void)!task_sleep(0, &err);
    if (client->task != NULL)
        task_cancel(client->task);
}

static void who_leaves_does_not_take_the_others_along(void **state)
{
    struct client clients[8];

    (void)state;
    for (size_t i = 0; i < array_count(clients); i++) {
        come(&clients[i], "10.0.0.1", "u", "right");
        if (i < 4)
            task_spawn("cancel", cancel_main, &clients[i]);
    }
    loop_run();
    for (size_t i = 0; i < array_count(clients); i++) {
        if (i < 4)
            assert_int_equal(clients[i].err.code, ERROR_CANCELED);
        else
            assert_int_equal(clients[i].verdict, LOGINS_RIGHT);
    }
    assert_int_equal(bcrypt_count(), 1);
}

static void nobody_verifies_for_those_who_left_the_line(void **state)
{
    struct client clients[40];

    (void)state;
    for (size_t i = 0; i < array_count(clients); i++) {
        char name[16];

        snprintf(name, sizeof(name), "u%zu", i);
        come(&clients[i], "10.0.0.1", name, "wrong");
    }
    for (size_t i = 0; i < array_count(clients); i++)
        task_spawn("cancel", cancel_main, &clients[i]);
    loop_run();
    assert_in_range(bcrypt_count(), 0, 10); /* those whose turn came before they left */
    assert_int_equal(verify("10.0.0.1", "u", "right"), LOGINS_RIGHT);
}

static void who_comes_back_to_a_line_he_left_is_served(void **state)
{
    struct client busy[LOGINS_AT_ONCE];
    struct client first;
    struct client second;

    (void)state;
    for (size_t i = 0; i < array_count(busy); i++) {
        char name[16];

        snprintf(name, sizeof(name), "busy%zu", i);
        come(&busy[i], "10.0.0.1", name, "right");
    }
    come(&first, "10.0.0.1", "u", "right");
    task_spawn("cancel", cancel_main, &first);
    come(&second, "10.0.0.1", "u", "right");
    task_spawn("cancel", cancel_main, &second);
    loop_run();
    assert_int_equal(verify("10.0.0.1", "u", "right"), LOGINS_RIGHT);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_right_password_is_verified_once),
        TEST(what_is_remembered_is_one_user_with_one_password_and_one_entry),
        TEST(a_wrong_password_is_remembered_for_a_while),
        TEST(requests_that_come_together_share_one_verification),
        TEST(an_unknown_user_costs_as_much_and_is_never_right),
        TEST(an_entry_that_is_not_bcrypt_is_as_good_as_none),
        TEST(a_long_password_counts_up_to_72_bytes),
        TEST(who_guesses_is_slowed),
        TEST(who_waits_may_try_again),
        TEST(who_is_remembered_is_never_slowed),
        TEST(other_users_and_other_addresses_are_not_slowed),
        TEST(one_network_of_ipv6_is_one_address),
        TEST(a_login_ends_the_count),
        TEST(who_leaves_does_not_take_the_others_along),
        TEST(nobody_verifies_for_those_who_left_the_line),
        TEST(who_comes_back_to_a_line_he_left_is_served),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
