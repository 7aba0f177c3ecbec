/* SPDX-License-Identifier: Apache-2.0
 *
 * digest - content digests, as text and as streamed computation.
 *
 * Valid: sha256, sha384, sha512 with lower-case hexadecimal of the right length. The canonical
 * algorithm, under which all content is stored, is sha256. Source: OCI image-spec, descriptor.md
 * "Digests"; upstream accepts the same three.
 */
#pragma once

#include "lib/base/cleanup.h"
#include "lib/base/span.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum digest_algorithm { DIGEST_SHA256, DIGEST_SHA384, DIGEST_SHA512 };

#define DIGEST_BYTES_MAX 64
#define DIGEST_HEX_MAX   (2 * DIGEST_BYTES_MAX)
#define DIGEST_TEXT_SIZE (sizeof("sha512:") + DIGEST_HEX_MAX) /* with the NUL */

struct digest {
    enum digest_algorithm algorithm;
    uint8_t bytes[DIGEST_BYTES_MAX]; /* the first digest_size() count, the rest is zero */
};

/* "sha256:<64 hex>" and its two siblings, exactly; @out untouched on failure. */
must_check bool digest_parse(struct span text, struct digest *out);

/* The grammar alone, "algorithm:encoded", whether or not we support it. Source: upstream's route
 * pattern [a-z0-9]+([.+_-][a-z0-9]+)*:[a-zA-Z0-9=_-]+ */
bool is_digest_shaped(struct span text);

/* "sha256:..." into @out, DIGEST_TEXT_SIZE bytes; returns @out. */
char *digest_format(const struct digest *digest, char *out);

/* The hexadecimal part alone into @out, DIGEST_HEX_MAX + 1 bytes; returns @out. */
char *digest_format_hex(const struct digest *digest, char *out);

const char *digest_algorithm_name(enum digest_algorithm algorithm); /* "sha256"; static */
size_t digest_size(enum digest_algorithm algorithm);                /* bytes: 32, 48, 64 */
bool digest_equals(const struct digest *a, const struct digest *b);

/* ---- streamed computation ---- */

struct hasher; /* one digest in the making; touched by one thread at a time */

struct hasher *hasher_new(enum digest_algorithm algorithm); /* given: hasher_free */
void hasher_free(struct hasher *hasher);
void hasher_update(struct hasher *hasher, const void *data, size_t len);
int64_t hasher_count(const struct hasher *hasher); /* bytes so far */

/* The digest of what came so far; @hasher can go on. */
void hasher_digest(const struct hasher *hasher, struct digest *out);

/*
 * The state of a sha256 hasher in the binary form upstream keeps in `hashstates`:
 *
 *     0-3     73 68 61 03        ("sha", 3)
 *     4-35    h0..h7             8 * 32 bit big-endian chaining values
 *     36-99   block buffer       count mod 64 pending bytes, rest zero
 *     100-107 count              64 bit big-endian, bytes hashed
 */
#define HASHER_STATE_SIZE 108

void hasher_export(const struct hasher *hasher, uint8_t out[HASHER_STATE_SIZE]);

/* Given: a hasher that goes on from @state; NULL unless it is a well-formed state of exactly
 * @count bytes. */
struct hasher *hasher_import(struct span state, int64_t count);

/* The digest of a text in one go. */
void digest_of(enum digest_algorithm algorithm, struct span content, struct digest *out);
