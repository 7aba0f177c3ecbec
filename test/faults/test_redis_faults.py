# SPDX-License-Identifier: Apache-2.0
"""Redis goes away, in every way, in the middle of everything: requests get slower at most once, and
no answer changes."""
import threading
import time

import pytest
from support.certificates import Certificate
from support.content import digest_of, random_bytes
from support.false_redis import FalseRedis
from support.redis import Redis, free_port, is_installed
from support.registry import is_upstream, wait_until

pytestmark = [
    pytest.mark.skipif(is_upstream(), reason="upstream waits for Redis, and believes it"),
    pytest.mark.skipif(not is_installed, reason="redis-server is not installed"),
]

AWAY = "going on without it"
BACK = "is back"
RANGE = {"Range": "bytes=2-4"}
SECOND = {"readtimeout": "1s", "writetimeout": "1s"}


@pytest.fixture
def redis(tmp_path):
    with Redis(tmp_path / "redis") as redis:
        yield redis


def blob(digest, repository="a"):
    return f"/v2/{repository}/blobs/{digest}"


def life_of_a_blob(client, seed):
    """Each thing a blob can go through; asserts what the answers must be."""
    content = random_bytes(40, seed)
    digest = client.push_blob("a", content)
    assert client.head(blob(digest)).status == 200
    assert client.get(blob(digest)).body == content
    assert client.get(blob(digest), RANGE).body == content[2:5]
    assert client.delete(blob(digest)).status == 202
    assert client.head(blob(digest)).status == 404
    assert client.get(blob(digest), RANGE).status == 404
    return digest


def wait_until_used(client, redis):
    """The server has found Redis and tells it of blobs."""
    digest = client.push_blob("found", b"found")
    wait_until(lambda: client.head(blob(digest, "found")) and redis.command("EXISTS", f"blobs::{digest}"),
               what="the server uses redis")


def test_no_redis_from_the_start(start_registry):
    settings = {"storage.cache.blobdescriptor": "redis", "redis.addr": f"127.0.0.1:{free_port()}"}
    registry = start_registry(settings=settings)
    wait_until(lambda: AWAY in registry.stderr(), what="the warning")
    with registry.client() as client:
        for seed in range(20):
            life_of_a_blob(client, seed)
    registry.stop()
    assert registry.stderr().count(AWAY) == 1
    assert "redis has not heard of 20 deletions" in registry.stderr()


def test_a_name_nobody_knows(start_registry):
    registry = start_registry(settings={
        "storage.cache.blobdescriptor": "redis", "redis.addr": "nowhere.invalid:6379"})
    with registry.client() as client:
        life_of_a_blob(client, 1)
        wait_until(lambda: AWAY in registry.stderr(), what="the warning")
        life_of_a_blob(client, 2)


def test_killed_and_started_again(start_registry, redis):
    registry = start_registry(settings=redis.settings())
    with registry.client() as client:
        for turn in range(3):
            wait_until_used(client, redis)
            redis.kill()
            for seed in range(10):
                life_of_a_blob(client, f"{turn} {seed}")
            assert registry.stderr().count(AWAY) == turn + 1
            redis.start()
            wait_until(lambda: life_of_a_blob(client, f"again {turn}")
                       and registry.stderr().count(BACK) == turn + 1, what="redis is used again")


def test_killed_in_the_middle_of_requests(start_registry, redis):
    registry = start_registry(settings=redis.settings())
    problems, stop, done = [], threading.Event(), []

    def work(worker):
        with registry.client() as client:
            turn = 0
            while not stop.is_set():
                try:
                    done.append(life_of_a_blob(client, f"{worker} {turn}"))
                except Exception as problem:
                    problems.append(problem)
                    return
                turn += 1

    with registry.client() as client:
        wait_until_used(client, redis)
    workers = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for worker in workers:
        worker.start()
    for turn in range(3):
        some = len(done) + 20
        wait_until(lambda: len(done) > some or problems, what="some requests")
        redis.kill()
        wait_until(lambda: registry.stderr().count(AWAY) == turn + 1 or problems, what="it is noticed")
        some = len(done) + 20
        wait_until(lambda: len(done) > some or problems, what="some requests without it")
        redis.start()
        wait_until(lambda: registry.stderr().count(BACK) == turn + 1, what="redis is found again")
    stop.set()
    for worker in workers:
        worker.join()
    assert problems == []
    assert registry.stderr().count(AWAY) == 3


