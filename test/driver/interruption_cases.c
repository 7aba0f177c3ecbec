/* SPDX-License-Identifier: Apache-2.0
 *
 * interruption_cases - whatever is interrupted has happened or has not, leaves no descriptor and no
 * temporary file (suite.c looks), and can be repeated.
 *
 * Three ways: behind trial_driver the Nth call fails or is canceled; a second task cancels after N
 * turns of the loop, while a helper is at work; or while all helpers are busy, before one begins.
 */
#include "lib/base/memory.h"
#include "lib/task/offload.h"
#include "lib/task/task.h"
#include "test/driver/suite.h"
#include "test/support/trial.h"

#include <event2/buffer.h>
#include <semaphore.h>
#include <string.h>

#include "lib/base/banned.h"

/* Something to interrupt: from a state to another. */
struct operation {
    const char *name;
    void (*prepare)(struct store *store);
    int (*run)(struct store *store, struct error *err);
    bool (*is_before)(struct store *store); /* as prepared, or on the way in a way that may show */
    bool (*is_after)(struct store *store);
};

/* ---- the operations ---- */

static bool is_nothing(struct store *store, const char *key)
{
    struct storage_stat stat;
    struct error err = ERROR_INIT;

    return store_stat(store, key, &stat, &err) < 0 && err.code == ERROR_NOT_FOUND;
}

static void prepare_nothing(struct store *store)
{
    (void)store;
}

static void prepare_old(struct store *store)
{
    expect_put(store, "/i/old", "old");
}

static int run_put(struct store *store, struct error *err)
{
    return store_put(store, "/i/old", SPAN("new content"), err);
}

static bool is_old_missing(struct store *store)
{
    return is_nothing(store, "/i/old");
}

static bool is_old(struct store *store)
{
    return has_content(store, "/i/old", "old");
}

static bool is_new(struct store *store)
{
    return has_content(store, "/i/old", "new content");
}

static int run_remove(struct store *store, struct error *err)
{
    return store_remove(store, "/i/old", err);
}

static int run_looks(struct store *store, struct error *err)
{
    auto_storage_list list = {0};
    auto_str content = STR_INIT(100);
    struct storage_stat stat;

    if (store_list(store, "/i", &list, err) < 0 || store_stat(store, "/i/old", &stat, err) < 0 ||
        store_get(store, "/i/old", &content, err) < 0)
        return -1;
    assert_string_equal(str_text(&content), "old");
    assert_string_equal(list.names[0], "old");
    return 0;
}

static int run_reader(struct store *store, struct error *err)
{
    struct evbuffer *buffer = evbuffer_new();
    struct storage_reader *reader = NULL;
    int rc = store_reader_open(store, "/i/old", 0, &reader, err);

    if (rc == 0)
        while ((rc = store_reader_read(reader, buffer, 2, err)) == 1)
            ;
    if (rc == 0)
        assert_memory_equal(evbuffer_pullup(buffer, -1), "old", 3);
    store_reader_close(reader);
    evbuffer_free(buffer);
    return rc;
}

/* A session that was left behind is taken up again, as an upload would be. */
static int run_writer(struct store *store, struct error *err)
{
    enum storage_writer_mode mode =
        is_nothing(store, "/i/up/data") ? STORAGE_WRITER_CREATE : STORAGE_WRITER_APPEND;
    struct storage_writer *writer = NULL;
    int rc = store_writer_open(store, "/i/up/data", mode, &writer, err);

    if (rc == 0)
        assert_int_equal(writer->size % 5, 0);
    while (rc == 0 && writer->size < 15)
        rc = write_bytes(writer, "12345", 5, err);
    if (rc == 0)
        rc = store_writer_flush(writer, err);
    if (rc == 0)
        rc = store_writer_commit(writer, "/i/blob/data", err);
    store_writer_close(writer);
    return rc;
}

static bool is_session(struct store *store)
{
    if (!is_nothing(store, "/i/blob/data"))
        return false;
    return is_nothing(store, "/i/up/data") || has_content(store, "/i/up/data", "") ||
           has_content(store, "/i/up/data", "12345") ||
           has_content(store, "/i/up/data", "1234512345") ||
           has_content(store, "/i/up/data", "123451234512345");
}

/* What a commit leaves at the writer's key goes with the directory. */
static bool is_committed(struct store *store)
{
    struct error ignored = ERROR_INIT;

    if (has_content(store, "/i/blob/data", "123451234512345"))
        (void)!store_remove(store, "/i/up", &ignored);
    return is_nothing(store, "/i/up/data") && has_content(store, "/i/blob/data", "123451234512345");
}

