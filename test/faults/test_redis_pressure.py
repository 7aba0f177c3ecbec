# SPDX-License-Identifier: Apache-2.0
"""A Redis that is there, and no good: it refuses to be written to, or is slow; and what has not been
said when the server stops."""
import contextlib
import itertools
import re
import shutil
import threading
import time

import pytest
from support.content import digest_of, random_bytes
from support.false_redis import FalseRedis
from support.metrics import DEBUG, scrape
from support.pace import at_pace
from support.redis import Redis, is_installed
from support.registry import is_upstream, wait_until

pytestmark = [
    pytest.mark.skipif(is_upstream(), reason="upstream waits for Redis, and believes it"),
    pytest.mark.skipif(not is_installed, reason="redis-server is not installed"),
]

AWAY = "going on without it"
BACK = "is back"
UNHEARD = "redis has not heard of"
CONTENT = b"what is cached is only its size"
DIGEST = digest_of(CONTENT)
RANGE = {"Range": "bytes=2-4"}
LOOKUPS = "registry_storage_cache_total"


@pytest.fixture
def redis(tmp_path):
    with Redis(tmp_path / "redis") as redis:
        yield redis


def blob(digest=DIGEST, repository="a"):
    return f"/v2/{repository}/blobs/{digest}"


def is_known(client, redis, content=CONTENT):
    """Pushes; whether Redis has been told: the server connects in the background."""
    digest = client.push_blob("a", content)
    assert client.head(blob(digest)).status == 200
    return redis.command("EXISTS", f"repository::a::blobs::{digest}")


def hits(registry):
    series = scrape(registry).series(LOOKUPS)
    return sum(value for labels, value in series.items() if dict(labels)["type"] == "Hit")


# ---- it is there, and refuses ----

BUSY_S = 2.5  # of requests that nobody is to log one by one
DELETIONS = 8

REFUSALS = {
    "full": (("CONFIG", "SET", "maxmemory", "1"), ("CONFIG", "SET", "maxmemory", "0")),
    "read-only": (("REPLICAOF", "127.0.0.1", "1"), ("REPLICAOF", "NO", "ONE")),
    "no replicas": (("CONFIG", "SET", "min-replicas-to-write", "1"), ("CONFIG", "SET", "min-replicas-to-write", "0")),
    "no right": (("ACL", "SETUSER", "default", "-hset"), ("ACL", "SETUSER", "default", "+hset")),
}


@pytest.mark.parametrize("refuse", [refuse for refuse, _ in REFUSALS.values()], ids=REFUSALS)
def test_one_that_takes_nothing_is_read_and_logged_once(start_registry, redis, refuse):
    registry = start_registry(settings={**DEBUG, **redis.settings()})
    with registry.client() as client:
        wait_until(lambda: is_known(client, redis), what="redis knows")
        redis.command(*refuse)
        until, seeds = time.monotonic() + BUSY_S, itertools.count()
        before = hits(registry)

        def is_read_again():
            """After it was away for a second."""
            seed = next(seeds)
            digest = client.push_blob("a", random_bytes(40, seed))
            assert client.head(blob(digest)).status == 200
            assert client.get(blob(), RANGE).body == CONTENT[2:5]
            return time.monotonic() > until and hits(registry) - before > max(20, seed / 3)

        wait_until(is_read_again, what="it is read")
        assert (registry.stderr().count(AWAY), registry.stderr().count(BACK)) == (1, 0)


@pytest.mark.parametrize("why", ["full", "read-only"])
def test_one_that_takes_what_it_refused_is_told_again(start_registry, redis, why):
    refuse, allow = REFUSALS[why]
    registry = start_registry(settings=redis.settings())
    with registry.client() as client:
        wait_until(lambda: is_known(client, redis), what="redis knows")
        redis.command(*refuse)
        client.head(blob(client.push_blob("a", b"refused")))
        wait_until(lambda: AWAY in registry.stderr(), what="it is noticed")
        redis.command(*allow)
        wait_until(lambda: is_known(client, redis, b"put again") and BACK in registry.stderr(), what="redis is told again")
        assert registry.stderr().count(AWAY) == 1


