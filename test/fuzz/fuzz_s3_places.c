/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz_s3_places - three lines as endpoint, region and bucket: what is taken makes a host and paths
 * that fit into a request. The rest as a file of credentials: what is found is one of its lines.
 */
#include "drivers/s3/credentials.h"
#include "drivers/s3/endpoint.h"
#include "lib/base/memory.h"
#include "lib/base/span.h"
#include "lib/config/config.h"

#include <assert.h>
#include <string.h>

#include "lib/base/banned.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_visible(const char *text)
{
    assert(text[0] != '\0');
    for (; *text != '\0'; text++)
        assert(*text > 0x20 && *text < 0x7f);
}

static void check_endpoint(const struct endpoint *endpoint, const char *key)
{
    auto_str path = STR_INIT(1 << 20);
    auto_str resource = STR_INIT(1 << 20);

    assert(strcmp(endpoint->scheme, "http") == 0 || strcmp(endpoint->scheme, "https") == 0);
    check_visible(endpoint->host);
    assert(strpbrk(endpoint->host, "/@?#") == NULL);
    endpoint_path(endpoint, key, &path);
    endpoint_resource(endpoint, key, &resource);
    check_visible(str_text(&path));
    check_visible(str_text(&resource));
    assert(str_text(&path)[0] == '/' && str_text(&resource)[0] == '/');
    assert(strpbrk(str_text(&path), "?#") == NULL);
}

static void check_credentials(struct span text)
{
    static const char *const names[] = {"aws_access_key_id", "aws_secret_access_key",
                                        "aws_session_token"};

    for (size_t i = 0; i < array_count(names); i++) {
        auto_free char *value = credentials_ini_get(text, "default", names[i]);

        if (value == NULL)
            continue;
        assert(strlen(value) < text.len && strchr(value, '\n') == NULL);
        assert(memmem(text.data, text.len, value, strlen(value)) != NULL);
    }
}

static char *next_line(struct span *text)
{
    struct span line = span_cut(text, '\n');

    return line.len > 0 ? xstrndup(line.data, line.len) : xstrdup("");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span text = span_make(data, size);
    auto_free char *endpoint_text = next_line(&text);
    auto_free char *region = next_line(&text);
    auto_free char *bucket = next_line(&text);
    struct endpoint endpoint;
    struct error err = ERROR_INIT;

    for (unsigned i = 0; i < 8; i++) {
        struct config_s3 config = {
            .region_endpoint = endpoint_text,
            .region = region,
            .bucket = bucket,
            .is_secure = i & 1,
            .is_v4_auth = i & 2,
            .is_path_style_forced = i & 4,
            .is_dual_stack = i == 3,
        };

        if (endpoint_init(&endpoint, &config, &err) < 0)
            continue;
        check_endpoint(&endpoint, NULL);
        check_endpoint(&endpoint, "/docker/registry/v2/a b\xc3\xa4?#%");
        endpoint_fini(&endpoint);
    }
    check_credentials(text);
    return 0;
}
