/* SPDX-License-Identifier: Apache-2.0
 *
 * credentials - see credentials.h. Whom to ask over the network is in credentials_remote.c.
 */
#include "drivers/s3/credentials.h"

#include "drivers/s3/credentials_remote.h"
#include "lib/base/clock.h"
#include "lib/base/file.h"
#include "lib/base/log.h"
#include "lib/base/memory.h"
#include "lib/config/config.h"
#include "lib/task/task.h"

#include <errno.h>
#include <stdlib.h>

#include "lib/base/banned.h"

#define FILE_MAX        (1 << 20)
#define REFRESH_EARLY_S 300 /* before they expire */
#define REFRESH_POLL_MS 20

struct credentials {
    struct credentials_set set;
    struct remote *remote; /* NULL: the set is all there is */
    char *region;
    bool is_known;
    bool is_refreshing;
};

void credentials_set_fini(struct credentials_set *set)
{
    free(set->access_key);
    free(set->secret_key);
    free(set->token);
    *set = (struct credentials_set){0};
}

/* ---- environment ---- */

static const char *variable(const char *name, const char *other)
{
    const char *value = getenv(name);

    if ((value == NULL || value[0] == '\0') && other != NULL)
        value = getenv(other);
    return value != NULL && value[0] != '\0' ? value : NULL;
}

static bool set_from(struct credentials_set *set, const char *access_key, const char *secret_key,
                     const char *token)
{
    if (access_key == NULL || secret_key == NULL)
        return false;
    set->access_key = xstrdup(access_key);
    set->secret_key = xstrdup(secret_key);
    set->token = token != NULL && token[0] != '\0' ? xstrdup(token) : NULL;
    return true;
}

static bool set_from_environment(struct credentials_set *set)
{
    return set_from(set, variable("AWS_ACCESS_KEY_ID", "AWS_ACCESS_KEY"),
                    variable("AWS_SECRET_ACCESS_KEY", "AWS_SECRET_KEY"),
                    variable("AWS_SESSION_TOKEN", NULL));
}

/* ---- the shared file ---- */

/* The name of a `[section]` line; data NULL when it is none. */
static struct span section_of(struct span line)
{
    if (line.len < 2 || line.data[0] != '[' || line.data[line.len - 1] != ']')
        return (struct span){0};
    return span_trim(span_make(line.data + 1, line.len - 2));
}

char *credentials_ini_get(struct span text, const char *section, const char *name)
{
    bool is_inside = false;

    while (text.len > 0) {
        struct span line = span_cut(&text, '\n');
        struct span found;
        struct span key;

        if (span_ends_with(line, SPAN("\r")))
            line.len--;
        line = span_trim(line);
        if (line.len == 0 || line.data[0] == '#' || line.data[0] == ';')
            continue;
        found = section_of(line);
        if (found.data != NULL) {
            is_inside = span_is(found, section);
            continue;
        }
        key = span_trim(span_cut(&line, '='));
        line = span_trim(line);
        if (is_inside && span_is(key, name) && line.data != NULL)
            return xstrndup(line.data, line.len);
    }
    return NULL;
}

static bool set_from_text(struct credentials_set *set, struct span text)
{
    const char *profile = variable("AWS_PROFILE", NULL);
    const char *section = profile != NULL ? profile : "default";
    auto_free char *access_key = credentials_ini_get(text, section, "aws_access_key_id");
    auto_free char *secret_key = credentials_ini_get(text, section, "aws_secret_access_key");
    auto_free char *token = credentials_ini_get(text, section, "aws_session_token");

    return set_from(set, access_key, secret_key, token);
}

static void file_path(struct str *out)
{
    const char *named = variable("AWS_SHARED_CREDENTIALS_FILE", NULL);
    const char *home = variable("HOME", NULL);

    if (named != NULL)
        str_append_text(out, named);
    else if (home != NULL)
        str_append_format(out, "%s/.aws/credentials", home);
}