def test_one_that_is_full_hears_of_deletions(start_registry, redis):
    registry = start_registry(settings=redis.settings())
    with registry.client() as client:
        wait_until(lambda: is_known(client, redis), what="redis knows")
        redis.command("CONFIG", "SET", "maxmemory", "1")
        client.head(blob(client.push_blob("a", b"refused")))
        assert client.delete(blob()).status == 202
        wait_until(lambda: not redis.command("EXISTS", f"blobs::{DIGEST}"), what="redis has heard of it")


def test_one_that_may_not_be_read_is_logged_once(start_registry, redis):
    registry = start_registry(settings=redis.settings())
    with registry.client() as client:
        wait_until(lambda: is_known(client, redis), what="redis knows")
        redis.command("ACL", "SETUSER", "default", "-hmget")
        until, seed = time.monotonic() + BUSY_S, 0
        while time.monotonic() < until or seed < 20:
            client.head(blob(client.push_blob("a", random_bytes(40, seed))))
            assert client.get(blob(), RANGE).status == 206
            seed += 1
        assert (registry.stderr().count(AWAY), registry.stderr().count(BACK)) == (1, 0)


def test_a_password_that_changes(start_registry, tmp_path):
    """Connections that are kept stay; when they end we are not let in, and then we are."""
    with Redis(tmp_path / "redis", users=["registry on >first ~* +@all"]) as redis:
        registry = start_registry(settings=redis.settings(username="registry", password="first"))
        with registry.client() as client:
            wait_until(lambda: is_known(client, redis), what="redis knows")
            redis.command("ACL", "SETUSER", "registry", "resetpass", ">second-password")
            redis.command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
            wait_until(lambda: client.get(blob(), RANGE).status == 206 and AWAY in registry.stderr(), what="the refusal")
            for _ in range(DELETIONS):
                assert client.get(blob(), RANGE).status == 206
            redis.command("ACL", "SETUSER", "registry", "resetpass", ">first")
            wait_until(lambda: client.get(blob(), RANGE).status == 206 and BACK in registry.stderr(), what="redis is used")
        assert registry.stderr().count(AWAY) == 1
        assert "AUTH refused: WRONGPASS;" in registry.stderr()


def test_connections_that_redis_ends_are_not_noticed(start_registry, redis):
    registry = start_registry(settings={**DEBUG, **redis.settings()})
    with registry.client() as client:
        wait_until(lambda: is_known(client, redis), what="redis knows")
        before = hits(registry)
        for _ in range(10):
            redis.command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
            assert client.get(blob(), RANGE).status == 206
        assert hits(registry) - before == 10
    assert AWAY not in registry.stderr()


# ---- it is slow ----


def slow_answers(names):
    """As of a Redis that knows nothing and agrees to everything."""
    return b"".join(b"*3\r\n$-1\r\n$-1\r\n$-1\r\n" if name == b"HMGET" else b":1\r\n" for name in names)


def test_a_deletion_waits_for_a_slow_redis_a_few_seconds(start_registry):
    """However much there is to tell before it, and however long that takes."""
    server = FalseRedis(slow_answers, "stays", True)
    registry = start_registry(settings=server.settings(readtimeout="1h"))
    with registry.client() as client:
        digest = client.push_blob("a", CONTENT)
        wait_until(lambda: client.get(blob(), RANGE).status == 206 and server.lookups, what="redis is asked")
        server.hold(but_lookups=True)
        for seed in range(200):
            client.head(blob(client.push_blob("a", random_bytes(30, seed))))
        assert client.delete(blob(digest)).status == 202
        assert client.head(blob(digest)).status == 404
    server.close()


def ask_at_once(registry, count, meanwhile):
    """Requests for a range from @count clients, and when all have been sent meanwhile(); their
    statuses."""
    with contextlib.ExitStack() as stack:
        connections = [stack.enter_context(registry.connect()) for _ in range(count)]
        for connection in connections:
            connection.send_head("GET", blob(), RANGE.items())
        meanwhile()
        return [connection.read_response().status for connection in connections]