static const struct operation operations[] = {
    {"put", prepare_nothing, run_put, is_old_missing, is_new},
    {"replace", prepare_old, run_put, is_old, is_new},
    {"remove", prepare_old, run_remove, is_old, is_old_missing},
    {"look", prepare_old, run_looks, is_old, is_old},
    {"read", prepare_old, run_reader, is_old, is_old},
    {"write", prepare_nothing, run_writer, is_session, is_committed},
};

/* ---- each one interrupted ---- */

static void clear(struct store *store)
{
    struct error err = ERROR_INIT;

    if (store_remove(store, "/i", &err) < 0)
        assert_int_equal(err.code, ERROR_NOT_FOUND);
}

/* After an interruption: all or nothing; repeated, it succeeds. */
static void check_and_repeat(struct store *store, const struct operation *operation, int rc)
{
    struct error err = ERROR_INIT;

    if (rc == 0 ? !operation->is_after(store)
                : !operation->is_before(store) && !operation->is_after(store))
        fail_msg("%s: neither done nor undone", operation->name);
    if (rc == 0 || !operation->is_before(store))
        return;
    if (operation->run(store, &err) < 0)
        fail_msg("%s, repeated: %s", operation->name, err.message);
    assert_true(operation->is_after(store));
}

struct victim {
    struct store *store;
    const struct operation *operation;
    struct task *task;
    struct task_wait ended;
    struct error err;
    int result;
    size_t descriptors;
};

static void victim_main(void *arg)
{
    struct victim *victim = arg;

    victim->result = victim->operation->run(victim->store, &victim->err);
    victim->task = NULL;
    task_wake(&victim->ended);
}

static void victim_begin(struct victim *victim, struct store *store,
                         const struct operation *operation)
{
    *victim = (struct victim){.store = store, .operation = operation};
    clear(store);
    operation->prepare(store);
    victim->descriptors = count_descriptors();
    victim->task = task_spawn("victim", victim_main, victim);
}

static void victim_end(struct victim *victim)
{
    struct error err = ERROR_INIT;

    assert_int_equal(task_wait(&victim->ended, SUITE_PATIENCE_MS, &err), 0);
    expect_descriptors(victim->descriptors);
    trial_arm(TRIAL_NONE, 0);
    check_and_repeat(victim->store, victim->operation, victim->result);
}

static void run_trials(struct store *store, const struct operation *operation,
                       enum trial_fault fault)
{
    bool fired = true;

    for (unsigned nth = 1; fired; nth++) {
        struct victim victim;

        victim_begin(&victim, store, operation);
        trial_arm(fault, nth);
        assert_int_equal(task_wait(&victim.ended, SUITE_PATIENCE_MS, &victim.err), 0);
        fired = has_trial_fired();
        assert_int_equal(victim.result, fired && victim.result < 0 ? -1 : 0);
        task_wake(&victim.ended);
        victim_end(&victim);
        assert_true(nth < 100);
    }
}

/* Without trial_driver nothing would go wrong. */
static void each_call_may_fail_or_be_canceled(struct store *store)
{
    if (!is_suite_wrapped())
        return;
    for (size_t i = 0; i < array_count(operations); i++) {
        for (enum trial_fault fault = TRIAL_FAIL_BEFORE; fault <= TRIAL_CANCEL_AFTER; fault++)
            run_trials(store, &operations[i], fault);
    }
    clear(store);
}

static void each_operation_may_be_canceled_at_any_turn(struct store *store)
{
    struct error err = ERROR_INIT;

    for (size_t i = 0; i < array_count(operations); i++) {
        for (int turns = 0; turns < 40; turns++) {
            struct victim victim;

            victim_begin(&victim, store, &operations[i]);
            for (int turn = 0; turn < turns && victim.task != NULL; turn++)
                assert_int_equal(task_sleep(turn % 4 == 3 ? 1 : 0, &err), 0);
            if (victim.task != NULL)
                task_cancel(victim.task);
            victim_end(&victim);
        }
    }
    clear(store);
}

/* ---- while no helper is free ---- */

struct blocker {
    sem_t *begun;
    sem_t *released;
    struct task_wait ended;
};

static int block(void *arg, struct error *err)
{
    struct blocker *blocker = arg;

    (void)err;
    sem_post(blocker->begun);
    sem_wait(blocker->released);
    return 0;
}

static void blocker_main(void *arg)
{
    struct blocker *blocker = arg;
    struct error err = ERROR_INIT;

    assert_int_equal(offload(block, blocker, &err), 0);
    task_wake(&blocker->ended);
}

