/* SPDX-License-Identifier: Apache-2.0
 *
 * file - see file.h.
 */
#include "lib/base/file.h"

#include <errno.h>
#include <unistd.h>

#include "lib/base/banned.h"

int file_write_all(int fd, struct span content, struct error *err)
{
    while (content.len > 0) {
        ssize_t written = write(fd, content.data, content.len);

        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return error_set_sys(err, errno, "write");
        content = span_from(content, (size_t)written);
    }
    return 0;
}