def test_many_requests_do_not_mean_many_connections(start_registry):
    server = FalseRedis(slow_answers, "stays", True)
    registry = start_registry(settings=server.settings(readtimeout="1h"))
    with registry.client() as client:
        client.push_blob("a", CONTENT)
        wait_until(lambda: client.get(blob(), RANGE).status == 206 and server.lookups, what="redis is asked")
    server.hold()
    assert ask_at_once(registry, 200, meanwhile=server.release) == [206] * 200
    assert 1 < server.connections <= 64
    assert AWAY not in registry.stderr()
    server.close()


def test_a_deletion_finds_a_connection_when_all_are_in_use(start_registry, redis):
    registry = start_registry(settings=redis.settings(pool_maxactive=1, pool_maxidle=1))
    stop, problems = threading.Event(), []

    def read():
        with registry.client() as client:
            while not stop.is_set():
                status = client.get(blob(), RANGE).status
                if status not in (206, 404):
                    problems.append(status)

    with registry.client() as client:
        wait_until(lambda: is_known(client, redis), what="redis knows")
        readers = [threading.Thread(target=read) for _ in range(4)]
        for reader in readers:
            reader.start()
        left = []
        for _ in range(DELETIONS):
            client.push_blob("a", CONTENT)
            client.head(blob())
            assert client.delete(blob()).status == 202
            left.append(redis.command("EXISTS", f"blobs::{DIGEST}"))
        stop.set()
        for reader in readers:
            reader.join()
    assert (left, problems) == ([0] * DELETIONS, [])


# ---- what is left when the server stops ----


def believe(redis):
    """As another registry does that has seen the content elsewhere."""
    redis.resume()
    redis.command("HSET", f"blobs::{DIGEST}", "digest", DIGEST, "size", len(CONTENT))
    redis.command("SADD", "repository::a::blobs", DIGEST)


FAREWELL_S = 2.5  # that the server has for it


def delete_in_silence(start_registry, redis):
    redis.resume()
    registry = start_registry(settings=redis.settings(readtimeout="1s", writetimeout="1s"))
    with registry.client() as client:
        wait_until(lambda: is_known(client, redis), what="redis knows")
        redis.pause()
        assert client.delete(blob()).status == 202
    return registry


def test_a_deletion_is_told_at_the_end(start_registry, redis):
    """Redis came back just before the server stops."""

    def attempt(_):
        registry = delete_in_silence(start_registry, redis)
        believe(redis)
        registry.stop()
        assert redis.command("EXISTS", f"blobs::{DIGEST}") == 0
        assert redis.command("SISMEMBER", "repository::a::blobs", DIGEST) == 0
        assert UNHEARD not in registry.stderr()

    at_pace(attempt, FAREWELL_S)


def test_redis_comes_back_while_the_server_stops(start_registry, redis):
    def attempt(_):
        registry = delete_in_silence(start_registry, redis)
        timer = threading.Timer(0.7, redis.resume)
        timer.start()
        registry.stop()
        timer.join()
        assert UNHEARD not in registry.stderr()

    at_pace(attempt, FAREWELL_S)


def test_redis_that_stays_away_holds_up_nothing(start_registry, redis):
    registry = delete_in_silence(start_registry, redis)
    registry.stop()
    assert re.findall(rf"{UNHEARD} (\d+) deletions", registry.stderr()) == ["1"]


def test_a_deletion_that_waits_is_kept_once(start_registry, redis):
    """Broken content that is asked for again and again leaves room for others."""
    registry = start_registry(settings=redis.settings())
    with registry.client() as client:
        wait_until(lambda: is_known(client, redis), what="redis knows")
        redis.kill()
        shutil.rmtree(registry.blob_path(DIGEST).parent)
        for _ in range(50):
            assert client.get(blob()).status == 404
            assert client.head(blob()).status == 404
        other = client.push_blob("a", b"another")
        assert client.delete(blob(other)).status == 202
    registry.stop()
    assert re.findall(rf"{UNHEARD} (\d+) deletions", registry.stderr()) == ["2"]
