/* SPDX-License-Identifier: Apache-2.0
 *
 * ascii - classes of ASCII characters, whatever the locale; bytes above ASCII are in none.
 */
#pragma once

#include <stdbool.h>
#include <string.h>

static inline bool is_ascii_digit(char c)
{
    return c >= '0' && c <= '9';
}

static inline bool is_ascii_lower(char c)
{
    return c >= 'a' && c <= 'z';
}

static inline bool is_ascii_upper(char c)
{
    return c >= 'A' && c <= 'Z';
}

static inline bool is_ascii_alnum(char c)
{
    return is_ascii_digit(c) || is_ascii_lower(c) || is_ascii_upper(c);
}

/* A letter, a digit, or one of @others. */
static inline bool is_ascii_alnum_or(char c, const char *others)
{
    return is_ascii_alnum(c) || (c != '\0' && strchr(others, c) != NULL);
}

static inline char ascii_lower(char c)
{
    return is_ascii_upper(c) ? (char)(c - 'A' + 'a') : c;
}

/* 0..15 for a hexadecimal digit of either case, else -1. */
static inline int ascii_hex_value(char c)
{
    if (is_ascii_digit(c))
        return c - '0';
    c = ascii_lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}
