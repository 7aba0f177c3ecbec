/* SPDX-License-Identifier: Apache-2.0
 *
 * assertions - see assertions.h.
 */
#include "test/support/assertions.h"

#include "lib/base/clock.h"
#include "lib/base/memory.h"
#include "lib/task/loop.h"
#include "lib/task/task.h"

#include <dlfcn.h>
#include <event2/event.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/queue.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/base/banned.h"

#define LOOK_MS 20 /* how often those that should end are looked at */

/* The linker's names for what is wrapped, and for what wraps it. */
struct task *__real_task_spawn(const char *name, task_main_cb *main, void *arg);
struct task *__wrap_task_spawn(const char *name, task_main_cb *main, void *arg);
int __real_loop_open(unsigned helper_count, struct error *err);
int __wrap_loop_open(unsigned helper_count, struct error *err);
void __real_loop_close(void);
void __wrap_loop_close(void);
void __real_loop_run(void);
void __wrap_loop_run(void);

/* Not in cmocka.h: what its assertions call to say what they saw. */
void cm_print_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* A live task and its first frame. */
struct guarded {
    const char *name;
    task_main_cb *main;
    void *arg;
    struct task *task;
    jmp_buf first_frame;
    LIST_ENTRY(guarded) link;
};

static LIST_HEAD(, guarded) alive = LIST_HEAD_INITIALIZER(alive);
static bool is_open;        /* the loop */
static bool is_stuck;       /* it can never be closed */
static bool is_ending;      /* tasks are being ended: what they find wrong is a consequence */
static size_t failed_count; /* tasks that wait in outlast_others, or are about to end after it */
static int patience_ms = 60000;
static int64_t given_up_at; /* clock_monotonic_ns; 0: nobody is waited for */
static bool has_failed;

/* What a task of the running test has failed with. */
static struct {
    bool is_noted;
    bool is_skip;
    const char *file;
    int line;
} noted;

/* cmocka's own function of that name. */
static void *next(const char *name)
{
    void *found = dlsym(RTLD_NEXT, name);

    if (found == NULL)
        abort();
    return found;
}

/* ---- tasks ---- */

static void guarded_main(void *arg)
{
    struct guarded *self = arg;

    if (setjmp(self->first_frame) == 0)
        self->main(self->arg);
    else
        failed_count--;
    LIST_REMOVE(self, link);
    free(self);
}

struct task *__wrap_task_spawn(const char *name, task_main_cb *main, void *arg)
{
    struct guarded *guarded = xcalloc(1, sizeof(*guarded));

    *guarded = (struct guarded){.name = name, .main = main, .arg = arg};
    guarded->task = __real_task_spawn(name, guarded_main, guarded);
    LIST_INSERT_HEAD(&alive, guarded, link);
    return guarded->task;
}

static bool is_main_thread(void)
{
    return gettid() == getpid();
}

/* NULL on the stack of main, and on other threads. */
static struct guarded *running(void)
{
    struct guarded *guarded;

    if (!is_main_thread() || task_self() == NULL)
        return NULL;
    LIST_FOREACH(guarded, &alive, link)
    if (guarded->task == task_self())
        return guarded;
    return NULL;
}

/* ---- ending tasks ---- */

static void cancel_all(void)
{
    struct guarded *guarded;

    LIST_FOREACH(guarded, &alive, link)
    task_cancel(guarded->task);
}

static bool is_patient(void)
{
    int64_t now = clock_monotonic_ns();

    if (given_up_at == 0)
        given_up_at = now + patience_ms * INT64_C(1000000);
    return now < given_up_at;
}

/* In a task that has failed, until those that have not are over: they may use its frames. */
static void outlast_others(void)
{
    struct error err = ERROR_INIT;

    failed_count++;
    task_shield();
    do {
        cancel_all();
    } while (task_sleep(LOOK_MS, &err) == 0 && task_count() > failed_count && is_patient());
    task_unshield();
}

static void on_look(int fd, short events, void *arg)
{
    (void)fd, (void)events, (void)arg;
}

static void name_those_left(void)
{
    struct guarded *guarded;

    LIST_FOREACH(guarded, &alive, link)
    fprintf(stderr, "task \"%s\" does not end, no other test can have a loop\n", guarded->name);
}

