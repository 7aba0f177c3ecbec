/* SPDX-License-Identifier: Apache-2.0
 *
 * repeat - keys that a file says twice.
 */
#pragma once

#include "lib/config/config.h"
#include "lib/config/tree.h"

/*
 * repeat_join - says which keys are there twice, and joins the two where upstream does.
 *
 * The keys of both sections count, the last value of a key. In untyped sections, such as storage
 * and auth, the last section counts alone.
 */
void repeat_join(struct tree *tree, config_message_cb *on_warning, void *arg);
