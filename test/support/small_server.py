# SPDX-License-Identifier: Apache-2.0
"""A small HTTP server on loopback, for those that a registry or its clients turn to.

    class Hello(SmallServer):
        def answer(self, request):
            return 200, b"hello", {"Content-Type": "text/plain"}

    with Hello() as server:
        client.get(f"{server.origin}/x")
        assert server.requests[0].target == "/x"
"""
import contextlib
import email.message
import http.server
import threading
import typing


class Request(typing.NamedTuple):
    method: str
    target: str
    headers: email.message.Message  # names without case; None for what is not there


class SmallServer:
    """Listens as soon as it is made, and answers from `with` on. What has been asked is in `requests`, in its order."""

    def __init__(self):
        self.requests = []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                request = Request(self.command, self.path, self.headers)
                outer.requests.append(request)
                with contextlib.suppress(ConnectionError):
                    self.reply(*outer.answer(request))

            do_HEAD = do_PUT = do_GET

            def reply(self, status, body, headers):
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(body)

            def log_message(self, *_):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self.port = self._server.server_port
        self.host = f"127.0.0.1:{self.port}"
        self.origin = f"http://{self.host}"

    def answer(self, request):
        """Status, body and headers; without Content-Length."""
        raise NotImplementedError

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
