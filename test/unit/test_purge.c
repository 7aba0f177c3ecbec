/* SPDX-License-Identifier: Apache-2.0
 *
 * Purging: which sessions are old, what broken ones are, what is being written, what the driver
 * leaves behind, and that nothing else is touched.
 */
#include "drivers/drivers.h"
#include "lib/base/clock.h"
#include "lib/base/memory.h"
#include "lib/registry/purge_schedule.h"
#include "lib/registry/upload.h"
#include "lib/storage/layout.h"
#include "lib/task/task.h"
#include "test/support/rig.h"
#include "test/support/trial.h"

#include <event2/buffer.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/base/banned.h"

#define OLD    "11111111-1111-4111-8111-111111111111"
#define OTHER  "22222222-2222-4222-8222-222222222222"
#define LONG_S (168 * 3600)

static char root[256]; /* of the filesystem rig */

static int open_filesystem(void **state)
{
    rig_use(&filesystem_driver);
    return rig_open(state);
}

static int close_filesystem(void **state)
{
    int rc = rig_close(state);

    rig_use(&inmemory_driver);
    return rc;
}

#define ON_FILES(name) cmocka_unit_test_setup_teardown(name, open_filesystem, close_filesystem)

static struct timespec ago(time_t seconds)
{
    struct timespec at = clock_now();

    at.tv_sec -= seconds;
    return at;
}

/* A session that began @seconds ago, with some bytes. */
static void put_session(const char *repository, const char *uuid, time_t seconds)
{
    struct timespec at = ago(seconds);
    char text[CLOCK_RFC3339_SIZE];

    at.tv_nsec = 0;
    clock_format_rfc3339(at, text);
    rig_put(layout_upload_started_at(repository, uuid).text, span_of(text));
    rig_put(layout_upload_data(repository, uuid).text, SPAN("bytes"));
}

static bool has_session(const char *repository, const char *uuid)
{
    return rig_has(layout_upload(repository, uuid).text);
}

static struct purge_result purge_before(struct registry *registry, struct timespec before)
{
    struct purge_result result = {0};

    assert_ok(purge_uploads(registry, before, false, &result, &rig_error));
    return result;
}

static struct purge_result purge(struct registry *registry)
{
    return purge_before(registry, ago(LONG_S));
}

RIG_TEST(old_sessions_go_and_young_ones_stay)
{
    struct purge_result result;

    put_session("a", OLD, LONG_S + 60);
    put_session("a", OTHER, LONG_S - 60);
    put_session("b/c/d", OLD, LONG_S + 60);
    result = purge(registry);
    assert_int_equal(result.session_count, 2);
    assert_int_equal(result.error_count, 0);
    assert_false(has_session("a", OLD));
    assert_true(has_session("a", OTHER));
    assert_false(has_session("b/c/d", OLD));
}

RIG_TEST(nothing_to_purge_is_fine)
{
    struct purge_result result = purge(registry);

    assert_int_equal(result.session_count + result.error_count, 0);
}

RIG_TEST(a_dry_run_counts_and_removes_nothing)
{
    struct purge_result result = {0};

    put_session("a", OLD, LONG_S + 60);
    rig_put(layout_upload_started_at("a", OTHER).text, SPAN("2001-02-03T04:05:06Z"));
    assert_ok(purge_uploads(registry, ago(LONG_S), true, &result, &rig_error));
    assert_int_equal(result.session_count, 2);
    assert_true(has_session("a", OLD));
    assert_false(rig_has(layout_upload_data("a", OTHER).text));
    assert_true(rig_has(layout_upload_started_at("a", OTHER).text));
}

RIG_TEST(a_session_that_is_written_stays_whatever_its_age)
{
    struct layout_key started_at;
    struct upload *upload;
    struct purge_result result;
    char uuid[UUID_LEN + 1];

    assert_ok(upload_begin(registry, "a", &upload, &rig_error));
    memcpy(uuid, upload_info(upload)->uuid.text, sizeof(uuid));
    started_at = layout_upload_started_at("a", uuid);
    rig_put(started_at.text, SPAN("2001-02-03T04:05:06Z"));
    result = purge(registry);
    assert_int_equal(result.session_count, 0);
    assert_int_equal(result.busy_count, 1);
    assert_true(rig_has(layout_upload_data("a", uuid).text));
    upload_close(upload);
    result = purge(registry);
    assert_int_equal(result.session_count, 1);
    assert_false(has_session("a", uuid));
}

