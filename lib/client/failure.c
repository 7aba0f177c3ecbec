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

#define ALERT(name) (SSL_AD_REASON_OFFSET + SSL_AD_##name)

/* What says that the two sides do not agree, and will not: alerts of the other side, and what is
 * seen on this one. All else may come of bytes that were lost or damaged on the way. Source: RFC
 * 8446 section 6.2. */
static const int refusals[] = {
    ALERT(HANDSHAKE_FAILURE),
    ALERT(BAD_CERTIFICATE),
    ALERT(UNSUPPORTED_CERTIFICATE),
    ALERT(CERTIFICATE_REVOKED),
    ALERT(CERTIFICATE_EXPIRED),
    ALERT(CERTIFICATE_UNKNOWN),
    ALERT(UNKNOWN_CA),
    ALERT(ACCESS_DENIED),
    ALERT(PROTOCOL_VERSION),
    ALERT(INSUFFICIENT_SECURITY),
    ALERT(UNRECOGNIZED_NAME),
    ALERT(CERTIFICATE_REQUIRED),
    SSL_R_CERTIFICATE_VERIFY_FAILED,
    SSL_R_WRONG_VERSION_NUMBER, /* or no TLS at all */
    SSL_R_UNSUPPORTED_PROTOCOL,
    SSL_R_UNSAFE_LEGACY_RENEGOTIATION_DISABLED,
    SSL_R_DH_KEY_TOO_SMALL,
    SSL_R_EE_KEY_TOO_SMALL,
    SSL_R_CA_MD_TOO_WEAK,
    SSL_R_CA_KEY_TOO_SMALL,
};

static bool is_tls_refused(const char *reason)
{
    unsigned long error = tls_error(reason);

    for (size_t i = 0; i < array_count(refusals) && ERR_GET_LIB(error) == ERR_LIB_SSL; i++) {
        if (ERR_GET_REASON(error) == refusals[i])
            return true;
    }
    return false;
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
