/* SPDX-License-Identifier: Apache-2.0
 *
 * failure - see failure.h.
 */
#include "lib/client/failure.h"

#include "lib/base/cleanup.h"
#include "lib/client/retry.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/banned.h"

static const CURLcode passing[] = {
    CURLE_COULDNT_RESOLVE_PROXY,
    CURLE_COULDNT_RESOLVE_HOST,
    CURLE_COULDNT_CONNECT,
    CURLE_PROXY, /* the host behind a SOCKS proxy */
    CURLE_WEIRD_SERVER_REPLY,
    CURLE_PARTIAL_FILE,
    CURLE_OPERATION_TIMEDOUT,
    CURLE_SSL_CONNECT_ERROR,
    CURLE_GOT_NOTHING,
    CURLE_SEND_ERROR,
    CURLE_RECV_ERROR,
    CURLE_SEND_FAIL_REWIND,
};

/* What OpenSSL has met, as libcurl repeats it, "error:0A000126:SSL routines::...". 0: it is none of
 * OpenSSL's. */
static unsigned long tls_error(const char *reason)
{
    static const char mark[] = "error:";
    const char *at = strstr(reason, mark);

    return at != NULL ? strtoul(at + strlen(mark), NULL, 16) : 0;
}

/* The two sides do not agree, and will not. But connections are cut, bytes are damaged on the way,
 * and servers are in trouble of their own. Source: RFC 8446 section 6.2. */
static bool is_tls_refused(const char *reason)
{
    unsigned long error = tls_error(reason);

    if (error == 0 || ERR_GET_LIB(error) != ERR_LIB_SSL)
        return false;
    switch (ERR_GET_REASON(error)) {
    case SSL_R_UNEXPECTED_EOF_WHILE_READING:
    case SSL_R_DECRYPTION_FAILED_OR_BAD_RECORD_MAC:
    case SSL_AD_REASON_OFFSET + SSL_AD_BAD_RECORD_MAC:
    case SSL_AD_REASON_OFFSET + SSL_AD_INTERNAL_ERROR:
    case SSL_AD_REASON_OFFSET + SSL_AD_USER_CANCELLED:
        return false;
    default:
        return true;
    }
}

bool is_failure_passing(CURLcode result, const char *reason, int proxy_status)
{
    if (is_tls_refused(reason) || (proxy_status >= 300 && !is_retry_status(proxy_status)))
        return false;
    for (size_t i = 0; i < array_count(passing); i++) {
        if (result == passing[i])
            return true;
    }
    return false;
}
