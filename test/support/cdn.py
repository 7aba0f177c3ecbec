# SPDX-License-Identifier: Apache-2.0
"""Servers that clients of a registry are sent to: a folder of files, and a bucket of objects.

    with FileServer(registry.root, prefix="/images") as cdn:
        settings = {"middleware.storage": [{"name": "redirect", "options": {"baseurl": cdn.url}}]}

A Bucket speaks as much of Amazon's protocol as reading takes: it looks at no signature.
"""
import urllib.parse
import xml.sax.saxutils

from support.small_server import SmallServer

LISTING = '<?xml version="1.0" encoding="UTF-8"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'


class _Server(SmallServer):
    """Parts of its objects can be had, too."""

    def answer(self, request):
        status, body, headers = self.find(urllib.parse.urlsplit(request.target))
        if status == 200 and "Range" in request.headers:
            return _part(body, request.headers["Range"])
        return status, body, headers


def _part(body, wanted):
    first, last = wanted.removeprefix("bytes=").split("-")
    first, last = int(first), min(int(last or len(body) - 1), len(body) - 1)
    return 206, body[first : last + 1], {"Content-Range": f"bytes {first}-{last}/{len(body)}"}


class FileServer(_Server):
    """The files below @root, at @prefix."""

    def __init__(self, root, prefix=""):
        super().__init__()
        self.root = root
        self.prefix = prefix
        self.url = self.origin + prefix

    def find(self, url):
        path = self.root / url.path.removeprefix(self.prefix).lstrip("/")
        if not url.path.startswith(self.prefix) or not path.is_file():
            return 404, b"", {}
        return 200, path.read_bytes(), {}


class Bucket(_Server):
    """Objects of a bucket, path style; `objects` is {key: bytes}."""

    def __init__(self, name, objects):
        super().__init__()
        self.name = name
        self.objects = objects

    def settings(self, **more):
        return {"accesskey": "AK", "secretkey": "SK", "region": "us-east-1", "bucket": self.name,
                "regionendpoint": self.origin, "secure": False} | more

    def find(self, url):
        key = urllib.parse.unquote(url.path).removeprefix(f"/{self.name}").removeprefix("/")
        if key == "":
            return 200, self._listing(urllib.parse.parse_qs(url.query)), {"Content-Type": "application/xml"}
        if key not in self.objects:
            return 404, b"<Error><Code>NoSuchKey</Code></Error>", {"Content-Type": "application/xml"}
        return 200, self.objects[key], {"Last-Modified": "Sat, 21 Nov 2026 00:00:00 GMT", "ETag": '"e"'}

    def _listing(self, query):
        prefix = query.get("prefix", [""])[0]
        items = "".join(
            f"<Contents><Key>{xml.sax.saxutils.escape(key)}</Key><Size>{len(content)}</Size>"
            "<LastModified>2026-11-21T00:00:00.000Z</LastModified></Contents>"
            for key, content in sorted(self.objects.items()) if key.startswith(prefix)
        )
        return f"{LISTING}<IsTruncated>false</IsTruncated>{items}</ListBucketResult>".encode()
