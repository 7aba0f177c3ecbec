/* SPDX-License-Identifier: Apache-2.0
 *
 * file_lock - the exclusive right to write a file, among all descriptors of all processes that ask
 * this way. It goes with the descriptor: closed or killed, it is free.
 */
#pragma once

#include "lib/base/error.h"

/* Never waits. BUSY: another descriptor holds it. @fd must be open for writing. */
must_check int file_lock_try(int fd, struct error *err);
