# SPDX-License-Identifier: Apache-2.0
"""More clients than http.maxconnections: who is idle makes room, who is busy is waited for."""
import contextlib
import os
import resource
import socket
import ssl
import time

import pytest
from support.certificates import Certificate
from support.client import OCTETS
from support.metrics import DEBUG, scrape
from support.pace import at_pace, wait_until_it_rests
from support.registry import wait_until
from support.reload import reload
from support.tls import tls_settings

pytestmark = pytest.mark.ours("upstream takes every connection", run=False)

LIMIT = 8
FULL = "others wait"


@pytest.fixture
def small(start_registry):
    return start_registry(settings={"http.maxconnections": LIMIT} | DEBUG)


def is_open(connection):
    return connection.is_silent(0)


@contextlib.contextmanager
def idle(registry, count=LIMIT):
    """Connections that have each had an answer."""
    with contextlib.ExitStack() as stack:
        connections = [stack.enter_context(registry.connect()) for _ in range(count)]
        for connection in connections:
            assert connection.request("GET", "/v2/").status == 200
        yield connections


@contextlib.contextmanager
def busy(registry, count=LIMIT):
    """Connections that are each within the body of a request, and what ends that."""
    with contextlib.ExitStack() as stack:
        connections = [stack.enter_context(registry.connect()) for _ in range(count)]
        for index, connection in enumerate(connections):
            location = connection.request("POST", f"/v2/busy/{index}/blobs/uploads/").location
            connection.send_head("PATCH", location, [("Content-Type", OCTETS), ("Content-Length", 4)])
            connection.send(b"12")
        wait_until(lambda: scrape(registry).value("registry_http_open_requests") == count, what="they are busy")
        yield connections


def finish(connection):
    assert connection.send(b"34").read_response().status == 202


def test_idle_connections_keep_nobody_out(small):
    with idle(small) as others, small.connect() as ninth:
        assert ninth.request("GET", "/v2/").status == 200
        wait_until(lambda: not is_open(others[0]), what="the one that was idle for longest is closed")
        assert others[0].is_closed_by_server()
        assert all(is_open(other) for other in others[1:])
        assert others[1].request("GET", "/v2/").status == 200


def test_connections_that_never_said_a_word_keep_nobody_out(small):
    with contextlib.ExitStack() as stack, small.connect() as last:
        for _ in range(10 * LIMIT):
            stack.enter_context(small.connect())
        assert last.request("GET", "/v2/").status == 200


def test_many_more_than_fit_are_all_served(small):
    """All at once; each keeps its connection as long as the server does."""
    with contextlib.ExitStack() as stack:
        crowd = [stack.enter_context(small.connect()) for _ in range(5 * LIMIT)]
        for connection in crowd:
            connection.send_head("GET", "/v2/")
        for connection in crowd:
            assert connection.read_response().status == 200
    assert small.stderr().count(FULL) == 1


def test_nobody_is_closed_while_nobody_waits(small):
    with idle(small) as connections:
        time.sleep(1.5)  # longer than an idle connection is left alone
        assert all(is_open(connection) for connection in connections)
    assert FULL not in small.stderr()


def test_who_comes_when_all_are_busy_waits(small):
    with busy(small) as others, small.connect() as ninth:
        ninth.send_head("GET", "/v2/")
        wait_until(lambda: FULL in small.stderr(), what="the log tells that somebody waits")
        assert ninth.is_silent(1)
        assert scrape(small).value("registry_http_open_connections") == LIMIT
        for other in others:
            finish(other)
        assert ninth.read_response().status == 200


def test_one_that_ends_is_enough(small):
    with busy(small) as others, small.connect() as ninth:
        ninth.send_head("GET", "/v2/")
        wait_until(lambda: FULL in small.stderr(), what="somebody waits")
        others[3].close()
        assert ninth.read_response().status == 200
        for other in others[:3] + others[4:]:
            finish(other)


def test_who_goes_on_at_once_is_not_closed(small):
    """Requests one after the other on eight connections, while a ninth client waits."""

    def attempt(_):
        with idle(small) as others, small.connect() as ninth:
            ninth.send_head("GET", "/v2/")
            began = time.monotonic()
            while time.monotonic() - began < 2:
                for other in others:
                    assert other.request("GET", "/v2/").status == 200
                time.sleep(0.05)
            assert ninth.is_silent(0)
            assert ninth.read_response().status == 200

    at_pace(attempt, 1)


def test_the_debug_server_is_not_limited(start_registry):
    registry = start_registry(settings={"http.maxconnections": 1} | DEBUG)
    with busy(registry, 1) as (one,), registry.connect() as waiting:
        waiting.send_head("GET", "/v2/")
        wait_until(lambda: FULL in registry.stderr(), what="somebody waits")
        metrics = scrape(registry)
        assert metrics.value("registry_http_open_connections") == 1
        assert metrics.value("registry_http_max_connections") == 1
        finish(one)
        assert waiting.read_response().status == 200


