# SPDX-License-Identifier: Apache-2.0
"""A service that accepts what it is asked and never answers: once, for a while, or for ever.

Every request meets one kind of silence, the next request the other; with KIST_LONG=1 each meets both.
"""
import concurrent.futures
import os
import signal
import time

import pytest
from support.client import OCTETS, with_query
from support.content import OCI_MANIFEST, digest_of, image, random_bytes
from support.fault_proxy import Fault
from support.pace import at_pace
from support.registry import is_upstream, wait_until
from support.shards import Shards, fault_at, push_and_pull, push_and_pull_image

pytestmark = [
    pytest.mark.skipif(is_upstream(), reason="how we bear with a silent service: upstream waits for ever"),
    pytest.mark.usefixtures("ceph"),  # Swift is at times as slow as what is taken for silence here
]

MIB = 1 << 20
KINDS = ("stall", "silence")  # done and not answered, not even done
ROUNDS = range(len(KINDS) if os.environ.get("KIST_LONG") else 1)
SECOND = {"storage.s3.stalltimeout": "1s", "storage.redirect.disable": True}
STALL_S = 1


@pytest.fixture
def registry(start_s3_registry, proxy):
    return start_s3_registry(SECOND, url=proxy.url)


@pytest.fixture
def shards(ceph, start_s3_registry):
    with Shards(ceph, start_s3_registry, SECOND) as shards:
        yield shards


def silence(proxy):
    proxy.plan = lambda request: Fault("silence")


def speak(proxy):
    proxy.plan = lambda request: None


# ---- one silence ----------------------------------------------------------------------------------


def bear_one_silence(shards, turn, run):
    """run(client, number) meets silence at its @number-th request, in turn of one kind and the other."""
    registry, proxy = shards.all[0]

    def attempt(turn_of_all):
        met, first = [], len(proxy.requests)
        with registry.client() as client:
            assert run(client, f"{turn_of_all}/0") == 200

        def run_with_fault(registry, proxy, number):
            kind = KINDS[(turn + number) % len(KINDS)]
            requests = fault_at(proxy, number, Fault(kind))
            with registry.client() as client:
                assert run(client, f"{turn_of_all}/{number}") == 200, f"{kind} at request {number}: {requests}"
            met.extend(requests)

        count = len(proxy.requests) - first
        shards.each_of(range(1, count + 1), run_with_fault)
        assert len(met) > count * 3 // 4, "most of the runs are alike"

    at_pace(attempt, STALL_S)


@pytest.mark.parametrize("turn", ROUNDS)
def test_one_silence_at_each_request_of_an_image_is_borne(shards, repo, turn):
    def run(client, number):
        return push_and_pull_image(client, f"{repo}/{number}", image(f"{repo} {number}", OCI_MANIFEST, layer_count=0))

    bear_one_silence(shards, turn, run)


@pytest.mark.parametrize("turn", ROUNDS)
def test_one_silence_at_each_request_of_a_large_blob_is_borne(shards, repo, turn):
    def run(client, number):
        return push_and_pull(client, f"{repo}/{number}", random_bytes(6 * MIB + 1, f"{repo} {number}"))

    bear_one_silence(shards, turn, run)


def test_a_pull_goes_on_after_a_silence_within_it(registry, proxy, repo):
    data = random_bytes(6 * MIB, repo)
    with registry.client() as client:
        digest = client.push_blob(repo, data)
        met = []

        def plan(request):
            if request.method == "GET" and "/blobs/" in request.target and request.target.endswith("/data"):
                met.append(request.headers.get("range"))
                return Fault("stall within") if len(met) == 1 else None
            return None

        proxy.plan = plan
        assert client.pull_blob(repo, digest) == data
        assert len(met) == 2 and met[0] is None and met[1].startswith("bytes=")


# ---- a long silence -------------------------------------------------------------------------------


