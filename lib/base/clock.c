/* SPDX-License-Identifier: Apache-2.0
 *
 * clock - see clock.h.
 */
#include "lib/base/clock.h"

#include "lib/base/ascii.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/banned.h"

int64_t clock_monotonic_ns(void)
{
    struct timespec at;

    clock_gettime(CLOCK_MONOTONIC, &at);
    return at.tv_sec * CLOCK_SECOND_NS + at.tv_nsec;
}

int64_t clock_monotonic_ms(void)
{
    return clock_monotonic_ns() / CLOCK_MS_NS;
}

int clock_wait_ms(int64_t ns)
{
    int64_t ms = ns / CLOCK_MS_NS + (ns % CLOCK_MS_NS > 0);

    return ms < 0 ? 0 : ms > INT_MAX ? INT_MAX : (int)ms;
}

struct timespec clock_now(void)
{
    struct timespec at;

    clock_gettime(CLOCK_REALTIME, &at);
    return at;
}

void clock_format_rfc3339(struct timespec at, char out[CLOCK_RFC3339_SIZE])
{
    struct tm tm = {0};
    size_t len;

    gmtime_r(&at.tv_sec, &tm);
    len = (size_t)snprintf(out, CLOCK_RFC3339_SIZE, "%04ld-", tm.tm_year + 1900L);
    len += strftime(out + len, CLOCK_RFC3339_SIZE - len, "%m-%dT%H:%M:%S", &tm);
    if (at.tv_nsec > 0) {
        len += (size_t)snprintf(out + len, CLOCK_RFC3339_SIZE - len, ".%09ld", at.tv_nsec);
        while (out[len - 1] == '0')
            len--;
    }
    out[len] = 'Z';
    out[len + 1] = '\0';
}

/* Takes @count digits from the front of @text as a number. */
static bool take_number(struct span *text, size_t count, int *out)
{
    int value = 0;

    if (text->len < count)
        return false;
    for (size_t i = 0; i < count; i++) {
        if (text->data[i] < '0' || text->data[i] > '9')
            return false;
        value = value * 10 + (text->data[i] - '0');
    }
    *text = span_from(*text, count);
    *out = value;
    return true;
}

static bool take_char(struct span *text, const char *any)
{
    if (text->len == 0 || text->data[0] == '\0' || strchr(any, text->data[0]) == NULL)
        return false;
    *text = span_from(*text, 1);
    return true;
}

static bool take_date(struct span *text, struct tm *tm)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int year;
    bool leap;

    if (!take_number(text, 4, &year) || !take_char(text, "-") ||
        !take_number(text, 2, &tm->tm_mon) || !take_char(text, "-") ||
        !take_number(text, 2, &tm->tm_mday))
        return false;
    leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    tm->tm_year = year - 1900;
    tm->tm_mon -= 1;
    return tm->tm_mon >= 0 && tm->tm_mon < 12 && tm->tm_mday >= 1 &&
           tm->tm_mday <= days[tm->tm_mon] + (tm->tm_mon == 1 && leap);
}

static bool take_time(struct span *text, struct tm *tm)
{
    return take_number(text, 2, &tm->tm_hour) && take_char(text, ":") &&
           take_number(text, 2, &tm->tm_min) && take_char(text, ":") &&
           take_number(text, 2, &tm->tm_sec) && tm->tm_hour < 24 && tm->tm_min < 60 &&
           tm->tm_sec < 60;
}

static bool take_fraction(struct span *text, long *out_ns)
{
    long ns = 0;
    long unit = 100000000;
    size_t count = 0;

    for (; text->len > 0 && is_ascii_digit(text->data[0]); count++) {
        ns += (text->data[0] - '0') * unit;
        unit /= 10;
        *text = span_from(*text, 1);
    }
    *out_ns = ns;
    return count > 0;
}

static bool take_offset(struct span *text, int *out_seconds)
{
    int sign;
    int hours;
    int minutes;

    if (take_char(text, "Z")) {
        *out_seconds = 0;
        return true;
    }
    sign = text->len > 0 && text->data[0] == '-' ? -1 : 1;
    if (!take_char(text, "+-") || !take_number(text, 2, &hours) || !take_char(text, ":") ||
        !take_number(text, 2, &minutes) || hours > 23 || minutes > 59)
        return false;
    *out_seconds = sign * (hours * 3600 + minutes * 60);
    return true;
}

bool clock_parse_rfc3339(struct span text, struct timespec *out)
{
    struct tm tm = {0};
    long ns = 0;
    int offset;

    if (!take_date(&text, &tm) || !take_char(&text, "T") || !take_time(&text, &tm))
        return false;
    if (take_char(&text, ".") && !take_fraction(&text, &ns))
        return false;
    if (!take_offset(&text, &offset) || text.len > 0)
        return false;
    out->tv_sec = timegm(&tm) - offset;
    out->tv_nsec = ns;
    return true;
}

static void append_fraction(int64_t ns, int digits, char *out, size_t size)
{
    int len;

    out[0] = '\0';
    if (ns == 0)
        return;
    len = snprintf(out, size, ".%0*" PRId64, digits, ns);
    while (len > 0 && out[len - 1] == '0')
        out[--len] = '\0';
}

void clock_format_duration(int64_t ns, char out[CLOCK_DURATION_SIZE])
{
    static const struct {
        int64_t ns;
        const char *name;
        int digits; /* of the fraction */
    } units[] = {{CLOCK_SECOND_NS, "s", 9}, {CLOCK_MS_NS, "ms", 6}, {1000, "µs", 3}, {1, "ns", 0}};
    const char *sign = ns < 0 ? "-" : "";
    int64_t rest = ns < 0 ? ns == INT64_MIN ? INT64_MAX : -ns : ns;
    int64_t minutes = rest / (60 * CLOCK_SECOND_NS);
    char fraction[16];
    char longer[32] = "";
    size_t i = 0;

    if (minutes >= 60)
        snprintf(longer, sizeof(longer), "%" PRId64 "h%" PRId64 "m", minutes / 60, minutes % 60);
    else if (minutes > 0)
        snprintf(longer, sizeof(longer), "%" PRId64 "m", minutes);
    rest %= 60 * CLOCK_SECOND_NS;
    while (ns != 0 && minutes == 0 && i + 1 < array_count(units) && rest < units[i].ns)
        i++;
    append_fraction(rest % units[i].ns, units[i].digits, fraction, sizeof(fraction));
    snprintf(out, CLOCK_DURATION_SIZE, "%s%s%" PRId64 "%s%s", sign, longer, rest / units[i].ns,
             fraction, units[i].name);
}
