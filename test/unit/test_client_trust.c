/* SPDX-License-Identifier: Apache-2.0
 *
 * Authorities that change while we run: when they are read again, what a broken file does, and who
 * waits for the reading.
 */
#include "lib/client/client.h"
#include "lib/client/trust.h"
#include "lib/task/loop.h"
#include "test/support/asker.h"

#include <dlfcn.h>
#include <openssl/pem.h>
#include <pthread.h>
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

/* ---- readings, held where a test wants them ---- */

static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool is_held;
    unsigned begun;
} readings = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false, 0};

typedef STACK_OF(X509_INFO) *
    read_cb(BIO *bio, STACK_OF(X509_INFO) * infos, pem_password_cb *callback, void *arg);

/* In the place of libcrypto's, which it calls. */
STACK_OF(X509_INFO) * PEM_X509_INFO_read_bio(BIO *bio, STACK_OF(X509_INFO) * infos,
                                             pem_password_cb *callback, void *arg)
{
    void *real = dlsym(RTLD_NEXT, "PEM_X509_INFO_read_bio");
    read_cb *call;

    memcpy(&call, &real, sizeof(call));
    pthread_mutex_lock(&readings.lock);
    readings.begun++;
    pthread_cond_broadcast(&readings.changed);
    while (readings.is_held)
        pthread_cond_wait(&readings.changed, &readings.lock);
    pthread_mutex_unlock(&readings.lock);
    return call(bio, infos, callback, arg);
}

static void hold_readings(bool is_held)
{
    pthread_mutex_lock(&readings.lock);
    readings.is_held = is_held;
    pthread_cond_broadcast(&readings.changed);
    pthread_mutex_unlock(&readings.lock);
}

static unsigned readings_begun(void)
{
    unsigned begun;

    pthread_mutex_lock(&readings.lock);
    begun = readings.begun;
    pthread_mutex_unlock(&readings.lock);
    return begun;
}

/* ---- files ---- */

static char folder[64];
static char bundle[96];

static int setup(void **state)
{
    struct error err = ERROR_INIT;

    (void)state;
    readings.begun = 0;
    snprintf(folder, sizeof(folder), "/tmp/kist-trust-XXXXXX");
    if (mkdtemp(folder) == NULL)
        return -1;
    snprintf(bundle, sizeof(bundle), "%s/bundle.pem", folder);
    return loop_open(1, &err);
}

static int teardown(void **state)
{
    (void)state;
    loop_close();
    unlink(bundle);
    return rmdir(folder);
}

/* As rotation does it: a new file under the old name. */
static void put(const char *content, size_t len)
{
    char aside[128];
    FILE *file;

    snprintf(aside, sizeof(aside), "%s.new", bundle);
    file = fopen(aside, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(content, 1, len, file), len);
    fclose(file);
    assert_int_equal(rename(aside, bundle), 0);
}

/* The first @max bytes of @from. */
static void put_copy(const char *from, size_t max)
{
    char content[16384];
    FILE *file = fopen(from, "r");
    size_t len;

    assert_non_null(file);
    len = fread(content, 1, sizeof(content), file);
    fclose(file);
    put(content, len < max ? len : max);
}

/* ---- loading ---- */

struct load {
    struct trust *trust;
    int rc;
    struct error err;
    bool is_ended;
};

static void load_main(void *arg)
{
    struct load *load = arg;

    load->err = ERROR_INIT;
    load->rc = trust_load(load->trust, &load->err);
    load->is_ended = true;
}

/* As a call would; whether there is a store then. */
static int load_now(struct trust *trust)
{
    struct load load = {.trust = trust};

    task_spawn("load", load_main, &load);
    loop_run();
    assert_true(load.is_ended);
    return load.rc;
}

static bool believes(const struct trust *trust, const char *pem)
{
    FILE *file = fopen(pem, "r");
    X509 *certificate = PEM_read_X509(file, NULL, NULL, NULL);
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    bool is_believed;

    assert_non_null(certificate);
    X509_STORE_CTX_init(ctx, trust->store, certificate, NULL);
    is_believed = X509_verify_cert(ctx) == 1;
    X509_STORE_CTX_free(ctx);
    X509_free(certificate);
    fclose(file);
    return is_believed;
}

/* One that looks at each load. */
static void open_trust(struct trust *trust, const char *ca_file)
{
    trust_init(trust, ca_file);
    trust->look_ms = 0;
}

static void authorities_that_were_replaced_count(void **state)
{
    struct trust trust;

    (void)state;
    open_trust(&trust, bundle);
    put_copy(asker_pems()->foreign_ca, SIZE_MAX);
    assert_int_equal(load_now(&trust), 0);
    assert_false(believes(&trust, asker_pems()->server));
    put_copy(asker_pems()->ca, SIZE_MAX);
    assert_int_equal(load_now(&trust), 0);
    assert_true(believes(&trust, asker_pems()->server));
    put_copy(asker_pems()->foreign_ca, SIZE_MAX);
    assert_int_equal(load_now(&trust), 0);
    assert_false(believes(&trust, asker_pems()->server));
    trust_fini(&trust);
}

