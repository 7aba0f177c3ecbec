/* SPDX-License-Identifier: Apache-2.0
 *
 * assertions - cmocka's assertions in tasks.
 *
 * cmocka ends a test that fails by a jump to its own frame, and that must not be made from
 * another stack. So an assertion that fails in a task ends that task, by a jump to its first frame;
 * the other tasks are canceled, and the test fails once the loop is back on the stack of main. It
 * needs nothing of a test: whoever links test_support has task_spawn and the functions of loop.h
 * wrapped (--wrap of the linker), and cmocka finds this _fail and _skip before its own.
 *
 * What the frames held that are jumped over is lost: no leak is reported after a failure. A task
 * that does not end within five seconds keeps the loop, and the tests after it fail to open theirs.
 */
#pragma once

/* loop_run, except that it returns also when the test has failed: for who has to clean up before
 * assertions_pass_on. */
void assertions_loop_run(void);

/* Fails (or skips) the test if one of its tasks has. Not in a task. */
void assertions_pass_on(void);