def test_a_pull_that_falls_silent_for_good_is_cut(registry, proxy, repo):
    """Never a whole 200 of a part of the content."""
    data = random_bytes(6 * MIB, repo)
    with registry.client() as client:
        digest = client.push_blob(repo, data)

    def plan(request):
        if request.method != "GET" or not request.target.endswith("/data"):
            return None
        return Fault("silence" if "range" in request.headers else "stall within")

    proxy.plan = plan
    with registry.connect() as connection:
        connection.send_head("GET", f"/v2/{repo}/blobs/{digest}")
        head = connection.read_head()
        assert head.status == 200 and head.header("Content-Length") == str(len(data))
        received = connection.read_to_end()
    assert MIB < len(received) < len(data) and data.startswith(received)


def prepare(client, repo, data):
    """What the requests below need: an image, and a session for each that writes one."""
    pushed = image(repo, OCI_MANIFEST)
    client.push_image(repo, "v1", pushed)
    head, tail = client.start_upload(repo), client.append(client.start_upload(repo), data)
    return pushed, head, tail


def ask_everything(registry, repo, pushed, data, head, tail):
    """Every kind of request at once: [(what, status)]."""
    blob = digest_of(pushed.blobs[-1])
    requests = [
        ("GET", f"/v2/{repo}/blobs/{blob}", b""),
        ("HEAD", f"/v2/{repo}/blobs/{blob}", b""),
        ("GET", f"/v2/{repo}/manifests/v1", b""),
        ("HEAD", f"/v2/{repo}/manifests/{pushed.digest}", b""),
        ("PUT", f"/v2/{repo}/manifests/v2", pushed.manifest),
        ("DELETE", f"/v2/{repo}/manifests/{pushed.digest}", b""),
        ("GET", f"/v2/{repo}/tags/list", b""),
        ("GET", "/v2/_catalog", b""),
        ("POST", f"/v2/{repo}/blobs/uploads/", b""),
        ("POST", f"/v2/{repo}/blobs/uploads/?digest={digest_of(data)}", data),
        ("PATCH", head, data),
        ("GET", head, b""),
        ("PUT", with_query(tail, digest=digest_of(data)), b""),
    ]

    def ask(method, target, body):
        with registry.client() as client:
            headers = {"Content-Type": OCI_MANIFEST if "/manifests/" in target else OCTETS, "Accept": OCI_MANIFEST}
            status = client.request(method, target, headers, body or None).status
            return f"{method} {target}", status

    with concurrent.futures.ThreadPoolExecutor(len(requests)) as pool:
        return list(pool.map(lambda request: ask(*request), requests))


def test_while_the_service_is_silent_every_request_fails_in_time(start_s3_registry, proxy, repo):
    # A sanitizer keeps what was freed, and counts as memory here.
    environment = {"ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=1"}
    registry = start_s3_registry(SECOND, url=proxy.url, environment=environment)
    data = random_bytes(6 * MIB, repo)
    with registry.client() as client:
        pushed, head, tail = prepare(client, repo, data)
        silence(proxy)
        sizes, served = [], []
        for _ in range(3):
            with concurrent.futures.ThreadPoolExecutor(1) as pool:
                answers = pool.submit(ask_everything, registry, repo, pushed, data, head, tail)
                served.append(0)
                while not answers.done():
                    assert client.get("/v2/").status == 200
                    assert client.get("/livez").status == 200
                    served[-1] += 1
                    time.sleep(0.02)
            for what, status in answers.result():
                assert status in (500, 503), what
            sizes.append(registry.vmrss())
        assert max(served) > 10, "who needs no storage does not wait for it"
        assert sizes[-1] < sizes[0] + 16 * MIB, f"{sizes}: a round sends {2 * len(data)} bytes"
        speak(proxy)
        client.commit(tail, digest_of(data))
        assert client.pull_blob(repo, digest_of(data)) == data
        assert client.get_manifest(repo, "v1", OCI_MANIFEST).body == pushed.manifest
    logged = registry.stderr()
    assert f"http://127.0.0.1:{proxy.port}: nothing moved for 1000 ms" in logged