static void authorities_that_stay_are_read_once(void **state)
{
    struct trust trust;

    (void)state;
    open_trust(&trust, bundle);
    put_copy(asker_pems()->ca, SIZE_MAX);
    for (int i = 0; i < 10; i++) {
        assert_int_equal(load_now(&trust), 0);
        assert_int_equal(readings_begun(), 1);
    }
    trust_fini(&trust);
}

static void nobody_looks_while_a_look_is_young(void **state)
{
    struct trust trust;

    (void)state;
    open_trust(&trust, bundle);
    trust.look_ms = 3600 * 1000;
    put_copy(asker_pems()->ca, SIZE_MAX);
    assert_int_equal(load_now(&trust), 0);
    put_copy(asker_pems()->foreign_ca, SIZE_MAX);
    assert_int_equal(load_now(&trust), 0);
    assert_true(believes(&trust, asker_pems()->server));
    assert_int_equal(readings_begun(), 1);
    trust_fini(&trust);
}

static void a_new_file_of_a_directory_counts(void **state)
{
    struct trust trust;

    (void)state;
    setenv("SSL_CERT_FILE", asker_pems()->foreign_ca, 1);
    setenv("SSL_CERT_DIR", folder, 1);
    open_trust(&trust, NULL);
    assert_int_equal(load_now(&trust), 0);
    assert_false(believes(&trust, asker_pems()->server));
    put_copy(asker_pems()->ca, SIZE_MAX);
    assert_int_equal(load_now(&trust), 0);
    assert_true(believes(&trust, asker_pems()->server));
    unlink(bundle);
    assert_int_equal(load_now(&trust), 0);
    assert_false(believes(&trust, asker_pems()->server));
    trust_fini(&trust);
    unsetenv("SSL_CERT_FILE");
    unsetenv("SSL_CERT_DIR");
}

/* Gone, empty, of another kind, cut: the authorities stay, and what is whole again counts. */
static void files_that_are_broken_change_nothing(void **state)
{
    struct trust trust;

    (void)state;
    open_trust(&trust, bundle);
    put_copy(asker_pems()->ca, SIZE_MAX);
    assert_int_equal(load_now(&trust), 0);
    for (int i = 0; i < 4; i++) {
        if (i == 0)
            unlink(bundle);
        else if (i == 1)
            put("", 0);
        else if (i == 2)
            put("hello", 5);
        else
            put_copy(asker_pems()->foreign_ca, 300);
        assert_int_equal(load_now(&trust), 0);
        assert_true(believes(&trust, asker_pems()->server));
    }
    put_copy(asker_pems()->foreign_ca, SIZE_MAX);
    assert_int_equal(load_now(&trust), 0);
    assert_false(believes(&trust, asker_pems()->server));
    trust_fini(&trust);
}

/* Of two places one breaks: better both as they were than the other alone. What was broken from the
 * start is no reason to keep anything. */
static void a_place_that_breaks_does_not_take_the_others_down(void **state)
{
    struct trust trust;
    char places[256];

    (void)state;
    snprintf(places, sizeof(places), "/nowhere:%s", bundle);
    setenv("SSL_CERT_FILE", asker_pems()->foreign_ca, 1);
    setenv("SSL_CERT_DIR", places, 1);
    open_trust(&trust, NULL);
    put_copy(asker_pems()->ca, SIZE_MAX);
    assert_int_equal(load_now(&trust), 0);
    assert_true(believes(&trust, asker_pems()->server));
    put("hello", 5);
    assert_int_equal(load_now(&trust), 0);
    assert_true(believes(&trust, asker_pems()->server));
    put_copy(asker_pems()->foreign_ca, SIZE_MAX);
    assert_int_equal(load_now(&trust), 0);
    assert_false(believes(&trust, asker_pems()->server));
    trust_fini(&trust);
    unsetenv("SSL_CERT_FILE");
    unsetenv("SSL_CERT_DIR");
}

static void without_any_authority_each_load_tries_again(void **state)
{
    struct trust trust;
    struct load load;

    (void)state;
    open_trust(&trust, bundle);
    load = (struct load){.trust = &trust};
    for (int i = 0; i < 3; i++) {
        task_spawn("load", load_main, &load);
        loop_run();
        assert_int_equal(load.rc, -1);
        assert_int_equal(load.err.code, ERROR_INVALID);
        assert_non_null(strstr(load.err.message, bundle));
    }
    put_copy(asker_pems()->ca, SIZE_MAX);
    assert_int_equal(load_now(&trust), 0);
    trust_fini(&trust);
}

/* ---- who waits ---- */

static void rest_until_reading(void)
{
    struct error err = ERROR_INIT;

    while (readings_begun() == 0)
        assert_int_equal(task_sleep(1, &err), 0);
}

static void rest_until_ended(const struct load *load)
{
    struct error err = ERROR_INIT;

    while (!load->is_ended)
        assert_int_equal(task_sleep(1, &err), 0);
}

