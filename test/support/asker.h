/* SPDX-License-Identifier: Apache-2.0
 *
 * asker - what tests of the client have in common: a loop, a client, an origin that answers
 * what the test says, and names that exist on this machine only.
 *
 * getaddrinfo is the asker's: a.test and b.test are 127.0.0.1, slow.test is looked up until the
 * client has been freed, and no other name exists. Nothing leaves the machine.
 */
#pragma once

#include "lib/client/client.h"
#include "lib/task/task.h"
#include "test/support/origin.h"

extern struct client *asker_client; /* of the running test */
extern struct origin *asker_origin;

/* Test code, in a task. */
typedef void asker_cb(void *arg);

struct asker {
    struct client_options options; /* of asker_client */
    origin_cb *handler;            /* of asker_origin; NULL: none */
    void *handler_arg;
    const struct origin_tls *tls; /* of asker_origin */
};

/* Opens all, runs @body in a task until every task has ended, and closes all. */
void asker_run(const struct asker *asker, asker_cb *body, void *arg);

/* "<scheme>://<host>:<port of asker_origin><path>"; static, overwritten by the eighth call after.
 */
const char *asker_url(const char *scheme, const char *host, const char *path);

/* Threads that look up slow.test now. */
unsigned asker_lookups(void);

/* The result of a client_do. Given: asker_result_fini. */
struct asker_result {
    int rc;
    int status;
    struct str body;
    struct error err;
};

void asker_result_fini(struct asker_result *result);
#define auto_result __attribute__((cleanup(asker_result_fini))) struct asker_result

struct asker_result asker_do(const struct client_call *call);
struct asker_result asker_get(const char *path); /* http, 127.0.0.1, no retries */

/* PEM files in a temporary directory, made once per process and removed at its end: an authority,
 * a certificate of it for localhost, a.test and 127.0.0.1, one for other.test, one for a client,
 * and an authority nobody knows. Each key is in the same file as its certificate. */
struct asker_pems {
    char ca[128];
    char server[128];
    char other[128];
    char client[128];
    char foreign_ca[128];
};
const struct asker_pems *asker_pems(void);

/* ---- macros of the tests; after cmocka.h ---- */

/* A test whose body runs in a task, against an origin that runs @answers. */
#define ASKER_TEST(name, answers)                                                                  \
    static void name##_body(void *arg);                                                            \
    static void name(void **state)                                                                 \
    {                                                                                              \
        (void)state;                                                                               \
        asker_run(&(struct asker){.handler = answers}, name##_body, NULL);                         \
    }                                                                                              \
    static void name##_body(__attribute__((unused)) void *arg)

#define assert_whole(result, expected_status, expected_body)                                       \
    do {                                                                                           \
        if ((result)->rc < 0)                                                                      \
            fail_msg("%s: %s", error_code_name((result)->err.code), (result)->err.message);        \
        assert_int_equal((result)->status, expected_status);                                       \
        assert_string_equal(str_text(&(result)->body), expected_body);                             \
    } while (0)

#define assert_error(result, expected)                                                             \
    do {                                                                                           \
        assert_int_equal((result)->rc, -1);                                                        \
        assert_string_equal(error_code_name((result)->err.code), error_code_name(expected));       \
    } while (0)
