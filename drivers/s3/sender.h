/* SPDX-License-Identifier: Apache-2.0
 *
 * sender - sends a part of a writer's content while the next one is being filled. Private to the
 * folder.
 */
#pragma once

#include "drivers/s3/writer.h"

/* The first @len bytes of the tail become the next part. Nothing may be on its way. */
void sender_begin(struct writer *writer, size_t len);

/* Whether a part is on its way; whether one has arrived, or failed to, and nobody has looked. */
bool is_sender_busy(const struct writer *writer);
bool is_sender_done(const struct writer *writer);

/* Waits for the part that is on its way, if one is. After a failure its bytes are the beginning of
 * the tail again. May suspend. CANCELED: it is still on its way. */
must_check int sender_settle(struct writer *writer, struct error *err);

/* Breaks off what is on its way and waits for its end. May suspend, shortly. */
void sender_end(struct writer *writer);