def test_deletions_are_told_when_it_is_back(start_registry, redis):
    """Others believe what stands there: here it survives the outage."""
    registry = start_registry(settings=redis.settings(**SECOND))
    content = b"deleted while nobody listened"
    digest = digest_of(content)
    with registry.client() as client:
        wait_until_used(client, redis)
        client.push_blob("a", content)
        wait_until(lambda: client.head(blob(digest)) and redis.command("EXISTS", f"repository::a::blobs::{digest}"),
                   what="the descriptor is in redis")
        redis.pause()
        assert client.delete(blob(digest)).status == 202
        assert client.head(blob(digest)).status == 404
        redis.resume()
        wait_until(lambda: not redis.command("EXISTS", f"blobs::{digest}"), what="redis has heard of it")
        assert redis.command("SISMEMBER", "repository::a::blobs", digest) == 0


def test_one_that_says_nothing_costs_one_time_out(start_registry, redis):
    registry = start_registry(settings=redis.settings(**SECOND))
    with registry.client() as client:
        wait_until_used(client, redis)
        digest = client.push_blob("a", b"slow")
        redis.pause()
        try:
            assert client.get(blob(digest), RANGE).status == 206
            wait_until(lambda: AWAY in registry.stderr(), what="the warning")
            begun = time.monotonic()
            for _ in range(50):
                assert client.get(blob(digest), RANGE).status == 206
                assert client.head(blob(digest)).status == 200
            assert time.monotonic() - begun < 50  # a second for each of them
        finally:
            redis.resume()
        wait_until(lambda: client.get(blob(digest), RANGE) and BACK in registry.stderr(),
                   what="redis is used again")
    assert registry.stderr().count("no answer in time") == 1


def test_a_pull_does_not_wait_for_what_is_told(start_registry, redis):
    """While Redis stands still, and nobody has noticed, only who asks it waits."""
    registry = start_registry(settings=redis.settings(readtimeout="1h", writetimeout="1h"))
    with registry.client() as client:
        wait_until_used(client, redis)
        redis.pause()
        try:
            for seed in range(5):
                digest = client.push_blob("a", random_bytes(30, seed))
                assert client.head(blob(digest)).status == 200
                assert client.get(blob(digest)).status == 200
        finally:
            redis.resume()


def test_stopping_does_not_wait_for_a_redis_that_says_nothing(start_registry, redis):
    registry = start_registry(settings=redis.settings(readtimeout="1h"))
    with registry.client() as client:
        wait_until_used(client, redis)
        redis.pause()
        try:
            digest = client.push_blob("a", b"at the end")
            assert client.head(blob(digest)).status == 200
            registry.stop()
        finally:
            redis.resume()


# ---- a server that is none ----

ANSWERS = {
    "nothing": b"",
    "half a line": b"+PO",
    "no protocol": b"HTTP/1.1 400 Bad Request\r\n\r\n",
    "garbage": bytes(range(256)) * 8,
    "an error": b"-LOADING Redis is loading the dataset in memory\r\n",
    "a large array": b"*2147483647\r\n",
    "deep arrays": b"*1\r\n" * 40,
    "a large text": b"$2147483647\r\nabc",
    "a negative text": b"$-7\r\n",
    "too many answers": b"+PONG\r\n" * 50,
    "no number": b":x\r\n",
    "a flood": b"$900000\r\n" + b"x" * 900000 + b"\r\n",
    "nil": b"$-1\r\n",
}


