/* SPDX-License-Identifier: Apache-2.0
 *
 * rig - a registry on a fresh storage, for tests of lib/registry: runs test code as a task, and
 * looks over the whole storage afterwards.
 */
#pragma once

#include "lib/oci/digest.h"
#include "lib/registry/registry.h"

typedef void rig_cb(struct registry *registry, void *arg);

/* Setup and teardown of a cmocka test: a fresh registry, on the trial driver around the inmemory
 * driver or, after rig_use, another; that gets a new temporary directory as its root. */
int rig_open(void **state);
int rig_close(void **state);
void rig_use(const struct storage_driver *driver);

struct registry *rig_registry(void); /* lent until rig_close */
const char *rig_root(void);          /* the directory of a driver that has one; likewise */

/* Runs @body as a task, and the loop until it and all it started have ended. */
void rig_run(rig_cb *body, void *arg);

/* Content of a key as text, "" when there is none (then also *out_found is false; may be NULL).
 * Given: free. In a task. */
char *rig_get(const char *key, bool *out_found);
void rig_put(const char *key, struct span content);
bool rig_has(const char *key);
void rig_remove(const char *key);

/* Content in place, and linked in @repository unless that is NULL. In a task. */
struct digest rig_put_blob(const char *repository, struct span content);

/* "sha256:..." as a digest, and a digest as text (static, overwritten by the fourth call after). */
struct digest rig_digest(const char *text);
const char *rig_text(const struct digest *digest);

/*
 * Fails the test unless the whole storage is sound: content is what its key says, no link names
 * what is not there, a tag's revision and index entry exist, a repository with manifests has
 * `_layers`, an upload has `startedat`, a hash state of the data's size is that of the data. In a
 * task. Returns the number of keys.
 */
size_t rig_check(void);

/* ---- macros of the tests; after cmocka.h ---- */

extern struct error rig_error; /* the @err of what is expected to work, or to fail in one way */

#define assert_ok(expression)                                                                      \
    do {                                                                                           \
        rig_error = ERROR_INIT;                                                                    \
        if ((expression) < 0)                                                                      \
            fail_msg("%s: %s", error_code_name(rig_error.code), rig_error.message);                \
    } while (0)

#define assert_fails(expression, expected)                                                         \
    do {                                                                                           \
        rig_error = ERROR_INIT;                                                                    \
        assert_int_equal((expression), -1);                                                        \
        assert_string_equal(error_code_name(rig_error.code), error_code_name(expected));           \
    } while (0)

/* A test whose body runs as a task, with `registry`. */
#define RIG_TEST(name)                                                                             \
    static void name##_body(struct registry *registry, void *arg);                                 \
    static void name(void **state)                                                                 \
    {                                                                                              \
        (void)state;                                                                               \
        rig_run(name##_body, NULL);                                                                \
    }                                                                                              \
    static void name##_body(__attribute__((unused)) struct registry *registry,                     \
                            __attribute__((unused)) void *arg)

#define RIG_RUN(name) cmocka_unit_test_setup_teardown(name, rig_open, rig_close)