/* Runs the loop until all tasks have ended, which it can no longer do otherwise. */
static void end_tasks(void)
{
    struct event *look;

    if (!is_open || is_stuck || task_count() == 0)
        return;
    look = event_new(loop_base(), -1, EV_PERSIST, on_look, NULL);
    event_add(look, &(struct timeval){0, LOOK_MS * 1000});
    is_ending = true;
    while (task_count() > 0 && is_patient()) {
        cancel_all();
        if (event_base_loop(loop_base(), EVLOOP_ONCE) < 0)
            break; /* a callback has failed: libevent still takes the loop for running */
    }
    is_ending = false;
    given_up_at = 0;
    event_free(look);
    is_stuck = task_count() > 0;
    if (is_stuck)
        name_those_left();
}

/* ---- in place of cmocka's ---- */

/* Returns unless it is in a task, which it ends. */
static void leave_task(const char *file, int line, bool is_skip)
{
    struct guarded *task = running();

    if (task == NULL)
        return;
    if (!noted.is_noted && !is_ending) {
        noted.is_noted = true;
        noted.is_skip = is_skip;
        noted.file = file;
        noted.line = line;
    }
    outlast_others();
    loop_stop();
    longjmp(task->first_frame, 1);
}

/* What is left of tasks may use the frames that are about to be jumped over. */
static void leave_main(void)
{
    if (!is_main_thread())
        return;
    has_failed = true;
    end_tasks();
}

void _fail(const char *file, int line)
{
    void (*real)(const char *, int) = (void (*)(const char *, int))next("_fail");

    if (!is_main_thread())
        fprintf(stderr, "%s:%d: failure on a helper thread\n", file, line);
    leave_task(file, line, false);
    leave_main();
    real(file, line);
}

void _skip(const char *file, int line)
{
    void (*real)(const char *, int) = (void (*)(const char *, int))next("_skip");

    leave_task(file, line, true);
    leave_main();
    real(file, line);
}

/* What tasks say that are canceled because of a failure would hide it. */
static bool is_hushed(void)
{
    return (noted.is_noted || is_ending) && running() != NULL;
}

/* What other threads say with this, cmocka would never print. */
void cm_print_error(const char *format, ...)
{
    void (*real)(const char *, ...) = (void (*)(const char *, ...))next("cm_print_error");
    char text[4096];
    va_list args;

    if (is_hushed())
        return;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    if (is_main_thread())
        real("%s", text);
    else
        fputs(text, stderr);
}

/* fail_msg calls it. */
void print_error(const char *format, ...)
{
    va_list args;

    if (is_hushed())
        return;
    va_start(args, format);
    vprint_error(format, args);
    va_end(args);
}

/* ---- the loop ---- */

void assertions_loop_run(void)
{
    __real_loop_run();
    if (noted.is_noted)
        end_tasks();
}

void assertions_pass_on(void)
{
    bool is_skip = noted.is_skip;

    if (!noted.is_noted)
        return;
    noted.is_noted = false;
    noted.is_skip = false;
    given_up_at = 0;
    if (is_skip)
        _skip(noted.file, noted.line);
    else
        _fail(noted.file, noted.line);
}

void __wrap_loop_run(void)
{
    assertions_loop_run();
    assertions_pass_on();
}

void __wrap_loop_close(void)
{
    if (has_failed)
        end_tasks();
    if (is_stuck)
        return;
    is_open = false;
    __real_loop_close();
}

/* A test that has failed may have left its loop open. */
int __wrap_loop_open(unsigned helper_count, struct error *err)
{
    if (is_open && has_failed)
        __wrap_loop_close();
    if (is_stuck)
        return error_set(err, ERROR_INTERNAL, "the loop of an earlier test has not ended");
    if (__real_loop_open(helper_count, err) < 0)
        return -1;
    is_open = true;
    return 0;
}

void assertions_set_patience(int ms)
{
    patience_ms = ms;
}

/* ---- sanitizers ---- */

/* Asked by LeakSanitizer at the end of the program. */
int __lsan_is_turned_off(void);
int __lsan_is_turned_off(void)
{
    return has_failed;
}

/* A crash is reported by AddressSanitizer where it happened; cmocka's handler would jump. What
 * ASAN_OPTIONS says goes before. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "handle_segv=2:handle_sigbus=2:handle_sigfpe=2:handle_sigill=2";
}

/* ThreadSanitizer takes a descriptor's number for memory. libcurl 7.88 closes a socket whose
 * connection was never made before it says, within the same call, that it is no longer to be
 * watched; if another thread has got the number by then, libevent takes out of the epoll set what
 * is not in it, and that is nothing: only the loop's thread puts descriptors there, and it puts
 * none in between. The stack shows no function of ours that would be narrower: they end in calls.
 */
const char *__tsan_default_suppressions(void);
const char *__tsan_default_suppressions(void)
{
    return "race_top:^epoll_ctl$";
}