def test_without_a_limit_it_is_that_of_open_files(start_registry):
    registry = start_registry(settings=DEBUG, fd_limit=200)
    assert scrape(registry).value("registry_http_max_connections") == 150
    reload(registry, http__maxconnections=1000)
    assert scrape(registry).value("registry_http_max_connections") == 150
    reload(registry, http__maxconnections=100)
    assert scrape(registry).value("registry_http_max_connections") == 100


def test_the_limit_is_raised_while_somebody_waits(small):
    with busy(small) as others, small.connect() as ninth:
        ninth.send_head("GET", "/v2/")
        wait_until(lambda: FULL in small.stderr(), what="somebody waits")
        reload(small, http__maxconnections=LIMIT + 1)
        assert ninth.read_response().status == 200
        for other in others:
            finish(other)


def test_the_limit_is_lowered_while_all_are_idle(small):
    with idle(small) as others, small.connect() as ninth:
        reload(small, http__maxconnections=2)
        assert all(is_open(other) for other in others[1:])
        assert ninth.request("GET", "/v2/").status == 200
        wait_until(lambda: sum(map(is_open, others)) == 1, what="as many as may be are left")
        assert scrape(small).value("registry_http_open_connections") == 2


def test_it_stops_while_somebody_waits(small):
    with busy(small) as others, small.connect() as ninth:
        ninth.send_head("GET", "/v2/")
        wait_until(lambda: FULL in small.stderr(), what="somebody waits")
        for other in others:
            other.close()
        small.stop()


def test_waiting_costs_no_cpu(small):
    with busy(small), small.connect() as ninth:
        ninth.send_head("GET", "/v2/")
        wait_until(lambda: FULL in small.stderr(), what="somebody waits")
        wait_until_it_rests(small)


# ---- no descriptor is left --------------------------------------------------------------------


def descriptors(registry):
    return {int(name) for name in os.listdir(f"/proc/{registry.process.pid}/fd")}


@contextlib.contextmanager
def no_descriptor_left(registry):
    """Connections fill the gaps, then nothing can be opened before something is closed."""
    with contextlib.ExitStack() as stack:
        while descriptors(registry) != set(range(len(descriptors(registry)))):
            before = len(descriptors(registry))
            stack.enter_context(registry.connect())
            wait_until(lambda: len(descriptors(registry)) > before, what="it is accepted")
        most = len(descriptors(registry))
        resource.prlimit(registry.process.pid, resource.RLIMIT_NOFILE, (most, most))
        yield


def test_idle_connections_give_their_descriptors_to_those_who_come(start_registry):
    registry = start_registry()
    with idle(registry) as others, no_descriptor_left(registry), registry.connect() as ninth:
        assert ninth.request("GET", "/v2/").status == 200
        assert others[0].is_closed_by_server()
        assert all(is_open(other) for other in others[1:])
    assert registry.stderr().count("Too many open files") == 1


# ---- TLS ------------------------------------------------------------------------------------


@pytest.fixture
def start_small_tls(start_registry, tmp_path):
    def start(**more):
        authority = Certificate(tmp_path, "localhost", is_authority=True)
        registry = start_registry(settings=DEBUG | tls_settings(authority) | {
            "http.maxconnections": LIMIT,
        } | more)
        registry.context = authority.client()
        return registry

    return start


def client_hello(context):
    outgoing = ssl.MemoryBIO()
    with contextlib.suppress(ssl.SSLWantReadError):
        context.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname="localhost").do_handshake()
    return outgoing.read()


@pytest.mark.parametrize("share", [0, 0.5, 1])
def test_handshakes_that_stand_still_end_and_others_get_in(start_small_tls, share):
    """Three tables full of clients who send nothing, half of their hello, or nothing after it."""
    registry = start_small_tls(**{"http.headertimeout": "1s"})
    hello = client_hello(registry.context)

    def attempt(_):
        with contextlib.ExitStack() as stack:
            began = time.monotonic()
            for _ in range(3 * LIMIT):
                raw = stack.enter_context(socket.create_connection(registry.address))
                raw.sendall(hello[: int(share * len(hello))])
            with registry.connect(tls=registry.context) as connection:
                assert connection.request("GET", "/v2/").status == 200
            assert time.monotonic() - began > 2

    at_pace(attempt, 1)
    assert FULL in registry.stderr()


def test_idle_connections_through_tls_keep_nobody_out(start_small_tls):
    small_tls = start_small_tls()
    with contextlib.ExitStack() as stack:
        others = [stack.enter_context(small_tls.connect(tls=small_tls.context)) for _ in range(LIMIT)]
        for other in others[1:]:
            assert other.request("GET", "/v2/").status == 200
        with small_tls.connect(tls=small_tls.context) as ninth:
            assert ninth.request("GET", "/v2/").status == 200
        assert others[0].is_closed_by_server()  # with close_notify: else it would be an error
        assert others[1].request("GET", "/v2/").status == 200
