# SPDX-License-Identifier: Apache-2.0
"""Under a service manager: what it is told, and the sockets it hands over."""
import os
import signal
import socket
import time

import pytest
from support.client import Client
from support.manager import Manager, handing_over
from support.registry import Registry

pytestmark = pytest.mark.ours("upstream knows no service manager")


@pytest.fixture
def manager(tmp_path):
    manager = Manager(tmp_path)
    yield manager
    manager.close()


def listener(family=socket.AF_INET, address=("127.0.0.1", 0)):
    bound = socket.socket(family)
    bound.bind(address)
    bound.listen(16)
    return bound


def test_manager_hears_ready_reloading_and_stopping(start_registry, manager):
    registry = start_registry(environment=manager.environment)
    ready = manager.wait_for("READY")
    assert ready["READY"] == "1" and f"127.0.0.1:{registry.port}" in ready["STATUS"]
    before = time.monotonic_ns() // 1000
    registry.signal(signal.SIGHUP)
    reloading = manager.wait_for("RELOADING")
    assert before <= int(reloading["MONOTONIC_USEC"]) <= time.monotonic_ns() // 1000
    manager.wait_for("READY")
    registry.signal(signal.SIGTERM)
    assert manager.wait_for("STOPPING")["STOPPING"] == "1"
    assert registry.wait() == 0


def test_bad_configuration_ends_the_reload_too(start_registry, manager):
    registry = start_registry(environment=manager.environment)
    manager.wait_for("READY")
    registry.config_path.write_text("version: 0.1\n")
    registry.signal(signal.SIGHUP)
    manager.wait_for("RELOADING")
    manager.wait_for("READY")


def test_nothing_is_ready_that_cannot_start(tmp_path, manager):
    with listener() as taken:
        registry = Registry(tmp_path / "r", environment=manager.environment)
        registry.port = taken.getsockname()[1]
        with pytest.raises(AssertionError, match="address already in use"):
            registry.start()
    manager.socket.setblocking(False)
    with pytest.raises(BlockingIOError):
        manager.next()


def test_signs_of_life(start_registry, manager):
    start_registry(environment=manager.environment | {"WATCHDOG_USEC": "20000"})
    manager.wait_for("READY")
    assert manager.next() == {"WATCHDOG": "1"}
    assert manager.next() == {"WATCHDOG": "1"}


def test_tcp_socket_is_taken_over(start_registry):
    with listener() as bound:
        registry = start_registry(inherit=[bound], before=handing_over([bound]))
        assert registry.port == bound.getsockname()[1]
        with registry.client() as client:
            assert client.get("/v2/").status == 200


def test_connections_made_before_the_start_are_served(start_registry):
    with listener() as bound, socket.create_connection(bound.getsockname()) as early:
        early.sendall(b"GET /v2/ HTTP/1.1\r\nHost: x\r\n\r\n")
        start_registry(inherit=[bound], before=handing_over([bound]))
        early.settimeout(20)
        assert early.recv(100).startswith(b"HTTP/1.1 200 OK")


def test_several_sockets_of_both_kinds(tmp_path, start_registry):
    path = str(tmp_path / "registry.sock")
    with listener() as one, listener() as two, listener(socket.AF_UNIX, path) as local:
        sockets = [one, two, local]
        start_registry(inherit=sockets, before=handing_over(sockets))
        for address in (one.getsockname(), two.getsockname(), path):
            with Client(address) as client:
                assert client.get("/v2/").status == 200
    assert os.path.exists(path), "whoever made a socket removes it"


def test_debug_server_has_a_socket_by_name(start_registry):
    with listener() as main, listener() as debug:
        sockets = [debug, main]
        start_registry(
            inherit=sockets,
            before=handing_over(sockets, ["debug", "main"]),
            settings={"http.debug.addr": "127.0.0.1:0"},
        )
        with Client(debug.getsockname()) as client:
            assert client.get("/debug/health").status == 200
            assert client.get("/v2/").status == 404
        with Client(main.getsockname()) as client:
            assert client.get("/v2/").status == 200


def test_what_is_no_listening_socket_is_refused(tmp_path):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
        datagrams.bind(("127.0.0.1", 0))
        registry = Registry(tmp_path / "r", inherit=[datagrams], before=handing_over([datagrams]))
        with pytest.raises(AssertionError, match="socket 3 that was handed over"):
            registry.start()