static const struct {
    const char *text; /* NULL: none */
} broken[] = {{NULL},         {""},
              {"yesterday"},  {"9999-01-01T00:00:00Z"},
              {"2001-02-03"}, {"2001-02-03T04:05:06Z and much more than any time could be"}};

/* Without a time of its own a session is as old as what it holds, here: new. */
RIG_TEST(a_broken_session_is_as_old_as_what_it_holds)
{
    for (size_t i = 0; i < array_count(broken); i++) {
        struct layout_key key = layout_upload_started_at("a", OLD);

        rig_put(layout_upload_data("a", OLD).text, SPAN("bytes"));
        if (broken[i].text != NULL)
            rig_put(key.text, span_of(broken[i].text));
        assert_int_equal(purge(registry).session_count, 0);
        assert_true(has_session("a", OLD));
        assert_int_equal(purge_before(registry, ago(-60)).session_count, 1);
        assert_false(has_session("a", OLD));
    }
}

RIG_TEST(other_forms_of_the_time_are_read)
{
    rig_put(layout_upload_started_at("a", OLD).text, SPAN("2020-01-02T03:04:05.123456789+02:00"));
    assert_int_equal(purge(registry).session_count, 1);
    assert_false(has_session("a", OLD));
}

RIG_TEST(a_time_that_is_no_file_is_no_time)
{
    struct layout_key key = layout_upload_started_at("a", OLD);
    char inside[LAYOUT_KEY_SIZE + 8];

    snprintf(inside, sizeof(inside), "%s/x/y", key.text);
    rig_put(inside, SPAN("garbage"));
    assert_int_equal(purge(registry).session_count, 0);
    assert_int_equal(purge_before(registry, ago(-60)).session_count, 1);
    assert_false(has_session("a", OLD));
}

RIG_TEST(a_file_in_place_of_a_session_goes_when_it_is_old)
{
    rig_put(layout_upload("a", OLD).text, SPAN("not a directory"));
    assert_int_equal(purge(registry).session_count, 0);
    assert_int_equal(purge_before(registry, ago(-60)).session_count, 1);
    assert_false(has_session("a", OLD));
}

RIG_TEST(data_that_is_a_directory_goes_with_its_session)
{
    char inside[LAYOUT_KEY_SIZE + 8];

    rig_put(layout_upload_started_at("a", OLD).text, SPAN("2001-02-03T04:05:06Z"));
    snprintf(inside, sizeof(inside), "%s/x", layout_upload_data("a", OLD).text);
    rig_put(inside, SPAN("garbage"));
    assert_int_equal(purge(registry).session_count, 1);
    assert_false(has_session("a", OLD));
}

RIG_TEST(what_is_no_session_stays)
{
    static const char *const keys[] = {
        "/docker/registry/v2/repositories/a/_uploads/README",
        "/docker/registry/v2/repositories/a/_uploads/not-a-uuid/startedat",
        "/docker/registry/v2/repositories/a/_layers/" OLD "/startedat",
        "/docker/registry/v2/repositories/_uploads/" OLD "/startedat",
        "/docker/registry/v2/repositories/A/_uploads/" OLD "/startedat",
        "/docker/registry/v2/blobs/_uploads/" OLD "/startedat",
        "/docker/registry/v2/repositories/file",
    };

    for (size_t i = 0; i < array_count(keys); i++)
        rig_put(keys[i], SPAN("2001-02-03T04:05:06Z"));
    assert_int_equal(purge_before(registry, ago(-60)).session_count, 0);
    for (size_t i = 0; i < array_count(keys); i++)
        assert_true(rig_has(keys[i]));
}

RIG_TEST(what_a_push_has_made_stays)
{
    struct digest blob = rig_put_blob("a", SPAN("content"));

    put_session("a", OLD, LONG_S + 60);
    purge_before(registry, ago(-60));
    assert_true(rig_has(layout_blob_data(&blob).text));
    assert_true(rig_has(layout_layer_link("a", &blob).text));
    rig_check();
}

/* ---- interruptions ---- */

static void purge_main(void *arg)
{
    struct purge_result result = {0};

    rig_error = ERROR_INIT;
    *(int *)arg = purge_uploads(rig_registry(), ago(LONG_S), false, &result, &rig_error);
}

