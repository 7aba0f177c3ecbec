# SPDX-License-Identifier: Apache-2.0
"""Connections through TLS that end where they should not: nothing is left of them."""
import contextlib
import random
import socket
import ssl
import time

import pytest
from support.certificates import Certificate
from support.client import TIMEOUT_S, head
from support.content import random_bytes
from support.pace import at_pace, wait_until_it_rests
from support.registry import Registry, wait_until
from support.tls import tls_settings

MIB = 1 << 20


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Certificate(tmp_path_factory.mktemp("ca"), "localhost", is_authority=True)


@pytest.fixture
def registry(tmp_path, authority):
    with Registry(tmp_path / "registry", settings=tls_settings(authority)) as registry:
        yield registry


@contextlib.contextmanager
def nothing_is_left(registry, client):
    """Afterwards the process has as many descriptors as before, and still serves."""
    assert client.get("/v2/").status == 200
    before = registry.fd_count()
    yield
    wait_until(lambda: registry.fd_count() <= before, what="descriptors are closed")
    assert client.get("/v2/").status == 200


def reset(raw):
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    raw.close()


def client_messages(registry, context):
    """What a client sends in a handshake and a request, piece by piece, each sent by whoever
    iterates."""
    coming, going = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(coming, going, server_hostname="localhost")
    raw = socket.create_connection(registry.address, timeout=300)
    while True:
        try:
            tls.do_handshake()
            break
        except ssl.SSLWantReadError:
            yield raw, going.read()
            coming.write(raw.recv(65536))
    tls.write(head("GET", "/v2/", {"Host": "x"}))
    yield raw, going.read()


@pytest.mark.parametrize("is_reset", [False, True])
def test_handshakes_that_are_cut_anywhere(registry, authority, is_reset):
    dice = random.Random(is_reset)
    context = authority.client()
    with registry.client(tls=context) as client, nothing_is_left(registry, client):
        for _ in range(60):
            stop_at = dice.randrange(3)
            for step, (raw, message) in enumerate(client_messages(registry, context)):
                if step == stop_at:
                    raw.sendall(message[: dice.randrange(len(message))])
                    break
                raw.sendall(message)
            reset(raw) if is_reset else raw.close()


def test_handshakes_that_are_garbled(registry, authority):
    dice = random.Random("garbled")
    context = authority.client()
    with registry.client(tls=context) as client, nothing_is_left(registry, client):
        for _ in range(100):
            with contextlib.suppress(OSError, ssl.SSLError):
                for raw, message in client_messages(registry, context):
                    raw.settimeout(0.2)  # a length that is too large has both sides wait
                    garbled = bytearray(message)
                    garbled[dice.randrange(len(garbled))] ^= 1 << dice.randrange(8)
                    raw.sendall(garbled)
            raw.close()


@pytest.mark.parametrize("is_reset", [False, True])
def test_bodies_that_are_cut(registry, authority, repo, is_reset):
    dice = random.Random(is_reset)
    data = random_bytes(MIB, repo)
    with registry.client(tls=authority.client()) as client, nothing_is_left(registry, client):
        for _ in range(30):
            location = client.start_upload(repo)
            connection = registry.connect(tls=authority.client())
            connection.send_head("PATCH", location, {"Content-Length": MIB})
            connection.send(data[: dice.randrange(MIB)])
            if is_reset:
                reset(connection.socket)
            connection.close()


def test_record_that_is_broken_within_a_body(registry, authority, repo):
    """The stream below goes on, but nobody can trust it."""
    with registry.client(tls=authority.client()) as client, nothing_is_left(registry, client):
        for _ in range(20):
            location = client.start_upload(repo)
            connection = registry.connect(tls=authority.client())
            connection.send_head("PATCH", location, {"Content-Length": MIB})
            connection.send(bytes(100_000))
            raw = socket.socket(fileno=connection.socket.detach())
            raw.settimeout(TIMEOUT_S)
            raw.sendall(b"\x17\x03\x03\x00\x20" + bytes(32))
            with contextlib.suppress(ConnectionError):
                while raw.recv(65536):
                    pass
            raw.close()


