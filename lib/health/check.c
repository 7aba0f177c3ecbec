/* SPDX-License-Identifier: Apache-2.0
 *
 * check - see check.h.
 */
#include "lib/health/check.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/memory.h"
#include "lib/base/redact.h"

#include "lib/base/banned.h"

#define SLEEP_MAX_NS  (INT64_C(3600) * 1000 * CLOCK_MS_NS) /* longer ones are slept in pieces */
#define INTERVAL_MIN  CLOCK_MS_NS                          /* nobody looks more often */
#define INTERVAL_ELSE (INT64_C(10000) * CLOCK_MS_NS)       /* upstream's, where none is given */

struct check *check_new(const char *name, struct probe *probe, int64_t interval_ns,
                        int64_t threshold)
{
    struct check *check = xcalloc(1, sizeof(*check));

    check->name = xstrdup(name);
    check->shown_name = redact_copy(name);
    check->probe = probe;
    check->interval_ns = interval_ns <= 0             ? INTERVAL_ELSE
                         : interval_ns < INTERVAL_MIN ? INTERVAL_MIN
                                                      : interval_ns;
    check->threshold = threshold;
    return check;
}

void check_free(struct check *check)
{
    check->probe->free(check->probe);
    free(check->fault);
    free(check->name);
    str_fini(&check->shown_name);
    free(check);
}

/* ---- what came of a probe ---- */

static void note_success(struct check *check)
{
    if (check->fault != NULL)
        log_info("health check %s: all is well again", str_text(&check->shown_name));
    check->failures = 0;
    free(check->fault);
    check->fault = NULL;
}

static void note_failure(struct check *check, const struct error *err)
{
    const char *name = str_text(&check->shown_name);
    auto_str fault = redact_copy(err->message);

    check->failures++;
    if (check->failures < check->threshold) {
        log_debug("health check %s: %s", name, str_text(&fault));
        return;
    }
    if (check->fault == NULL)
        log_warn("health check %s: %s: requests are answered with 503", name, str_text(&fault));
    free(check->fault);
    check->fault = xstrdup(err->message);
}

/* ---- the task ---- */

/* Sleeps until @at; yields in any case. May suspend. Errors: CANCELED. */
static int sleep_until(int64_t at, struct error *err)
{
    int64_t left;

    do {
        left = at - clock_monotonic_ns();
        left = left < 0 ? 0 : left > SLEEP_MAX_NS ? SLEEP_MAX_NS : left;
        if (task_sleep(clock_wait_ms(left), err) < 0)
            return -1;
    } while (left == SLEEP_MAX_NS);
    return 0;
}

/* As a ticker goes: what a slow probe has missed is made up for by one probe at once. */
static int64_t next_after(const struct check *check, int64_t at)
{
    int64_t late = clock_monotonic_ns() - at;

    return at + (late < check->interval_ns ? 1 : late / check->interval_ns) * check->interval_ns;
}

static void check_main(void *arg)
{
    struct check *check = arg;
    int64_t at = clock_monotonic_ns() + check->interval_ns;
    struct error err = ERROR_INIT;

    while (sleep_until(at, &err) == 0) {
        if (check->probe->run(check->probe, &err) == 0)
            note_success(check);
        else if (err.code == ERROR_CANCELED)
            break;
        else
            note_failure(check, &err);
        at = next_after(check, at);
    }
}

void check_start(struct check *check)
{
    background_start(&check->job, "health check", check_main, check);
}

void check_cancel(struct check *check)
{
    background_cancel(&check->job);
}

void check_wait(struct check *check)
{
    background_wait(&check->job);
}
