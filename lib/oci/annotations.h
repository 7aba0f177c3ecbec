/* SPDX-License-Identifier: Apache-2.0
 *
 * annotations - a manifest's annotations as they go into a descriptor of it.
 *
 * Private to lib/oci.
 */
#pragma once

#include <cjson/cJSON.h>
#include <stddef.h>

/*
 * annotations_format - the members of @object as one line of JSON, keys ascending.
 *
 * Of equal keys the last counts, a null is an empty text, and what is no text is left out. Given:
 * free(). NULL when there are none (@object may be NULL), or when the text exceeds @max bytes.
 */
char *annotations_format(const cJSON *object, size_t max);
