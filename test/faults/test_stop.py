# SPDX-License-Identifier: Apache-2.0
"""SIGTERM and SIGINT with requests on their way."""
import signal
import socket
import time

import pytest
from support import layout
from support.client import OCTETS, TIMEOUT_S
from support.content import digest_of, random_bytes
from support.registry import is_upstream, wait_until

MIB = 1 << 20
DRAIN = {"http.draintimeout": "1h"}  # nobody waits for it


@pytest.fixture
def draining(start_registry):
    return start_registry(settings=DRAIN)


def refuses_connections(registry):
    try:
        socket.create_connection(registry.address, timeout=TIMEOUT_S).close()
    except OSError:
        return True
    return False


def terminate(registry, number=signal.SIGTERM):
    registry.signal(number)
    wait_until(lambda: refuses_connections(registry), what="new connections are refused")


def begin_pull(registry, repo, size):
    """A pull of which a part has been read: (connection, what is left to come)."""
    data = random_bytes(size, repo)
    with registry.client() as client:
        digest = client.push_blob(repo, data)
    connection = registry.connect(receive_buffer=65536)
    connection.send_head("GET", f"/v2/{repo}/blobs/{digest}")
    assert connection.read_head().status == 200
    assert connection.read_exactly(1000) == data[:1000]
    return connection, data[1000:]


def begin_push(registry, repo, data, size):
    """A push of which the first @size bytes of @data have been sent and received."""
    with registry.client() as client:
        target = client.start_upload(repo)
    connection = registry.connect()
    connection.send_head("PATCH", target, {"Content-Type": OCTETS, "Content-Length": len(data)})
    connection.send(data[:size])
    uploads = registry.repository_path(repo) / "_uploads"
    wait_until(lambda: any(p.stat().st_size for p in uploads.glob("*/data")), what="bytes arrive")
    return connection, target


@pytest.mark.parametrize(
    "number",
    [
        signal.SIGTERM,
        pytest.param(signal.SIGINT, marks=pytest.mark.ours("SIGINT stops as SIGTERM does")),
    ],
)
def test_idle_server_stops_at_once(start_registry, number):
    registry = start_registry(settings=DRAIN)
    with registry.connect() as idle:
        assert idle.request("GET", "/v2/").status == 200
        registry.signal(number)
        assert idle.is_closed_by_server()
        assert registry.wait() == 0
    registry.assert_no_faults()


def test_slow_pull_is_finished(draining, repo):
    connection, rest = begin_pull(draining, repo, 16 * MIB)
    terminate(draining)
    assert connection.read_exactly(len(rest)) == rest
    assert connection.is_closed_by_server()
    assert draining.wait() == 0
    draining.assert_no_faults()


def test_slow_push_is_finished(draining, repo):
    data = random_bytes(2 * MIB, repo)
    connection, _ = begin_push(draining, repo, data, MIB)
    terminate(draining)
    connection.send(data[MIB:])
    response = connection.read_response()
    assert response.status == 202
    if not is_upstream():
        assert response.closes
    assert connection.is_closed_by_server()
    assert draining.wait() == 0
    draining.start()
    with draining.client() as client:
        client.commit(response.location, digest_of(data))
        assert client.pull_blob(repo, digest_of(data)) == data


@pytest.mark.ours("a second signal ends the patience")
def test_second_signal_stops_at_once(draining, repo):
    data = random_bytes(2 * MIB, repo)
    connection, target = begin_push(draining, repo, data, MIB)
    terminate(draining)
    draining.signal(signal.SIGTERM)
    draining.wait()
    draining.assert_no_faults()
    connection.close()
    draining.start()
    with draining.client() as client:  # what had come can be gone on with
        response = client.get(target)
        have = int(response.header("Range").removeprefix("0-")) + 1
        target = client.append(response.location, data[have:]) if have > 1 else None
        if target:
            client.commit(target, digest_of(data))


@pytest.mark.ours("the bytes of a push that is cut are kept")
def test_draintimeout_cuts_what_does_not_finish(start_registry, repo):
    registry = start_registry(settings={"http.draintimeout": "500ms"})
    data = random_bytes(2 * MIB, repo)
    push, target = begin_push(registry, repo, data, MIB)
    pull, rest = begin_pull(registry, f"{repo}/pull", 32 * MIB)
    began = time.monotonic()
    terminate(registry)
    status = registry.wait()
    assert time.monotonic() - began > 0.3
    assert status in (0, 1)
    registry.assert_no_faults()
    received = 0
    try:
        while piece := pull.socket.recv(1 << 20):
            received += len(piece)
    except ConnectionError:
        pass
    assert received < len(rest)
    push.close()
    pull.close()
    layout.check(registry.root, temporary=True)
    registry.start()
    with registry.client() as client:
        response = client.get(target)
        have = int(response.header("Range").removeprefix("0-")) + 1
        assert 1 <= have <= MIB
        if have > 1:
            client.commit(client.append(response.location, data[have:]), digest_of(data))


def test_head_that_is_arriving_does_not_hold_the_server(start_registry):
    registry = start_registry(settings={"http.draintimeout": "500ms"})
    with registry.connect() as connection:
        connection.send(b"GET /v2/ HTTP/1.1\r\n")
        registry.signal(signal.SIGTERM)
        assert registry.wait() in (0, 1)


@pytest.mark.ours("upstream dies by the signal", run=False)
def test_server_without_configured_draintimeout_exits_with_0(start_registry, repo):
    registry = start_registry()
    data = random_bytes(2 * MIB, repo)
    connection, _ = begin_push(registry, repo, data, MIB)
    terminate(registry)
    connection.send(data[MIB:])
    assert connection.read_response().status == 202
    assert registry.wait() == 0


def test_restart_takes_over_the_port_at_once(start_registry, repo):
    registry = start_registry(settings=DRAIN)
    with registry.client() as client:
        digest = client.push_blob(repo, b"kept")
    for _ in range(3):
        with registry.connect() as busy:
            busy.request("GET", "/v2/")
            registry.restart()
        with registry.client() as client:
            assert client.pull_blob(repo, digest) == b"kept"


@pytest.mark.ours("SIGHUP and SIGPIPE are no reason to die", run=False)
@pytest.mark.ours("upstream ends at SIGHUP")
def test_sighup_does_no_harm_to_the_end(start_registry):
    for _ in range(10):
        registry = start_registry(storage="inmemory")
        registry.signal(signal.SIGTERM)
        while registry.process.poll() is None:
            registry.signal(signal.SIGHUP)
        assert registry.wait() == 0
        registry.assert_no_faults()


@pytest.mark.ours("upstream ends at SIGHUP")
def test_stopping_while_reading_again_is_no_error(start_registry, tmp_path):
    path = tmp_path / "htpasswd"
    path.write_text("u:x\n")
    for _ in range(10):
        registry = start_registry(
            storage="inmemory", settings={"auth.htpasswd": {"realm": "r", "path": str(path)}}
        )
        registry.signal(signal.SIGHUP)
        registry.signal(signal.SIGTERM)
        assert registry.wait() == 0
        assert "level=error" not in registry.stderr()


def test_sigpipe_does_no_harm(start_registry):
    registry = start_registry()
    registry.signal(signal.SIGPIPE)
    with registry.client() as client:
        assert client.get("/v2/").status == 200