@pytest.mark.parametrize("end", ["closes", "resets", "stays"])
@pytest.mark.parametrize("is_polite", [False, True], ids=["at-once", "after-login"])
def test_whatever_a_server_answers(start_registry, end, is_polite):
    for name, answer in ANSWERS.items():
        server = FalseRedis(answer, end, is_polite)
        registry = start_registry(settings=server.settings(readtimeout="100ms"))
        with registry.client() as client:
            for seed in range(3):
                life_of_a_blob(client, f"{name} {seed}")
            wait_until(lambda: AWAY in registry.stderr(), what=f"{name} is noticed")
        registry.stop()
        server.close()
        assert registry.stderr().count(AWAY) == 1, name


@pytest.mark.parametrize("end", ["closes", "resets", "stays"])
@pytest.mark.parametrize("answer", [b"", b"+PONG\r\n", b"\x15\x03\x03\x00\x02\x02\x28", b"\x16\x03\x03\xff\xff" + b"\0" * 70000],
                         ids=["nothing", "plain", "alert", "garbage"])
def test_a_server_that_speaks_no_tls_is_noticed(start_registry, tmp_path, answer, end):
    server = FalseRedis(answer, end, False)
    authority = Certificate(tmp_path, "authority", is_authority=True)
    registry = start_registry(settings=server.settings(dialtimeout="300ms", tls_rootcas=[str(authority.path)]))
    with registry.client() as client:
        wait_until(lambda: server.connections > 0, what="somebody looks for redis")
        for seed in range(3):
            life_of_a_blob(client, seed)
        wait_until(lambda: AWAY in registry.stderr(), what="the warning")
    registry.stop()
    server.close()
    assert registry.stderr().count(AWAY) == 1


def test_a_server_that_shakes_no_hands_holds_up_nobody(start_registry, tmp_path):
    server = FalseRedis(b"", "stays", False)
    authority = Certificate(tmp_path, "authority", is_authority=True)
    registry = start_registry(settings=server.settings(dialtimeout="1h", tls_rootcas=[str(authority.path)]))
    with registry.client() as client:
        wait_until(lambda: server.connections > 0, what="somebody looks for redis")
        for seed in range(3):
            life_of_a_blob(client, seed)
    registry.stop()
    server.close()


@pytest.mark.parametrize("formatter", ["text", "json", "logstash"])
def test_what_a_server_says_stays_in_its_line(start_registry, formatter):
    said = b"-ERR odd\nlevel=fatal msg=\"pwned\" \r {\"a\": \x1b[31m \0 hidden\xff" + b"x" * 5000 + b"\r\n"
    server = FalseRedis(said, "closes", False)
    registry = start_registry(settings=server.settings() | {"log.formatter": formatter})
    wait_until(lambda: AWAY in registry.stderr(), what="the warning")
    registry.stop()
    server.close()
    lines = registry.stderr().splitlines()
    assert not [line for line in lines if line.startswith("level=fatal")]
    assert "\x1b" not in registry.stderr()
    assert max(len(line) for line in lines if AWAY in line) < 1000


def test_clients_that_leave_while_redis_is_asked_leave_nothing(start_registry):
    server = FalseRedis(b"", "stays", True)
    registry = start_registry(settings=server.settings(readtimeout="1h"))
    with registry.client() as client:
        digest = client.push_blob("a", b"asked for")

        def is_asked():
            """Redis is found in the background; until then nobody asks."""
            with registry.connect() as connection:
                connection.send_head("GET", blob(digest), [("Host", "x"), ("Range", "bytes=2-4")])
                time.sleep(0.02)
                connection.reset()
                return server.lookups > 0

        wait_until(is_asked, what="redis is asked")
        before = registry.fd_count()
        for number in range(server.lookups + 1, server.lookups + 13):
            with registry.connect() as connection:
                connection.send_head("GET", blob(digest), [("Host", "x"), ("Range", "bytes=2-4")])
                wait_until(lambda: server.lookups >= number, what="redis is asked")
                connection.reset()
        wait_until(lambda: registry.fd_count() <= before, what="nothing is left over")
        assert client.head(blob(digest)).status == 200
    assert AWAY not in registry.stderr()
    server.close()
