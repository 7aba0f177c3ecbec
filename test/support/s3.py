# SPDX-License-Identifier: Apache-2.0
"""A bucket as tests look at it: keys, contents and unfinished uploads, with requests signed by hand.

Source of the signature: AWS Signature Version 4.
"""
import contextlib
import datetime
import hashlib
import hmac
import http.client
import urllib.parse
import xml.etree.ElementTree

from support.client import TIMEOUT_S

NAMESPACE = "{http://s3.amazonaws.com/doc/2006-03-01/}"


def _hmac(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def settings(bucket, url=None):
    """What a registry's configuration says of @bucket; @url: where it is reached instead."""
    service = bucket.service
    return {
        "storage.s3.accesskey": service.access_key,
        "storage.s3.secretkey": service.secret_key,
        "storage.s3.region": service.region,
        "storage.s3.regionendpoint": url or service.url,
        "storage.s3.bucket": bucket.name,
        "storage.s3.secure": False,
        "storage.s3.chunksize": 5 << 20,
    }


def environment(service):
    """Where the suite of the storage drivers finds @service."""
    return {
        "KIST_S3_URL": service.url,
        "KIST_S3_ACCESS_KEY": service.access_key,
        "KIST_S3_SECRET_KEY": service.secret_key,
        "KIST_S3_REGION": service.region,
    }


def fetch(url, method="GET", tls=None):
    """Status, headers by lower-case name and body of what a URL leads to, asked without a key; @tls: ssl.SSLContext."""
    parts = urllib.parse.urlsplit(url)
    kind, more = (http.client.HTTPSConnection, {"context": tls}) if tls else (http.client.HTTPConnection, {})
    with contextlib.closing(kind(parts.netloc, timeout=TIMEOUT_S, **more)) as connection:
        connection.request(method, f"{parts.path}?{parts.query}")
        answer = connection.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()


class S3Error(AssertionError):
    def __init__(self, status, body):
        super().__init__(f"{status}: {body[:500]!r}")
        self.status = status


class Bucket:
    """One bucket of a service with access_key, secret_key, region and url (path style)."""

    def __init__(self, service, name):
        self.service = service
        self.name = name
        self.host = urllib.parse.urlsplit(service.url).netloc

    # ---- what tests ask -------------------------------------------------------------------------

    def create(self):
        self.request("PUT")
        return self

    def keys(self, prefix=""):
        found, marker = [], ""
        while True:
            page = self._xml("GET", query={"prefix": prefix, "marker": marker, "max-keys": "1000"})
            found += [item.findtext(f"{NAMESPACE}Key") for item in page.iter(f"{NAMESPACE}Contents")]
            if page.findtext(f"{NAMESPACE}IsTruncated") != "true":
                return found
            marker = found[-1]

    def get(self, key):
        return self.request("GET", key)

    def put(self, key, content):
        self.request("PUT", key, body=content)

    def delete(self, key):
        self.request("DELETE", key)

    def head(self, key):
        """The headers of an object, by lower-case name; None without one."""
        status, headers, _ = self._send("HEAD", key, {}, b"")
        return headers if status == 200 else None

    def uploads(self, prefix=""):
        """Unfinished multipart uploads: [(key, id), ...]."""
        page = self._xml("GET", query={"uploads": "", "prefix": prefix})
        return [
            (item.findtext(f"{NAMESPACE}Key"), item.findtext(f"{NAMESPACE}UploadId"))
            for item in page.iter(f"{NAMESPACE}Upload")
        ]

    def part_sizes(self, key, upload_id):
        page = self._xml("GET", key, query={"uploadId": upload_id})
        return [int(item.findtext(f"{NAMESPACE}Size")) for item in page.iter(f"{NAMESPACE}Part")]

    def part_etags(self, key, upload_id):
        page = self._xml("GET", key, query={"uploadId": upload_id})
        return [
            (int(item.findtext(f"{NAMESPACE}PartNumber")), item.findtext(f"{NAMESPACE}ETag"))
            for item in page.iter(f"{NAMESPACE}Part")
        ]

    def empty(self):
        for key in self.keys():
            self.delete(key)

    # ---- requests -------------------------------------------------------------------------------

    def request(self, method, key="", query=None, body=b""):
        status, _, content = self._send(method, key, query or {}, body)
        if status >= 300:
            raise S3Error(status, content)
        return content

    def _xml(self, method, key="", query=None):
        return xml.etree.ElementTree.fromstring(self.request(method, key, query))

    def _send(self, method, key, query, body):
        path = urllib.parse.quote(f"/{self.name}/{key}" if key else f"/{self.name}", safe="/-_.~")
        encoded = "&".join(
            f"{urllib.parse.quote(k, safe='-_.~')}={urllib.parse.quote(v, safe='-_.~')}"
            for k, v in sorted(query.items())
        )
        connection = http.client.HTTPConnection(self.host, timeout=TIMEOUT_S)
        try:
            target = path + (f"?{encoded}" if encoded else "")
            connection.request(method, target, body, self._signed(method, path, encoded, body))
            answer = connection.getresponse()
            headers = {name.lower(): value for name, value in answer.getheaders()}
            return answer.status, headers, answer.read()
        finally:
            connection.close()

    def _signed(self, method, path, query, body):
        now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
        digest = hashlib.sha256(body).hexdigest()
        headers = {"host": self.host, "x-amz-content-sha256": digest, "x-amz-date": now}
        names = ";".join(sorted(headers))
        lines = "".join(f"{name}:{headers[name]}\n" for name in sorted(headers))
        canonical = "\n".join([method, path, query, lines, names, digest])
        scope = f"{now[:8]}/{self.service.region}/s3/aws4_request"
        hashed = hashlib.sha256(canonical.encode()).hexdigest()
        key = _hmac(f"AWS4{self.service.secret_key}".encode(), now[:8])
        for part in (self.service.region, "s3", "aws4_request"):
            key = _hmac(key, part)
        signature = _hmac(key, "\n".join(["AWS4-HMAC-SHA256", now, scope, hashed])).hex()
        headers["Authorization"] = (
            f"AWS4-HMAC-SHA256 Credential={self.service.access_key}/{scope},"
            f" SignedHeaders={names}, Signature={signature}"
        )
        return headers