RIG_TEST(whatever_call_goes_wrong_the_next_round_does_the_rest)
{
    static const enum trial_fault faults[] = {TRIAL_FAIL_BEFORE, TRIAL_FAIL_AFTER,
                                              TRIAL_CANCEL_BEFORE, TRIAL_CANCEL_AFTER};

    for (size_t i = 0; i < array_count(faults); i++) {
        bool has_fired = true;

        for (unsigned nth = 1; has_fired; nth++) {
            int rc = 1;

            put_session("a", OLD, LONG_S + 60);
            put_session("b", OLD, LONG_S + 60);
            rig_put(layout_upload_data("b", OTHER).text, SPAN("young"));
            trial_arm(faults[i], nth);
            task_spawn("purge", purge_main, &rc);
            while (rc > 0)
                assert_ok(task_sleep(1, &rig_error));
            has_fired = has_trial_fired();
            trial_arm(TRIAL_NONE, 0);
            if (rc < 0 && faults[i] >= TRIAL_CANCEL_BEFORE)
                assert_int_equal(rig_error.code, ERROR_CANCELED);
            purge(registry);
            assert_false(has_session("a", OLD));
            assert_false(has_session("b", OLD));
            assert_true(has_session("b", OTHER));
        }
    }
}

RIG_TEST(one_session_that_cannot_be_read_spares_only_itself)
{
    struct purge_result result = {0};
    unsigned gets;

    put_session("a", OLD, LONG_S + 60);
    put_session("b", OLD, LONG_S + 60);
    trial_arm(TRIAL_NONE, 0);
    assert_ok(purge_uploads(registry, ago(LONG_S), true, &result, &rig_error));
    gets = trial_count_of("get");
    assert_int_equal(gets, 2);
    trial_arm(TRIAL_FAIL_BEFORE, 4); /* list, list, list, get */
    result = (struct purge_result){0};
    assert_ok(purge_uploads(registry, ago(LONG_S), false, &result, &rig_error));
    assert_true(has_trial_fired());
    assert_int_equal(result.error_count, 1);
    assert_int_equal(result.session_count, 1);
}

/* ---- others meanwhile ---- */

struct turns {
    unsigned count;
    bool is_enough;
    bool is_over;
};

static void count_turns(void *arg)
{
    struct turns *turns = arg;

    while (!turns->is_enough) {
        turns->count++;
        assert_ok(task_sleep(0, &rig_error));
    }
    turns->is_over = true;
}

RIG_TEST(others_have_a_turn_for_every_session)
{
    struct turns turns = {0};

    for (unsigned i = 0; i < 300; i++) {
        char uuid[UUID_LEN + 1];

        snprintf(uuid, sizeof(uuid), "%08x-1111-4111-8111-111111111111", i);
        put_session("a", uuid, i % 2 == 0 ? 0 : LONG_S + 60);
    }
    task_spawn("others", count_turns, &turns);
    assert_int_equal(purge(registry).session_count, 150);
    turns.is_enough = true;
    while (!turns.is_over) /* it lives in our frame */
        assert_ok(task_sleep(0, &rig_error));
    assert_true(turns.count >= 300);
}

/* ---- leftovers ---- */

