/* SPDX-License-Identifier: Apache-2.0
 *
 * password_provide - see password_provide.h. Source: upstream's controller, for the name, the form
 * of the entry and the words of the log.
 */
#include "auth/htpasswd/password_provide.h"

#include "auth/htpasswd/bcrypt.h"
#include "auth/htpasswd/password_write.h"
#include "lib/base/encode.h"
#include "lib/base/log.h"
#include "lib/base/random.h"
#include "lib/base/str.h"
#include "lib/task/offload.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/base/banned.h"

#define FIRST_USER   "docker"
#define SECRET_LEN   32 /* bytes; 43 characters */
#define PASSWORD_MAX 64

struct provision {
    const char *path;
    struct str password;
    bool is_made;
};

static void make_password(struct str *out)
{
    uint8_t secret[SECRET_LEN];

    random_fill(secret, sizeof(secret));
    encode_base64url_bare(out, span_make(secret, sizeof(secret)));
}

/* Whether the file is there. Upstream tries to read it and parses nothing yet. */
static int is_there(const char *path, bool *out, struct error *err)
{
    auto_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

    if (fd < 0 && errno != ENOENT)
        return error_set_sys(err, errno, "open %s", path);
    *out = fd >= 0;
    return 0;
}

static int run_provision(void *arg, struct error *err)
{
    struct provision *provision = arg;
    char hash[BCRYPT_SIZE];
    auto_str content = STR_INIT(sizeof(FIRST_USER) + BCRYPT_SIZE);
    bool exists;

    if (is_there(provision->path, &exists, err) < 0)
        return -1;
    if (exists)
        return 0;
    make_password(&provision->password);
    if (bcrypt_make('a', BCRYPT_COST_USUAL, str_span(&provision->password), hash, err) < 0)
        return -1;
    str_append_format(&content, "%s:%s", FIRST_USER, hash);
    if (password_write_new(provision->path, 0600, str_span(&content), err) == 0) {
        provision->is_made = true;
        return 0;
    }
    /* Another process of the same start may have been faster. */
    if (err->code != ERROR_EXISTS || is_there(provision->path, &exists, err) < 0)
        return -1;
    return exists ? 0 : error_set(err, ERROR_NOT_FOUND, "%s leads nowhere", provision->path);
}

static void tell(const struct provision *provision)
{
    struct log_line line;

    log_begin(&line, LOG_LEVEL_WARN);
    log_add_text(&line, "password", str_text(&provision->password));
    log_add_text(&line, "user", FIRST_USER);
    log_end(&line, "htpasswd is missing, provisioning with default user");
}

int password_provide(const char *path, struct error *err)
{
    struct provision provision = {.path = path, .password = STR_INIT(PASSWORD_MAX)};
    int rc = offload(run_provision, &provision, err);

    if (rc == 0 && provision.is_made)
        tell(&provision);
    str_fini(&provision.password);
    return rc;
}
