# SPDX-License-Identifier: Apache-2.0
"""Servers that clients of a registry are sent to: a folder of files, and a bucket of objects.

    with FileServer(registry.root, prefix="/images") as cdn:
        settings = {"middleware.storage": [{"name": "redirect", "options": {"baseurl": cdn.url}}]}

A Bucket speaks as much of Amazon's protocol as reading takes: it looks at no signature.
"""
import http.server
import threading
import urllib.parse
import xml.sax.saxutils

LISTING = '<?xml version="1.0" encoding="UTF-8"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'


class _Server:
    def __init__(self):
        self.targets = []  # paths that were asked for, in their order
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                outer.targets.append(self.path)
                status, body, headers = outer.answer(urllib.parse.urlsplit(self.path))
                if status == 200 and "Range" in self.headers:
                    status, body, headers = _part(body, self.headers["Range"])
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(body)

            do_HEAD = do_GET

            def log_message(self, *_):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.host = f"127.0.0.1:{self._server.server_port}"
        self.origin = f"http://{self.host}"

    def __enter__(self):
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


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

    def answer(self, url):
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

    def answer(self, url):
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
