# SPDX-License-Identifier: Apache-2.0
"""Assertions that many tests share."""
import json

JSON_TYPE = "application/json; charset=utf-8"
MESSAGES = {
    "BLOB_UNKNOWN": "blob unknown to registry",
    "BLOB_UPLOAD_INVALID": "blob upload invalid",
    "BLOB_UPLOAD_UNKNOWN": "blob upload unknown to registry",
    "DENIED": "requested access to the resource is denied",
    "DIGEST_INVALID": "provided digest did not match uploaded content",
    "MANIFEST_BLOB_UNKNOWN": "blob unknown to registry",
    "MANIFEST_UNKNOWN": "manifest unknown",
    "MANIFEST_INVALID": "manifest invalid",
    "NAME_INVALID": "invalid repository name",
    "NAME_UNKNOWN": "repository name not known to registry",
    "PAGINATION_NUMBER_INVALID": "invalid number of results requested",
    "TOOMANYREQUESTS": "too many requests",
    "UNAUTHORIZED": "authentication required",
    "UNSUPPORTED": "The operation is unsupported.",
}
ABSENT = object()


def envelope(code, detail=ABSENT):
    """The exact body of an answer with one error."""
    error = {"code": code, "message": MESSAGES[code]}
    if detail is not ABSENT:
        error["detail"] = detail
    return json.dumps({"errors": [error]}, separators=(",", ":")).encode() + b"\n"


def assert_error(response, status, code, detail=ABSENT):
    """An answer with exactly this one error. `detail` is compared when it is given."""
    assert response.status == status, response
    assert response.header("Content-Type") == JSON_TYPE
    assert response.header("Docker-Distribution-Api-Version") == "registry/2.0"
    assert response.header("Content-Length") == str(len(response.body))
    if detail is ABSENT:
        detail = response.json()["errors"][0].get("detail", ABSENT)
    assert response.body == envelope(code, detail)


def assert_text_error(response, status, text):
    """An answer as plain text, as the router gives it."""
    assert response.status == status, response
    assert response.header("Content-Type") == "text/plain; charset=utf-8"
    assert response.header("X-Content-Type-Options") == "nosniff"
    assert response.header("Docker-Distribution-Api-Version") == "registry/2.0"
    assert response.body == text.encode() + b"\n"


def assert_empty(response, status):
    """No bytes, and said so; an answer to HEAD need not say it."""
    assert response.status == status, response
    assert response.header("Content-Length") == "0" or response.method == "HEAD", response
    assert response.body == b""


def assert_no_body(response, status):
    """204 and 304: neither a body nor a length."""
    assert response.status == status, response
    assert response.header("Content-Length") is None
    assert response.header("Transfer-Encoding") is None
