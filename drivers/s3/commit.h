/* SPDX-License-Identifier: Apache-2.0
 *
 * commit - from an upload to an object, and to where it belongs. Private to the folder.
 */
#pragma once

#include "drivers/s3/writer.h"

/* Makes the object of all parts, the end of the content included; everything has been flushed.
 * NOT_FOUND: the upload is gone. May suspend. */
must_check int commit_complete(struct writer *writer, struct error *err);
