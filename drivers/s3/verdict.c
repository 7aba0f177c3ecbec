/* SPDX-License-Identifier: Apache-2.0
 *
 * verdict - see verdict.h.
 */
#include "drivers/s3/verdict.h"

#include "lib/base/encode.h"
#include "lib/client/retry.h"

#include <stdio.h>
#include <time.h>

#include "lib/base/banned.h"

enum meaning { MEANS_NOTHING, MEANS_NOT_FOUND, MEANS_FULL, MEANS_AGAIN, MEANS_SLOWER, MEANS_KEYS };

static const struct {
    const char *code;
    enum meaning meaning;
} codes[] = {
    {"NoSuchKey", MEANS_NOT_FOUND},
    {"NoSuchUpload", MEANS_NOT_FOUND},
    {"QuotaExceeded", MEANS_FULL},
    {"StorageFull", MEANS_FULL},
    {"XMinioStorageFull", MEANS_FULL},
    {"XMinioAdminBucketQuotaExceeded", MEANS_FULL},
    {"InternalError", MEANS_AGAIN},
    {"OperationAborted", MEANS_AGAIN},
    {"ConcurrentModification", MEANS_AGAIN},
    {"RequestTimeout", MEANS_AGAIN},
    {"ServiceUnavailable", MEANS_SLOWER},
    {"SlowDown", MEANS_SLOWER},
    {"Throttling", MEANS_SLOWER},
    {"RequestLimitExceeded", MEANS_SLOWER},
    {"ExpiredToken", MEANS_KEYS},
    {"TokenRefreshRequired", MEANS_KEYS},
};

static enum meaning meaning_of(const struct s3_answer *answer)
{
    for (size_t i = 0; i < array_count(codes); i++) {
        if (strcmp(codes[i].code, answer->code) == 0)
            return codes[i].meaning;
    }
    if (answer->status == 404 && answer->code[0] == '\0')
        return MEANS_NOT_FOUND;
    if (answer->status == 507)
        return MEANS_FULL;
    if (answer->status == 429 || answer->status == 503)
        return MEANS_SLOWER;
    return is_retry_status(answer->status) ? MEANS_AGAIN : MEANS_NOTHING;
}

static int fail(enum error_code code, const struct s3_answer *answer, struct error *err)
{
    const char *message = answer->xml.message != NULL ? answer->xml.message : "";

    if (answer->code[0] == '\0')
        return error_set(err, code, "the service answered with status %d", answer->status);
    return error_set(err, code, "the service says %s: %.160s (status %d)", answer->code, message,
                     answer->status);
}

static int fail_skewed(struct error *err)
{
    return error_set(err, ERROR_IO,
                     "the service says RequestTimeTooSkewed: the clock of this host, or the "
                     "service's, is wrong by more than 15 minutes");
}

int verdict_of(struct s3_answer *answer, struct error *err)
{
    bool is_error = answer->xml.root != NULL && strcmp(answer->xml.root, "Error") == 0;

    if (answer->status / 100 == 2 && !is_error)
        return 0;
    snprintf(answer->code, sizeof(answer->code), "%s",
             answer->xml.code != NULL ? answer->xml.code : "");
    if (strcmp(answer->code, "RequestTimeTooSkewed") == 0)
        return fail_skewed(err);
    if (answer->status == 416)
        return fail(ERROR_INVALID, answer, err);
    switch (meaning_of(answer)) {
    case MEANS_NOT_FOUND:
        return fail(ERROR_NOT_FOUND, answer, err);
    case MEANS_FULL:
        return fail(ERROR_FULL, answer, err);
    default:
        return fail(ERROR_IO, answer, err);
    }
}

bool is_verdict_lost(const struct s3_answer *answer)
{
    return answer->status == 0 || answer->status == 504 ||
           (answer->status / 100 == 2 && answer->code[0] == '\0');
}

enum verdict verdict_on_repeating(const struct s3_answer *answer, const struct error *err)
{
    if ((err->code != ERROR_IO && err->code != ERROR_TIMEOUT) || answer->is_hopeless)
        return VERDICT_FINAL;
    if (is_verdict_lost(answer))
        return VERDICT_AGAIN;
    switch (meaning_of(answer)) {
    case MEANS_AGAIN:
        return VERDICT_AGAIN;
    case MEANS_SLOWER:
        return VERDICT_SLOWER;
    case MEANS_KEYS:
        return VERDICT_CREDENTIALS;
    default:
        return VERDICT_FINAL;
    }
}

int64_t verdict_total(struct span content_range)
{
    struct span rest = content_range;
    int64_t total;

    (void)span_cut(&rest, '/');
    return decode_decimal(span_trim(rest), &total) ? total : -1;
}

bool verdict_time(const char *text, struct timespec *out)
{
    struct tm tm = {0};
    const char *end = strptime(text, "%a, %d %b %Y %H:%M:%S GMT", &tm);

    if (end == NULL || *end != '\0')
        return false;
    *out = (struct timespec){.tv_sec = timegm(&tm)};
    return true;
}
