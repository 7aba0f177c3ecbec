/* SPDX-License-Identifier: Apache-2.0
 *
 * s3_bucket - see s3_bucket.h.
 */
#include "test/driver/s3_bucket.h"

#include "drivers/s3/s3_request.h"
#include "drivers/s3/s3_settings.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "lib/base/banned.h"

static char url[200];
static char bucket[40];
static char directory[80];
static char private_acl[] = "private";
static char standard[] = "STANDARD";
static char empty[] = "";
static char access_key[80];
static char secret_key[80];
static char region[40];

const char *s3_url(void)
{
    return getenv("KIST_S3_URL");
}

/* Take @name of the environment, else @otherwise. */
static void take(char *out, size_t size, const char *name, const char *otherwise)
{
    const char *value = getenv(name);

    snprintf(out, size, "%s", value != NULL ? value : otherwise);
}

struct config_s3 s3_config(const char *root)
{
    snprintf(url, sizeof(url), "%s", s3_url());
    snprintf(bucket, sizeof(bucket), "driver-suite-%d", (int)getpid());
    snprintf(directory, sizeof(directory), "%s", root);
    take(access_key, sizeof(access_key), "KIST_S3_ACCESS_KEY", "TESTACCESS");
    take(secret_key, sizeof(secret_key), "KIST_S3_SECRET_KEY", "TESTSECRET");
    take(region, sizeof(region), "KIST_S3_REGION", "us-east-1");
    return (struct config_s3){
        .access_key = access_key,
        .secret_key = secret_key,
        .session_token = empty,
        .region = region,
        .region_endpoint = url,
        .bucket = bucket,
        .key_id = empty,
        .root = directory,
        .storage_class = standard,
        .object_acl = private_acl,
        .user_agent = empty,
        .log_level = empty,
        .is_v4_auth = true,
        .chunk_size = S3_PART_MIN,
        .copy_chunk_size = S3_PART_MIN,
        .copy_concurrency_max = 4,
        .copy_threshold = 2 * S3_PART_MIN,
    };
}

void s3_bucket_make(void)
{
    struct config config = {.storage.s3 = s3_config("")};
    struct s3_request request = {.method = "PUT"};
    struct error err = ERROR_INIT;
    struct service *service;
    static bool is_made;

    if (is_made)
        return;
    is_made = true;
    assert_int_equal(s3_settings_open(&config, &service, &err), 0);
    {
        auto_s3_answer answer;

        if (s3_request_do(service, &request, &answer, &err) < 0)
            fail_msg("%s", err.message);
    }
    s3_settings_close(service);
}
