/* SPDX-License-Identifier: Apache-2.0
 *
 * service - one open bucket: what all files of this folder share. Private to the folder.
 */
#pragma once

#include "drivers/s3/endpoint.h"
#include "drivers/s3/pace.h"
#include "lib/storage/driver.h"

struct client;
struct credentials;
struct hints;
struct writer;

#define S3_PART_MIN  (5 << 20)          /* bytes of any part but the last */
#define S3_PART_MAX  (INT64_C(5) << 30) /* bytes of a part, and of a copy in one request */
#define S3_PARTS_MAX 10000
#define S3_KEY_MAX   2048

struct service {
    struct storage base;
    struct endpoint endpoint;
    struct client *client;
    struct credentials *credentials;
    char *root; /* before each key: "" or "a/b/" */
    bool is_v4; /* signature version */
    size_t chunk_size;
    int64_t copy_chunk_size;
    struct pace copy_pace;
    size_t copy_width;        /* parts copied at once */
    int stall_ms;             /* of silence are too much */
    int64_t refused_until_ns; /* monotonic; till then no copy has a condition: refused before */
    bool is_silent;           /* has left a repeated request without a word, and said none since */
    char *acl;
    char *storage_class;    /* "": not sent */
    char *encryption;       /* "": not sent; "AES256" or "aws:kms" */
    char *key_id;           /* "": not sent */
    struct writer *writers; /* the open ones: one at most for each key */
    struct hints *hints;    /* owned; of the uploads whose writers were closed */
};

/* The name in the bucket of a key of the storage; "/" is the root, which may be empty. Appends. */
void service_name(const struct service *service, const char *key, struct str *out);

/* An auto_str that holds it. */
#define SERVICE_NAME(variable, service, key)                                                       \
    auto_str variable = STR_INIT(S3_KEY_MAX);                                                      \
    service_name((service), (key), &(variable))