/* 1: found; 0: not there, or it does not say. */
static int set_from_file(struct credentials_set *set, struct error *err)
{
    auto_str path = STR_INIT(4096);
    auto_str text = STR_INIT(FILE_MAX);
    struct error why = ERROR_INIT;

    file_path(&path);
    if (path.len == 0)
        return 0;
    if (file_read_any(str_text(&path), &text, &why) == 0)
        return set_from_text(set, str_span(&text));
    if (why.sys == ENOENT || why.sys == ENOTDIR ||
        (why.sys != 0 && variable("AWS_SHARED_CREDENTIALS_FILE", NULL) == NULL))
        return 0;
    *err = why;
    return error_wrap(err, "credentials file");
}

/* ---- the chain ---- */

static int choose(struct credentials *credentials, const struct config_s3 *config,
                  struct error *err)
{
    int rc;

    credentials->is_known = true;
    if (config->access_key[0] != '\0' || config->secret_key[0] != '\0') {
        if (config->access_key[0] == '\0' || config->secret_key[0] == '\0')
            return error_set(err, ERROR_INVALID, "accesskey and secretkey go together");
        set_from(&credentials->set, config->access_key, config->secret_key, config->session_token);
        return 0;
    }
    if (set_from_environment(&credentials->set))
        return 0;
    rc = set_from_file(&credentials->set, err);
    if (rc != 0)
        return rc < 0 ? -1 : 0;
    credentials->is_known = false;
    return remote_new(credentials->region, &credentials->remote, err);
}

int credentials_new(const struct config_s3 *config, const char *region, struct credentials **out,
                    struct error *err)
{
    struct credentials *credentials = xcalloc(1, sizeof(*credentials));

    credentials->region = xstrdup(region);
    if (choose(credentials, config, err) < 0) {
        credentials_free(credentials);
        return -1;
    }
    *out = credentials;
    return 0;
}

void credentials_free(struct credentials *credentials)
{
    if (credentials == NULL)
        return;
    credentials_set_fini(&credentials->set);
    remote_free(credentials->remote);
    free(credentials->region);
    free(credentials);
}

/* Asks, while others make do with what there is. */
static int refresh(struct credentials *credentials, struct error *err)
{
    struct credentials_set fresh = {0};
    int rc;

    credentials->is_refreshing = true;
    rc = remote_get(credentials->remote, &fresh, err);
    credentials->is_refreshing = false;
    if (rc < 0)
        return -1;
    credentials_set_fini(&credentials->set);
    credentials->set = fresh;
    credentials->is_known = true;
    return 0;
}

static bool is_valid_in(const struct credentials *credentials, int64_t seconds)
{
    return credentials->is_known && (credentials->set.expires_at == 0 ||
                                     clock_now().tv_sec + seconds < credentials->set.expires_at);
}

/* Renews them in time. What still holds is used on when asking fails. */
static int keep_fresh(struct credentials *credentials, struct error *err)
{
    struct error why = ERROR_INIT;

    if (is_valid_in(credentials, REFRESH_EARLY_S))
        return 0;
    while (credentials->is_refreshing && !is_valid_in(credentials, 0)) {
        if (task_sleep(REFRESH_POLL_MS, err) < 0)
            return -1;
    }
    if (credentials->is_refreshing || is_valid_in(credentials, REFRESH_EARLY_S) ||
        refresh(credentials, &why) == 0)
        return 0;
    if (is_valid_in(credentials, 0)) {
        log_warn("s3: credentials are not renewed: %s", why.message);
        return 0;
    }
    *err = why;
    if (why.code == ERROR_TIMEOUT)
        error_translate(err, ERROR_IO); /* not the client's time */
    return error_wrap(err, "no credentials");
}

int credentials_get(struct credentials *credentials, struct sign_key *out, struct error *err)
{
    if (credentials->remote != NULL && keep_fresh(credentials, err) < 0)
        return -1;
    *out = (struct sign_key){.access_key = credentials->set.access_key,
                             .secret_key = credentials->set.secret_key,
                             .token = credentials->set.token,
                             .region = credentials->region};
    return 0;
}

void credentials_expire(struct credentials *credentials)
{
    if (credentials->remote != NULL)
        credentials->is_known = false;
}
