/* SPDX-License-Identifier: Apache-2.0
 *
 * suite - one set of cases, run on every storage driver, bare and behind trial_driver (where every
 * call is a wait). A case runs as a task on a fresh storage; afterwards no task, no descriptor and
 * no temporary file may be left.
 */
#pragma once

#include "lib/storage/store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

typedef void suite_case_cb(struct store *store);

struct suite_case {
    const char *name; /* says the behaviour */
    suite_case_cb *run;
};

#define SUITE_CASE(function)                                                                       \
    {                                                                                              \
#function, function                                                                        \
    }

/* Each ends with a row of NULLs. */
extern const struct suite_case content_cases[];
extern const struct suite_case tree_cases[];
extern const struct suite_case stream_cases[];
extern const struct suite_case interruption_cases[];
extern const struct suite_case filesystem_cases[]; /* the bare filesystem only */
extern const struct suite_case s3_cases[];         /* the bare s3 only */
extern const struct suite_case s3_upload_cases[];  /* likewise */

/* ---- what cases are made of; all may suspend ---- */

const char *suite_root(void); /* the temporary directory of the running case */
bool is_suite_wrapped(void);  /* behind trial_driver */
const char *suite_driver_name(void);

/* How long a case waits for what must come: a service on a busy machine is slow. */
#define SUITE_PATIENCE_MS (5 * 60 * 1000)

/* On a service elsewhere that knows objects only: a key may be both content and directory, helpers
 * and descriptors are no measure of what goes on, and what is not committed is not listed. */
bool is_suite_remote(void);

/* Ends a session after its commit: nothing is left of @directory. */
void expect_session_ends(struct store *store, const char *directory);

void expect_put(struct store *store, const char *key, const char *text);
void expect_content(struct store *store, const char *key, const char *text);
void expect_missing(struct store *store, const char *key);
bool has_content(struct store *store, const char *key, const char *text);

/* Names with a blank behind each: "a b c ". */
void expect_list(struct store *store, const char *key, const char *names);

/* @len bytes that depend on the position and on @seed. Given: free. */
char *make_bytes(size_t len, unsigned seed);

/* Appends @len bytes in one write. */
int write_bytes(struct storage_writer *writer, const void *data, size_t len, struct error *err);

/* An open writer. */
struct storage_writer *expect_writer(struct store *store, const char *key,
                                     enum storage_writer_mode mode);

/* As they come from clients: a write for each 256 KiB. */
void expect_write_in_pieces(struct storage_writer *writer, const char *data, size_t len);

/* Commits and closes. */
void expect_commit(struct storage_writer *writer, const char *to);

/* All of it through a reader, from @offset. */
void expect_stream(struct store *store, const char *key, int64_t offset, const char *data,
                   size_t len);

size_t count_descriptors(void);
void expect_descriptors(size_t count); /* but for connections that wait for more to do */

/* How many files below the case's root match ".*.tmp". */
size_t count_temporaries(void);
