# SPDX-License-Identifier: Apache-2.0
"""How much memory the process needs for large transfers and for many clients.

The bounds are for an optimized build without sanitizers; with another binary these tests skip
themselves. Speeds are no concern here.
"""
import contextlib
import hashlib
import os
import resource
import shutil
import threading
import time

import pytest
from support.certificates import Certificate
from support.client import Connection, head, with_query
from support.content import SCHEMA2, digest_of, image, random_bytes
from support.registry import binary, wait_until
from support.tls import tls_settings

MIB = 1 << 20
GIB = 1 << 30
LARGE_COUNT = 4
PEAK_MAX = 16 * MIB
# sha256 of 1 GiB of zeros
ZEROS = "sha256:49bc20df15e412a64472421e13fe86ff1c5165e18b2afccf160d4dc19fe68a14"

SLOW_COUNT = 200
SLOW_RATE = 10 << 10  # bytes a second
IDLE_COUNT = 1000
CROWD_COST_MAX = 40 * MIB

pytestmark = pytest.mark.ours("memory is bounded", run=False)


@pytest.fixture(scope="module", autouse=True)
def _plain_binary():
    if b"__asan_init" in binary().read_bytes() or b"__tsan_init" in binary().read_bytes():
        pytest.skip("the binary has a sanitizer, whose memory is not ours")


@pytest.fixture
def many_descriptors():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 4096
    if hard != resource.RLIM_INFINITY and hard < wanted:
        pytest.skip(f"only {hard} open files are allowed here")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def put_zeros(registry, repository):
    """Lays 1 GiB of zeros into the storage as a sparse file and links it."""
    path = registry.blob_path(ZEROS)
    path.parent.mkdir(parents=True)
    with open(path, "wb") as file:
        file.truncate(GIB)
    link = registry.repository_path(repository) / "_layers" / ZEROS.replace(":", "/") / "link"
    link.parent.mkdir(parents=True)
    link.write_text(ZEROS)