@pytest.mark.parametrize("is_reset", [False, True])
def test_clients_that_leave_within_a_pull(registry, authority, repo, is_reset):
    data = random_bytes(20 * MIB, repo)
    with registry.client(tls=authority.client()) as client:
        digest = client.push_blob(repo, data)
        with nothing_is_left(registry, client):
            for _ in range(20):
                connection = registry.connect(tls=authority.client())
                connection.send_head("GET", f"/v2/{repo}/blobs/{digest}")
                assert connection.read_head().status == 200
                if is_reset:
                    reset(connection.socket)
                connection.close()
        assert client.pull_blob(repo, digest) == data


def test_half_shaken_hands_cost_no_cpu(registry, authority):
    context = authority.client()
    with contextlib.ExitStack() as stack:
        for _ in range(50):
            raw, hello = next(client_messages(registry, context))
            stack.enter_context(raw).sendall(hello[:-1])
        wait_until_it_rests(registry)


@pytest.mark.ours("clients have time limits", run=False)
def test_a_crowd_that_shakes_hands_leaves_time_for_others(tmp_path):
    """The hello is made once: what it costs is the server's to pay."""
    dear = Certificate(tmp_path, "localhost", kind="rsa4096")
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    with contextlib.suppress(ssl.SSLWantReadError):
        ssl.create_default_context().wrap_bio(incoming, outgoing, server_hostname="x").do_handshake()
    hello = outgoing.read()
    options = tls_settings(dear) | {"log.level": "info"}
    with Registry(tmp_path / "registry", settings=options) as registry:
        context = ssl.create_default_context(cafile=dear.path)

        def attempt(_):
            with registry.connect(tls=context) as served, contextlib.ExitStack() as crowd:
                assert served.request("GET", "/v2/").status == 200
                begin = time.monotonic()
                raws = [crowd.enter_context(socket.create_connection(registry.address)) for _ in range(400)]
                for raw in raws:
                    raw.sendall(hello)
                waits = []
                for raw in raws:
                    raw.settimeout(0)
                    while True:
                        before = time.monotonic()
                        assert served.request("GET", "/v2/").status == 200
                        waits.append(time.monotonic() - before)
                        with contextlib.suppress(BlockingIOError):
                            assert raw.recv(1)
                            break
                assert max(waits) < (time.monotonic() - begin) / 5

        at_pace(attempt, 1)


def test_half_shaken_hands_do_not_last(tmp_path, authority):
    with Registry(tmp_path / "registry",
                  settings=tls_settings(authority) | {"http.headertimeout": "300ms"}) as registry:
        with registry.client(tls=authority.client()) as client, contextlib.ExitStack() as stack:
            client.get("/v2/")
            before = registry.fd_count()
            for _ in range(50):
                raw, hello = next(client_messages(registry, authority.client()))
                stack.enter_context(raw).sendall(hello[:-1])
            wait_until(lambda: registry.fd_count() <= before, what="they are closed")
            assert client.get("/v2/").status == 200


@pytest.mark.ours("descriptors are kept for files")
def test_crowd_larger_than_the_descriptors(tmp_path, authority, repo):
    with Registry(tmp_path / "registry", settings=tls_settings(authority), fd_limit=40) as registry:
        with contextlib.ExitStack() as stack, registry.client(tls=authority.client()) as client:
            data = random_bytes(100_000, repo)
            digest = client.push_blob(repo, data)
            for _ in range(100):
                stack.enter_context(registry.connect())
            for _ in range(10):
                assert client.pull_blob(repo, digest) == data
        with registry.client(tls=authority.client()) as client:
            assert client.pull_blob(repo, digest) == data
