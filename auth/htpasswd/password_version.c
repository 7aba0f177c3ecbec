/* SPDX-License-Identifier: Apache-2.0
 *
 * password_version - see password_version.h.
 */
#include "auth/htpasswd/password_version.h"

#include <string.h>

#include "lib/base/banned.h"

void password_version_init(struct password_version *version, const struct watched_file *file)
{
    *version = (struct password_version){
        .err = file->err,
        .is_fresh = file_version_age_ms(&file->version) < PASSWORD_VERSION_SETTLE_MS,
    };
    if (file->err.code == ERROR_NONE)
        (void)!passwords_parse(str_span(&file->text), &version->passwords, &version->err);
    else
        version->is_unreadable = file->err.code != ERROR_TOO_LARGE;
}

void password_version_fini(struct password_version *version)
{
    passwords_free(version->passwords);
    *version = (struct password_version){0};
}

bool is_password_version_equal(const struct password_version *a, const struct password_version *b)
{
    if (a->passwords == NULL || b->passwords == NULL)
        return a->passwords == b->passwords && strcmp(a->err.message, b->err.message) == 0;
    return span_equals(passwords_text(a->passwords), passwords_text(b->passwords));
}