def large_pieces(number):
    """1 GiB as views on one piece, and a first piece that makes it unlike the others."""
    piece = random_bytes(4 * MIB, "large")
    first = b"%d" % number + piece[1:]
    return [memoryview(first)] + [memoryview(piece)] * (GIB // len(piece) - 1)


def digest_of_pieces(pieces):
    digest = hashlib.sha256()
    for piece in pieces:
        digest.update(piece)
    return f"sha256:{digest.hexdigest()}"


def push_large(registry, repository, number):
    pieces = large_pieces(number)
    with registry.client() as client:
        target = client.start_upload(repository)
    with registry.connect(timeout=600) as connection:
        digest = digest_of_pieces(pieces)
        target = with_query(target, digest=digest)
        connection.send_head("PUT", target, {"Content-Length": GIB})
        for piece in pieces:
            connection.send(piece)
        response = connection.read_response()
    assert response.status == 201, response


def pull_large(registry, repository):
    """Reads the blob of zeros; counts bytes, and looks at some of them."""
    with registry.connect(timeout=120, receive_buffer=MIB) as connection:
        connection.send_head("GET", f"/v2/{repository}/blobs/{ZEROS}")
        assert connection.read_head().header("Content-Length") == str(GIB)
        room = bytearray(MIB)
        left = GIB - len(connection.buffer)
        while left > 0:
            count = connection.socket.recv_into(room, min(left, MIB))
            assert count > 0
            left -= count
        assert not any(room[:4096])


def run_all(functions):
    problems = []

    def run(function):
        try:
            function()
        except BaseException as problem:
            problems.append(problem)

    threads = [threading.Thread(target=run, args=[function]) for function in functions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not problems, problems


def test_gigabytes_in_and_out_at_once_need_little_memory(start_registry, repo):
    registry = start_registry(settings={"log.level": "info"})
    put_zeros(registry, repo)
    pushes = [lambda n=n: push_large(registry, f"{repo}/{n}", n) for n in range(LARGE_COUNT)]
    pulls = [lambda: pull_large(registry, repo)] * LARGE_COUNT
    run_all(pushes + pulls)
    peak = registry.vmhwm()
    print(f"peak: {peak / MIB:.1f} MiB")
    assert peak <= PEAK_MAX
    for number in range(LARGE_COUNT):
        data = registry.repository_path(f"{repo}/{number}") / "_layers/sha256"
        (entry,) = os.listdir(data)
        assert registry.blob_path(f"sha256:{entry}").stat().st_size == GIB
    registry.stop()
    shutil.rmtree(registry.root)  # gigabytes that nobody wants to keep


@pytest.mark.parametrize("storage, rounds", [("inmemory", 400), ("filesystem", 40)])
def test_requests_leave_nothing_behind(start_registry, repo, storage, rounds):
    registry = start_registry(storage=storage, settings={"log.level": "info"})
    with registry.client() as client:
        value = image(repo)

        def work(count):
            for _ in range(count):
                client.push_image(repo, "latest", value)
                client.get_manifest(repo, "latest", SCHEMA2)
                client.pull_blob(repo, digest_of(value.blobs[0]))
                client.get(f"/v2/{repo}/tags/list")
                client.get("/v2/_catalog")
                client.get(f"/v2/{repo}/manifests/nosuch")
                client.put_manifest(repo, "bad", b"{", SCHEMA2)
                client.delete(client.start_upload(repo))

        work(rounds // 4)
        before, descriptors = registry.vmrss(), registry.fd_count()
        work(rounds)
        assert registry.vmrss() - before < 2 * MIB
        assert registry.fd_count() <= descriptors + 1
        assert registry.thread_count() < 64


class SlowClient:
    """Pushes or pulls at SLOW_RATE; driven from one loop with many others."""

    def __init__(self, connection, message):
        self.connection = connection
        self.connection.socket.setblocking(False)
        self.message = message  # bytes to send at once
        self.connection.socket.send(message)
        self.moved = 0


def open_slow_clients(registry, client, repository, digest, stack):
    """Half of them push, half pull."""
    found = []
    for index in range(SLOW_COUNT):
        connection = stack.enter_context(Connection(registry.address, receive_buffer=16 << 10))
        if index % 2:
            message = head("GET", f"/v2/{repository}/blobs/{digest}", {"Host": "x"})
        else:
            target = client.start_upload(repository)
            message = head("PATCH", target, {"Host": "x", "Content-Length": GIB})
        found.append((SlowClient(connection, message), bool(index % 2)))
    return found


def move_slowly(clients, stop):
    """Each client moves SLOW_RATE bytes a second until @stop is set."""
    ticks = 10
    piece = bytes(SLOW_RATE // ticks)
    while not stop.is_set():
        began = time.monotonic()
        for client, is_pull in clients:
            with contextlib.suppress(BlockingIOError):
                if is_pull:
                    client.moved += len(client.connection.socket.recv(len(piece)))
                else:
                    client.moved += client.connection.socket.send(piece)
        stop.wait(max(0, 1 / ticks - (time.monotonic() - began)))


def test_slow_and_idle_clients_cost_little_and_delay_nobody(start_registry, repo, many_descriptors):
    registry = start_registry(settings={"log.level": "info"})
    with contextlib.ExitStack() as stack:
        client = stack.enter_context(registry.client())
        digest = client.push_blob(repo, random_bytes(32 * MIB, repo))
        value = image(repo)
        client.push_image(repo, "latest", value)
        before = registry.vmrss()
        idle = [stack.enter_context(registry.connect()) for _ in range(IDLE_COUNT)]
        for connection in idle:
            connection.send_head("GET", "/v2/")
        for connection in idle:
            assert connection.read_response().status == 200
        slow = open_slow_clients(registry, client, repo, digest, stack)
        stop = threading.Event()
        mover = threading.Thread(target=move_slowly, args=[slow, stop])
        mover.start()
        try:
            count, until = 0, time.monotonic() + 5
            while time.monotonic() < until or count < 50:
                assert client.get_manifest(repo, "latest", SCHEMA2).body == value.manifest
                count += 1
            cost = registry.vmrss() - before
        finally:
            stop.set()
            mover.join()
        print(f"{cost / MIB:.1f} MiB for all, {count} manifests meanwhile")
        assert all(client.moved > 0 for client, _ in slow)
        for connection in idle:  # still there
            connection.send_head("GET", "/v2/")
        for connection in idle:
            assert connection.read_response().status == 200
        assert cost < CROWD_COST_MAX
    wait_until(lambda: registry.fd_count() < 100, what="descriptors return")


def test_slow_readers_over_tls_cost_little(start_registry, tmp_path, repo):
    authority = Certificate(tmp_path, "localhost", is_authority=True)
    registry = start_registry(settings=tls_settings(authority))
    data = random_bytes(30 * MIB, repo)
    with registry.client(tls=authority.client()) as client, contextlib.ExitStack() as stack:
        digest = client.push_blob(repo, data)
        client.pull_blob(repo, digest)
        before = registry.vmrss()
        for _ in range(20):
            connection = registry.connect(tls=authority.client(), receive_buffer=4096)
            stack.enter_context(connection).send_head("GET", f"/v2/{repo}/blobs/{digest}")
        for _ in range(20):
            assert client.get("/v2/").status == 200
        assert registry.vmrss() - before < 20 * 600_000


def test_large_upload_to_a_bucket_holds_two_chunks(s3_registry, repo):
    """Chunks of 5 MiB, whatever the length of the upload."""
    data = random_bytes(80 * MIB, repo)
    with s3_registry.client() as client:
        client.push_blob(repo, b"warm")
        before = s3_registry.vmhwm()
        location = client.append(client.start_upload(repo), data)
        client.commit(location, digest_of(data))
    assert s3_registry.vmhwm() - before < 20 * MIB
