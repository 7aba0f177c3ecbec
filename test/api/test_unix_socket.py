# SPDX-License-Identifier: Apache-2.0
"""http.net: unix. The socket's file, and who the client is in the logs."""
import os
import signal
import socket
import stat

import pytest
from support.client import Client, Connection
from support.content import random_bytes
from support.registry import Registry, wait_until


class UnixRegistry(Registry):
    """Listens on a path."""

    path = None

    def start(self):
        self.config["http"] |= {"net": "unix", "addr": str(self.path)}
        self._spawn()
        wait_until(self._is_listening, what="the server listens")
        return self

    def _is_listening(self):
        if self.process.poll() is not None:
            raise AssertionError(f"the server ended:\n{self.stderr()}")
        return f"listening on {self.path}" in self.stderr()

    @property
    def address(self):
        return str(self.path)


@pytest.fixture
def start_unix(tmp_path):
    started = []

    def start(path=tmp_path / "registry.sock", **options):
        registry = UnixRegistry(tmp_path / f"registry{len(started)}", **options)
        registry.path = path
        registry.start()
        started.append(registry)
        return registry

    yield start
    for registry in started:
        registry.stop()


def test_images_go_through_a_unix_socket(start_unix, repo):
    registry = start_unix()
    data = random_bytes(3_000_000, repo)
    with registry.client() as client:
        assert client.get("/v2/").status == 200
        assert client.pull_blob(repo, client.push_blob(repo, data)) == data


def test_pipelined_requests_and_a_half_closed_socket(start_unix):
    registry = start_unix()
    with registry.connect() as connection:
        for _ in range(10):
            connection.send_head("GET", "/v2/")
        connection.socket.shutdown(socket.SHUT_WR)
        for _ in range(10):
            assert connection.read_response().status == 200
        assert connection.is_closed_by_server()


def test_client_is_an_at_sign_in_the_logs(start_unix):
    registry = start_unix()
    with registry.client() as client:
        client.get("/v2/")
    wait_until(lambda: "response completed" in registry.stderr(), what="the request is logged")
    assert "http.request.remoteaddr=@ " in registry.stderr()
    assert registry.stdout().startswith("@ - - [")


def test_mode_of_the_socket_follows_the_umask(start_unix):
    before = os.umask(0o027)
    try:
        registry = start_unix()
    finally:
        os.umask(before)
    assert stat.S_IMODE(os.stat(registry.path).st_mode) == 0o750


def test_old_socket_is_replaced(start_unix, tmp_path):
    path = tmp_path / "old.sock"
    with socket.socket(socket.AF_UNIX) as old:
        old.bind(str(path))
        with start_unix(path).client() as client:
            assert client.get("/v2/").status == 200


def test_other_file_is_not_replaced(start_unix, tmp_path):
    path = tmp_path / "file"
    path.write_text("precious")
    with pytest.raises(AssertionError, match=f"file {path} exists and is not a socket"):
        start_unix(path)
    assert path.read_text() == "precious"


def test_folder_that_is_not_there_is_an_error(start_unix):
    words = "listen unix /nonexistent/r.sock: bind: no such file or directory"
    with pytest.raises(AssertionError, match=words):
        start_unix("/nonexistent/r.sock")


def test_path_that_is_too_long_is_an_error(start_unix, tmp_path):
    with pytest.raises(AssertionError, match="bind: invalid argument"):
        start_unix(tmp_path / ("x" * 120))


def test_address_that_is_taken_is_an_error(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        registry = Registry(tmp_path / "registry")
        registry.port = taken.getsockname()[1]
        words = f"listen tcp 127.0.0.1:{registry.port}: bind: address already in use"
        with pytest.raises(AssertionError, match=words):
            registry.start()


def test_abstract_socket(start_unix, tmp_path):
    name = f"@{tmp_path}/abstract"
    start_unix(name)
    with Connection("\0" + name[1:]) as connection:
        assert connection.request("GET", "/v2/").status == 200


@pytest.mark.ours("upstream leaves the file behind")
def test_clean_stop_removes_the_file(start_unix):
    registry = start_unix()
    assert registry.path.exists()
    registry.stop()
    assert not registry.path.exists()


@pytest.mark.ours("upstream leaves the file behind")
def test_file_of_a_successor_is_left_alone(start_unix):
    first = start_unix()
    second = start_unix()
    first.stop()
    assert second.path.exists()
    with second.client() as client:
        assert client.get("/v2/").status == 200


@pytest.mark.ours("upstream ends at once")
def test_stop_lets_requests_finish(start_unix, repo):
    registry = start_unix()
    with Client(registry.address) as client:
        location = client.start_upload(repo)
    with registry.connect() as connection:
        connection.send_head("PATCH", location, {"Content-Length": 10})
        connection.send(b"01234")
        uploads = registry.repository_path(repo) / "_uploads"
        wait_until(lambda: any(p.stat().st_size for p in uploads.glob("*/data")), what="bytes arrive")
        registry.signal(signal.SIGTERM)
        wait_until(lambda: not registry.path.exists(), what="it no longer listens")
        connection.send(b"56789")
        assert connection.read_response().status == 202
    assert registry.wait() == 0