/* A file that was last changed @seconds ago. */
static void make_file(const char *path, time_t seconds)
{
    char full[1024];
    struct timespec times[2] = {ago(seconds), ago(seconds)};
    int fd;

    snprintf(full, sizeof(full), "%s%s", root, path);
    fd = open(full, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
    assert_true(fd >= 0);
    assert_int_equal(futimens(fd, times), 0);
    close(fd);
}

static bool has_file(const char *path)
{
    char full[1024];

    snprintf(full, sizeof(full), "%s%s", root, path);
    return access(full, F_OK) == 0;
}

#define REPOSITORY "/docker/registry/v2/repositories/a"
#define REVISIONS  REPOSITORY "/_manifests/revisions/sha256"
#define LITTER     "/.0123456789abcdef.tmp"

RIG_TEST(leftovers_of_the_driver_go_when_they_are_old)
{
    static const char *const directories[] = {REPOSITORY, REPOSITORY "/_uploads/" OTHER, REVISIONS,
                                              "/docker/registry/v2/blobs/sha256/aa"};
    struct purge_result result = {0};

    snprintf(root, sizeof(root), "%s", rig_root());
    for (size_t i = 0; i < array_count(directories); i++) {
        char key[512];

        snprintf(key, sizeof(key), "%s/keep", directories[i]);
        rig_put(key, SPAN("x"));
        snprintf(key, sizeof(key), "%s" LITTER, directories[i]);
        make_file(key, PURGE_LITTER_AGE_S + 60);
        snprintf(key, sizeof(key), "%s/.0123456789abcdee.tmp", directories[i]);
        make_file(key, PURGE_LITTER_AGE_S - 60);
        snprintf(key, sizeof(key), "%s/.other.tmp", directories[i]);
        make_file(key, PURGE_LITTER_AGE_S + 60);
    }
    assert_ok(purge_litter(registry, ago(0), true, &result, &rig_error));
    assert_int_equal(result.litter_count, array_count(directories));
    assert_true(has_file(REPOSITORY LITTER));
    result = (struct purge_result){0};
    assert_ok(purge_litter(registry, ago(0), false, &result, &rig_error));
    assert_int_equal(result.litter_count, array_count(directories));
    assert_int_equal(result.error_count, 0);
    for (size_t i = 0; i < array_count(directories); i++) {
        char key[512];

        snprintf(key, sizeof(key), "%s" LITTER, directories[i]);
        assert_false(has_file(key));
        snprintf(key, sizeof(key), "%s/.0123456789abcdee.tmp", directories[i]);
        assert_true(has_file(key));
        snprintf(key, sizeof(key), "%s/.other.tmp", directories[i]);
        assert_true(has_file(key));
        snprintf(key, sizeof(key), "%s/keep", directories[i]);
        assert_true(has_file(key));
    }
}

RIG_TEST(leftovers_have_the_age_of_sessions_if_that_is_more)
{
    struct purge_result result = {0};

    snprintf(root, sizeof(root), "%s", rig_root());
    rig_put(REPOSITORY "/keep", SPAN("x"));
    make_file(REPOSITORY LITTER, PURGE_LITTER_AGE_S + 60);
    assert_ok(purge_litter(registry, ago(LONG_S), false, &result, &rig_error));
    assert_int_equal(result.litter_count, 0);
    assert_true(has_file(REPOSITORY LITTER));
}

RIG_TEST(links_are_neither_followed_nor_removed)
{
    struct purge_result result = {0};
    char target[512];
    char link[512];

    snprintf(root, sizeof(root), "%s", rig_root());
    rig_put(REPOSITORY "/keep", SPAN("x"));
    rig_put("/elsewhere/keep", SPAN("x"));
    make_file("/elsewhere" LITTER, PURGE_LITTER_AGE_S + 60);
    snprintf(target, sizeof(target), "%s/elsewhere", root);
    snprintf(link, sizeof(link), "%s" REPOSITORY "/link", root);
    assert_int_equal(symlink(target, link), 0);
    snprintf(target, sizeof(target), "%s/elsewhere/keep", root);
    snprintf(link, sizeof(link), "%s" REPOSITORY LITTER, root);
    assert_int_equal(symlink(target, link), 0);
    assert_ok(purge_litter(registry, ago(0), false, &result, &rig_error));
    assert_int_equal(result.litter_count, 0);
    assert_true(has_file("/elsewhere" LITTER));
    assert_true(has_file(REPOSITORY LITTER));
}

/* ---- the schedule ---- */

static void first_delay_is_whole_minutes_and_less_than_an_interval(void **state)
{
    static const int64_t second = INT64_C(1000000000);
    static const uint32_t randoms[] = {0, 1, 59, 60, 999, 1000, UINT32_MAX};

    (void)state;
    for (size_t i = 0; i < array_count(randoms); i++) {
        int64_t day = purge_first_delay_ns(86400 * second, randoms[i]);
        int64_t short_one = purge_first_delay_ns(second, randoms[i]);

        assert_int_equal(day % (60 * second), 0);
        assert_true(day >= 0 && day < 3600 * second);
        assert_true(short_one >= 0 && short_one < second);
    }
    assert_int_equal(purge_first_delay_ns(3600 * second, 59), 59 * 60 * second);
    assert_int_equal(purge_first_delay_ns(0, 17), 0);
}

struct rounds {
    struct task_wait wait;
    unsigned count;
    struct purge_result last;
};

static void on_round(const struct purge_result *result, void *arg)
{
    struct rounds *rounds = arg;

    rounds->count++;
    rounds->last = *result;
    task_wake(&rounds->wait);
}

RIG_TEST(rounds_follow_each_other_until_they_are_stopped)
{
    struct rounds rounds = {.wait = TASK_WAIT_INIT};
    struct purge_options options = {
        .age_ns = LONG_S * INT64_C(1000000000), .on_round = on_round, .arg = &rounds};
    struct purge_schedule *schedule;

    put_session("a", OLD, LONG_S + 60);
    schedule = purge_schedule_start(registry, &options);
    assert_ok(task_wait(&rounds.wait, 10000, &rig_error));
    assert_int_equal(rounds.last.session_count, 1);
    put_session("a", OTHER, LONG_S + 60);
    while (has_session("a", OTHER))
        assert_ok(task_wait(&rounds.wait, 10000, &rig_error));
    purge_schedule_stop(schedule);
    assert_true(rounds.count >= 2);
}

RIG_TEST(a_round_that_fails_is_not_the_last)
{
    struct rounds rounds = {.wait = TASK_WAIT_INIT};
    struct purge_options options = {.age_ns = 0, .on_round = on_round, .arg = &rounds};
    struct purge_schedule *schedule;

    trial_arm(TRIAL_FAIL_BEFORE, 1);
    schedule = purge_schedule_start(registry, &options);
    assert_ok(task_wait(&rounds.wait, 10000, &rig_error));
    assert_int_equal(rounds.last.error_count, 1);
    assert_ok(task_wait(&rounds.wait, 10000, &rig_error));
    assert_int_equal(rounds.last.error_count, 0);
    purge_schedule_stop(schedule);
}

RIG_TEST(a_schedule_can_be_stopped_at_any_time)
{
    struct purge_options options = {.age_ns = 0, .interval_ns = INT64_MAX};

    purge_schedule_stop(purge_schedule_start(registry, &options));
    options.interval_ns = 0;
    for (int ms = 0; ms < 120; ms += 10) {
        struct purge_schedule *schedule;

        put_session("a", OLD, 60);
        schedule = purge_schedule_start(registry, &options);
        assert_ok(task_sleep(ms, &rig_error));
        purge_schedule_stop(schedule);
    }
    purge_schedule_stop(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_RUN(old_sessions_go_and_young_ones_stay),
        RIG_RUN(nothing_to_purge_is_fine),
        RIG_RUN(a_dry_run_counts_and_removes_nothing),
        RIG_RUN(a_session_that_is_written_stays_whatever_its_age),
        RIG_RUN(a_broken_session_is_as_old_as_what_it_holds),
        RIG_RUN(other_forms_of_the_time_are_read),
        RIG_RUN(a_time_that_is_no_file_is_no_time),
        RIG_RUN(a_file_in_place_of_a_session_goes_when_it_is_old),
        RIG_RUN(data_that_is_a_directory_goes_with_its_session),
        RIG_RUN(what_is_no_session_stays),
        RIG_RUN(what_a_push_has_made_stays),
        RIG_RUN(whatever_call_goes_wrong_the_next_round_does_the_rest),
        RIG_RUN(one_session_that_cannot_be_read_spares_only_itself),
        RIG_RUN(others_have_a_turn_for_every_session),
        RIG_RUN(rounds_follow_each_other_until_they_are_stopped),
        RIG_RUN(a_round_that_fails_is_not_the_last),
        RIG_RUN(a_schedule_can_be_stopped_at_any_time),
        cmocka_unit_test(first_delay_is_whole_minutes_and_less_than_an_interval),
    };
    const struct CMUnitTest files[] = {
        ON_FILES(old_sessions_go_and_young_ones_stay),
        ON_FILES(a_dry_run_counts_and_removes_nothing),
        ON_FILES(a_session_that_is_written_stays_whatever_its_age),
        ON_FILES(a_broken_session_is_as_old_as_what_it_holds),
        ON_FILES(a_time_that_is_no_file_is_no_time),
        ON_FILES(a_file_in_place_of_a_session_goes_when_it_is_old),
        ON_FILES(data_that_is_a_directory_goes_with_its_session),
        ON_FILES(what_is_no_session_stays),
        ON_FILES(what_a_push_has_made_stays),
        ON_FILES(whatever_call_goes_wrong_the_next_round_does_the_rest),
        ON_FILES(others_have_a_turn_for_every_session),
        ON_FILES(leftovers_of_the_driver_go_when_they_are_old),
        ON_FILES(leftovers_have_the_age_of_sessions_if_that_is_more),
        ON_FILES(links_are_neither_followed_nor_removed),
        ON_FILES(rounds_follow_each_other_until_they_are_stopped),
    };

    return cmocka_run_group_tests_name("inmemory", tests, NULL, NULL) +
           cmocka_run_group_tests_name("filesystem", files, NULL, NULL);
}