def test_many_requests_fail_in_time_together(registry, proxy, repo):
    """More than there are connections to the service: who waits for one has waited for the service."""
    with registry.client() as client:
        client.push_image(repo, "v1", image(repo, OCI_MANIFEST))
    silence(proxy)

    def ask(number):
        with registry.client() as client:
            return client.get(f"/v2/{repo}/tags/list?n={number}").status

    with concurrent.futures.ThreadPoolExecutor(200) as pool:
        answers = list(pool.map(ask, range(1, 201)))
    assert set(answers) == {500}


@pytest.mark.parametrize("size", [100, 6 * MIB])
def test_a_commit_that_met_silence_can_be_repeated(shards, repo, size):
    """From each request of it on the service is silent, until the client has had its error."""

    def upload(registry, number):
        data = random_bytes(size + number, f"{repo} {number}")
        with registry.client() as client:
            location = client.append(client.start_upload(f"{repo}/{number}"), data)
        return data, with_query(location, digest=digest_of(data))

    def commit(registry, proxy, number):
        data, target = upload(registry, number)
        with registry.client() as client:
            first = len(proxy.requests)
            proxy.plan = lambda request: Fault("silence") if request.number >= first + number else None
            status = client.put(target, {"Content-Type": OCTETS}).status
            assert status in (201, 500), f"silent from request {number} on"
            speak(proxy)
            if status != 201:
                answer = client.put(target, {"Content-Type": OCTETS})
                assert answer.status == 201, f"silent from request {number} on: {answer}"
            assert client.pull_blob(f"{repo}/{number}", digest_of(data)) == data

    def attempt(turn):
        nonlocal repo
        repo += f"/{turn}"
        registry, proxy = shards.all[0]
        _, target = upload(registry, 0)
        before = len(proxy.requests)
        with registry.client() as client:
            assert client.put(target, {"Content-Type": OCTETS}).status == 201
        shards.each_of(range(1, len(proxy.requests) - before + 1), commit)

    at_pace(attempt, STALL_S)


# ---- health, and the end --------------------------------------------------------------------------


def test_the_health_check_notices_silence(start_s3_registry, proxy):
    registry = start_s3_registry(
        SECOND | {"health.storagedriver": {"enabled": True, "interval": "50ms", "threshold": 1}}, url=proxy.url)
    with registry.client() as client:
        wait_until(lambda: client.get("/readyz").status == 200, what="it is well")
        silence(proxy)
        wait_until(lambda: client.get("/readyz").status == 503, what="it is unhealthy")
        assert client.get("/v2/").status == 503
        speak(proxy)
        wait_until(lambda: client.get("/readyz").status == 200, what="it is well again")


def test_sigterm_ends_what_a_silent_service_holds(start_s3_registry, proxy, repo):
    """The timeout of the service is longer than anybody waits: only the one of stopping counts."""
    settings = SECOND | {"storage.s3.stalltimeout": "1h", "http.draintimeout": "1s"}
    registry = start_s3_registry(settings, url=proxy.url)
    data = random_bytes(100, repo)
    with registry.client() as client:
        target = with_query(client.append(client.start_upload(repo), data), digest=digest_of(data))
    held = []

    def plan(request):
        if request.method not in ("PUT", "POST"):
            return None
        held.append(request)
        return Fault("silence")

    proxy.plan = plan
    with registry.connect() as committing, registry.connect() as beginning:
        committing.send_head("PUT", target, {"Content-Length": "0"}.items())
        wait_until(lambda: len(held) == 1, what="the commit waits")
        beginning.send_head("POST", f"/v2/{repo}/blobs/uploads/", {"Content-Length": "0"}.items())
        wait_until(lambda: len(held) == 2, what="the beginning waits")
        registry.signal(signal.SIGTERM)
        assert registry.wait() == 1
    assert "had not ended 5 s after http.draintimeout" in registry.stderr()
    registry.assert_no_faults()
    speak(proxy)
    registry.start()
    with registry.client() as client:
        assert client.put(target, {"Content-Type": OCTETS}).status == 201
        assert client.pull_blob(repo, digest_of(data)) == data