#define HELPERS 2 /* those of suite.c */

/* Every helper there is, held by a task that waits for it. */
struct blockade {
    struct blocker blockers[HELPERS];
    sem_t begun;
    sem_t released;
};

static void blockade_begin(struct blockade *blockade)
{
    struct error err = ERROR_INIT;

    sem_init(&blockade->begun, 0, 0);
    sem_init(&blockade->released, 0, 0);
    for (size_t i = 0; i < HELPERS; i++) {
        blockade->blockers[i] =
            (struct blocker){.begun = &blockade->begun, .released = &blockade->released};
        task_spawn("blocker", blocker_main, &blockade->blockers[i]);
    }
    assert_int_equal(task_sleep(0, &err), 0);
    for (size_t i = 0; i < HELPERS; i++)
        sem_wait(&blockade->begun);
}

static void blockade_end(struct blockade *blockade)
{
    struct error err = ERROR_INIT;

    for (size_t i = 0; i < HELPERS; i++)
        sem_post(&blockade->released);
    for (size_t i = 0; i < HELPERS; i++)
        assert_int_equal(task_wait(&blockade->blockers[i].ended, SUITE_PATIENCE_MS, &err), 0);
    sem_destroy(&blockade->begun);
    sem_destroy(&blockade->released);
}

/* Starts the operation and gives it up some turns of the loop later; none is needed where the
 * kernel had all of it in memory. */
static void begin_and_cancel(struct victim *victim)
{
    struct error err = ERROR_INIT;

    victim->task = task_spawn("victim", victim_main, victim);
    for (int turn = 0; turn < 5 && victim->task != NULL; turn++)
        assert_int_equal(task_sleep(0, &err), 0);
    if (victim->task == NULL)
        return;
    task_cancel(victim->task);
    assert_int_equal(task_wait(&victim->ended, SUITE_PATIENCE_MS, &err), 0);
    assert_int_equal(victim->result, -1);
    assert_int_equal(victim->err.code, ERROR_CANCELED);
    task_wake(&victim->ended);
}

static void an_operation_no_helper_has_begun_is_taken_back(struct store *store)
{
    if (is_suite_remote())
        return;
    for (size_t i = 0; i < array_count(operations); i++) {
        struct victim victim = {.store = store};
        struct blockade blockade;

        clear(store);
        operations[i].prepare(store);
        blockade_begin(&blockade);
        victim.operation = &operations[i];
        victim.descriptors = count_descriptors();
        begin_and_cancel(&victim);
        blockade_end(&blockade);
        victim_end(&victim);
    }
    clear(store);
}

/* A canceled task can still let go of what it holds. */
static void canceled_main(void *arg)
{
    struct victim *victim = arg;
    struct storage_writer *writer = NULL;
    struct storage_reader *reader = NULL;
    struct error err = ERROR_INIT;

    assert_int_equal(
        store_writer_open(victim->store, "/i/up/data", STORAGE_WRITER_CREATE, &writer, &err), 0);
    assert_int_equal(write_bytes(writer, "12345", 5, &err), 0);
    assert_int_equal(store_reader_open(victim->store, "/i/up/data", 0, &reader, &err), 0);
    task_cancel(task_self());
    if (write_bytes(writer, "67890", 5, &err) < 0)
        assert_int_equal(err.code, ERROR_CANCELED);
    store_reader_close(reader);
    store_writer_close(writer);
    task_wake(&victim->ended);
}

static void a_canceled_task_closes_its_writer(struct store *store)
{
    struct victim victim = {.store = store};
    struct storage_writer *writer = NULL;
    struct error err = ERROR_INIT;
    size_t descriptors = count_descriptors();

    task_spawn("canceled", canceled_main, &victim);
    assert_int_equal(task_wait(&victim.ended, SUITE_PATIENCE_MS, &err), 0);
    expect_descriptors(descriptors);
    assert_int_equal(store_writer_open(store, "/i/up/data", STORAGE_WRITER_APPEND, &writer, &err),
                     0);
    assert_int_equal(writer->size % 5, 0);
    store_writer_close(writer);
}

const struct suite_case interruption_cases[] = {
    SUITE_CASE(each_call_may_fail_or_be_canceled),
    SUITE_CASE(each_operation_may_be_canceled_at_any_turn),
    SUITE_CASE(an_operation_no_helper_has_begun_is_taken_back),
    SUITE_CASE(a_canceled_task_closes_its_writer),
    {NULL, NULL},
};
