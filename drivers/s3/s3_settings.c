/* SPDX-License-Identifier: Apache-2.0
 *
 * s3_settings - see s3_settings.h.
 */
#include "drivers/s3/s3_settings.h"

#include "drivers/s3/credentials.h"
#include "drivers/s3/s3_multipart.h"
#include "lib/base/ascii.h"
#include "lib/base/clock.h"
#include "lib/base/memory.h"
#include "lib/client/client.h"
#include "lib/config/config.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

#include "lib/base/banned.h"

#define ROOT_MAX       1000
#define CONNECT_MAX_MS 30000

static const char *const storage_classes[] = {
    "NONE",
    "STANDARD",
    "REDUCED_REDUNDANCY",
    "STANDARD_IA",
    "ONEZONE_IA",
    "OUTPOSTS",
    "INTELLIGENT_TIERING",
    "GLACIER_IR",
    "EXPRESS_ONEZONE",
};

static const char *const acls[] = {
    "private",       "public-read",       "public-read-write",         "authenticated-read",
    "aws-exec-read", "bucket-owner-read", "bucket-owner-full-control",
};

/* ---- checks ---- */

static int check_range(const char *name, int64_t value, int64_t min, int64_t max, struct error *err)
{
    if (value >= min && value <= max)
        return 0;
    return error_set(err, ERROR_INVALID,
                     "the %s %" PRId64 " parameter should be a number between %" PRId64
                     " and %" PRId64 " (inclusive)",
                     name, value, min, max);
}

static int check_numbers(const struct config_s3 *config, struct error *err)
{
    if (check_range("chunksize", config->chunk_size, S3_PART_MIN, S3_PART_MAX, err) < 0 ||
        check_range("multipartcopychunksize", config->copy_chunk_size, S3_PART_MIN, S3_PART_MAX,
                    err) < 0 ||
        check_range("multipartcopymaxconcurrency", config->copy_concurrency_max, 1, INT64_MAX,
                    err) < 0)
        return -1;
    if (config->copy_threshold == PACE_UNSET)
        return 0;
    return check_range("multipartcopythresholdsize", config->copy_threshold, 0, S3_PART_MAX, err);
}

/* The class as the service wants it; "" for NONE. NULL: there is none of that name. */
static const char *storage_class(const struct config_s3 *config)
{
    for (size_t i = 0; i < array_count(storage_classes); i++) {
        if (span_equals_nocase(span_of(config->storage_class), span_of(storage_classes[i])))
            return i == 0 ? "" : storage_classes[i];
    }
    return NULL;
}

static bool is_acl(const char *name)
{
    for (size_t i = 0; i < array_count(acls); i++) {
        if (strcmp(name, acls[i]) == 0)
            return true;
    }
    return false;
}

static int check_words(const struct config_s3 *config, struct error *err)
{
    auto_str classes = STR_INIT(512);

    for (size_t i = 0; i < array_count(storage_classes); i++)
        str_append_format(&classes, "%s%s", i > 0 ? " " : "", storage_classes[i]);
    if (storage_class(config) == NULL)
        return error_set(err, ERROR_INVALID,
                         "the storageclass parameter must be one of [%s], %.40s invalid",
                         str_text(&classes), config->storage_class);
    if (!is_acl(config->object_acl))
        return error_set(err, ERROR_INVALID, "invalid value for objectacl parameter: %.60s",
                         config->object_acl);
    for (const char *c = config->key_id; *c != '\0'; c++) {
        if (*c < 0x21 || *c > 0x7e)
            return error_set(err, ERROR_INVALID, "keyid has characters that no header may have");
    }
    return 0;
}

/* "a/b/" of "/a/b/", "a/b" and the like; "" of the root. */
static int normal_root(const char *root, char **out, struct error *err)
{
    struct span rest = span_of(root);
    auto_str normal = STR_INIT(ROOT_MAX);

    while (span_starts_with(rest, SPAN("/")))
        rest = span_from(rest, 1);
    while (span_ends_with(rest, SPAN("/")))
        rest.len--;
    str_append(&normal, rest);
    if (rest.len > 0)
        str_append_char(&normal, '/');
    if (str_overflowed(&normal))
        return error_set(err, ERROR_INVALID, "rootdirectory is longer than %d bytes", ROOT_MAX);
    *out = xstrdup(str_text(&normal));
    return 0;
}

/* ---- opening ---- */

static int open_client(struct service *service, const struct config_s3 *config, struct error *err)
{
    struct client_options options = {
        .user_agent = config->user_agent[0] != '\0' ? config->user_agent : NULL,
        .is_verify_skipped = config->is_verify_skipped,
        .is_proxy_ignored = config->is_verify_skipped, /* as upstream */
        .connect_timeout_ms =
            service->stall_ms < CONNECT_MAX_MS ? service->stall_ms : CONNECT_MAX_MS,
        .stall_timeout_ms = service->stall_ms,
        .connections_max = service->copy_width > 64 ? service->copy_width : 64,
    };

    return client_new(&options, &service->client, err);
}

static void take_values(struct service *service, const struct config_s3 *config)
{
    int64_t width = config->copy_concurrency_max;

    service->is_v4 = config->is_v4_auth;
    service->chunk_size = (size_t)config->chunk_size;
    service->copy_chunk_size = config->copy_chunk_size;
    pace_init(&service->copy_pace, config->copy_threshold, is_endpoint_amazon(&service->endpoint));
    service->copy_width = (size_t)(width < S3_PARTS_MAX ? width : S3_PARTS_MAX);
    service->stall_ms = clock_wait_ms(config->stall_timeout_ns);
    service->acl = xstrdup(config->object_acl);
    service->storage_class = xstrdup(storage_class(config));
    service->key_id = xstrdup(config->key_id);
    service->encryption = xstrdup(!config->is_encrypted       ? ""
                                  : config->key_id[0] != '\0' ? "aws:kms"
                                                              : "AES256");
}

int s3_settings_open(const struct config *config, struct service **out, struct error *err)
{
    const struct config_s3 *s3 = &config->storage.s3;
    struct service *service = xcalloc(1, sizeof(*service));

    if (endpoint_init(&service->endpoint, s3, err) < 0 || check_numbers(s3, err) < 0 ||
        check_words(s3, err) < 0 || normal_root(s3->root, &service->root, err) < 0)
        goto fail;
    take_values(service, s3);
    if (open_client(service, s3, err) < 0 ||
        credentials_new(s3, service->endpoint.region, &service->credentials, err) < 0)
        goto fail;
    *out = service;
    return 0;
fail:
    s3_settings_close(service);
    return -1;
}

void s3_settings_close(struct service *service)
{
    assert(service->writers == NULL);
    credentials_free(service->credentials);
    client_free(service->client);
    endpoint_fini(&service->endpoint);
    free(service->root);
    free(service->acl);
    free(service->storage_class);
    free(service->encryption);
    free(service->key_id);
    free(service);
}