/* In a task, with a trust that has read nothing and whose first reading is held. */
static void run_first_reading(task_main_cb *body)
{
    struct trust trust;

    open_trust(&trust, bundle);
    put_copy(asker_pems()->ca, SIZE_MAX);
    hold_readings(true);
    task_spawn("test", body, &trust);
    loop_run();
    assert_int_equal(task_count(), 0);
    trust_fini(&trust);
}

/* Two want the authorities; one is canceled while they are being read, and ends before they are. */
static void cancel_one_of_two(void *arg)
{
    struct load first = {.trust = arg}, second = {.trust = arg};
    struct task *victim = task_spawn("first", load_main, &first);

    task_spawn("second", load_main, &second);
    rest_until_reading();
    task_cancel(victim);
    rest_until_ended(&first);
    assert_int_equal(first.err.code, ERROR_CANCELED);
    assert_false(second.is_ended);
    hold_readings(false);
    rest_until_ended(&second);
    assert_int_equal(second.rc, 0);
    assert_int_equal(readings_begun(), 1);
}

static void who_is_canceled_does_not_wait_for_the_reading(void **state)
{
    (void)state;
    run_first_reading(cancel_one_of_two);
}

/* The only one is canceled: what it has begun is there for the next. */
static void cancel_the_only_one(void *arg)
{
    struct load first = {.trust = arg}, second = {.trust = arg};
    struct error err = ERROR_INIT;
    struct task *victim = task_spawn("first", load_main, &first);

    rest_until_reading();
    task_cancel(victim);
    rest_until_ended(&first);
    task_spawn("second", load_main, &second);
    assert_int_equal(task_sleep(0, &err), 0);
    hold_readings(false);
    rest_until_ended(&second);
    assert_int_equal(second.rc, 0);
    assert_int_equal(readings_begun(), 1);
}

static void a_reading_goes_on_without_who_began_it(void **state)
{
    (void)state;
    run_first_reading(cancel_the_only_one);
}

/* Read again: one waits, to be right; the others need not. */
static void load_during_a_look(void *arg)
{
    struct load first = {.trust = arg}, second = {.trust = arg};

    task_spawn("first", load_main, &first);
    rest_until_reading();
    task_spawn("second", load_main, &second);
    rest_until_ended(&second);
    assert_int_equal(second.rc, 0);
    assert_false(first.is_ended);
    hold_readings(false);
    rest_until_ended(&first);
    assert_int_equal(first.rc, 0);
}

static void calls_go_on_while_authorities_are_read_again(void **state)
{
    struct trust trust;

    (void)state;
    open_trust(&trust, bundle);
    put_copy(asker_pems()->ca, SIZE_MAX);
    assert_int_equal(load_now(&trust), 0);
    put_copy(asker_pems()->foreign_ca, SIZE_MAX);
    readings.begun = 0;
    hold_readings(true);
    task_spawn("test", load_during_a_look, &trust);
    loop_run();
    assert_false(believes(&trust, asker_pems()->server));
    trust_fini(&trust);
}

/* ---- calls ---- */

static void fine(struct origin_connection *c, const struct origin_request *request, void *arg)
{
    (void)request, (void)arg;
    origin_reply(c, 200, "Connection: close\r\n", "fine");
    origin_close(c);
}

/* Refused, until the look that is due finds the new authority. */
static void rotation_body(void *arg)
{
    struct client_call call = {.method = "GET", .url = asker_url("https", "127.0.0.1", "/")};
    auto_result before = asker_do(&call);
    bool is_trusted = false;

    (void)arg;
    assert_error(&before, ERROR_IO);
    put_copy(asker_pems()->ca, SIZE_MAX);
    while (!is_trusted) {
        struct error err = ERROR_INIT;
        auto_result result = asker_do(&call);

        is_trusted = result.rc == 0;
        assert_int_equal(task_sleep(10, &err), 0);
    }
}

static void calls_believe_in_a_new_authority(void **state)
{
    const struct origin_tls tls = {asker_pems()->server, asker_pems()->server, NULL};
    struct client_options options = {.ca_file = bundle};

    (void)state;
    loop_close(); /* asker_run has its own */
    put_copy(asker_pems()->foreign_ca, SIZE_MAX);
    asker_run(&(struct asker){.handler = fine, .tls = &tls, .options = options}, rotation_body,
              NULL);
    assert_int_equal(loop_open(1, &(struct error){0}), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(authorities_that_were_replaced_count),
        TEST(authorities_that_stay_are_read_once),
        TEST(nobody_looks_while_a_look_is_young),
        TEST(a_new_file_of_a_directory_counts),
        TEST(files_that_are_broken_change_nothing),
        TEST(a_place_that_breaks_does_not_take_the_others_down),
        TEST(without_any_authority_each_load_tries_again),
        TEST(who_is_canceled_does_not_wait_for_the_reading),
        TEST(a_reading_goes_on_without_who_began_it),
        TEST(calls_go_on_while_authorities_are_read_again),
        TEST(calls_believe_in_a_new_authority),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
