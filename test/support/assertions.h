/* SPDX-License-Identifier: Apache-2.0
 *
 * assertions - cmocka's assertions in tasks.
 *
 * cmocka ends a test that fails by a jump to its own frame, and that must not be made from
 * another stack. So in a task that fails an assertion all others are canceled; when they are over,
 * since they may use what is in its frames, it jumps to its own first frame and ends; and the test
 * fails once the loop is back on the stack of main. What else is said meanwhile is a consequence
 * and not shown. It needs nothing of a test: whoever links test_support has task_spawn and the
 * functions of loop.h wrapped (--wrap of the linker), and cmocka finds this _fail and _skip before
 * its own.
 *
 * What the frames held that are jumped over is lost: no leak is reported after a failure. A task
 * that does not end within a minute keeps the loop, and the tests after it fail to open theirs.
 */
#pragma once

/* loop_run, except that it returns also when the test has failed: for who has to clean up before
 * assertions_pass_on. */
void assertions_loop_run(void);

/* Fails (or skips) the test if one of its tasks has. Not in a task. */
void assertions_pass_on(void);

/* How long canceled tasks may take in place of a minute. */
void assertions_set_patience(int ms);
