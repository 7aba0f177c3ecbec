# SPDX-License-Identifier: Apache-2.0
"""The cache of blob descriptors, seen from outside: it saves looks, and never says that a blob is there.

What is deleted behind the server's back - by hand, by garbage collection, by another server - must be
as gone as what it deletes itself.
"""
import hashlib
import re
import shutil
import subprocess
import threading
import urllib.parse

import pytest
from support.cdn import FileServer
from support.certificates import Certificate
from support.client import Client
from support.content import digest_of, image, random_bytes
from support.metrics import DEBUG, scrape
from support.redis import Redis, is_installed
from support.registry import Registry, is_upstream, wait_until

pytestmark = [
    pytest.mark.skipif(is_upstream(), reason="upstream believes its cache"),
    pytest.mark.skipif(not is_installed, reason="redis-server is not installed"),
]

AWAY = "going on without it"
LOOKUPS = "registry_storage_cache_total"
CONTENT = b"what is cached is only its size"
DIGEST = digest_of(CONTENT)
RANGE = {"Range": "bytes=5-9"}


@pytest.fixture(scope="module")
def redis(tmp_path_factory):
    with Redis(tmp_path_factory.mktemp("redis")) as redis:
        yield redis


@pytest.fixture(params=["none", "inmemory", "redis"])
def cached(request, start_registry, redis):
    """A registry with each kind of cache; in Redis nothing is left of other tests."""
    settings = {"inmemory": {"storage.cache.blobdescriptor": "inmemory"}, "redis": redis.settings(),
                "none": {}}[request.param]
    redis.command("FLUSHALL")
    return start_registry(settings={**DEBUG, **settings})


@pytest.fixture
def client(cached):
    with cached.client() as client:
        yield client


def blob(repository, digest=DIGEST):
    return f"/v2/{repository}/blobs/{digest}"


def push(client, repository):
    """A blob that the cache knows all about."""
    assert client.push_blob(repository, CONTENT) == DIGEST
    for _ in range(2):
        assert client.head(blob(repository)).status == 200
        assert client.get(blob(repository), RANGE).body == CONTENT[5:10]


def assert_gone(client, repository):
    assert client.head(blob(repository)).status == 404
    response = client.get(blob(repository))
    assert (response.status, response.codes) == (404, ["BLOB_UNKNOWN"])
    for headers in (RANGE, {"Range": "bytes=9999-"}, {"If-None-Match": f'"{DIGEST}"'},
                    {"If-Match": '"x"', **RANGE}, {"If-None-Match": f'"{DIGEST}"', **RANGE}):
        assert client.get(blob(repository), headers).status == 404, headers


def assert_manifest_refused(client, repository):
    config = image("cache")
    client.push_blob(repository, config.blobs[0])
    manifest = config.manifest.replace(digest_of(config.blobs[1]).encode(), DIGEST.encode())
    response = client.put_manifest(repository, "x", manifest, config.media_type)
    assert response.codes == ["MANIFEST_BLOB_UNKNOWN"]


def assert_not_mounted(client, source):
    """A mount that cannot be is an upload."""
    response = client.post(f"/v2/elsewhere/blobs/uploads/?mount={DIGEST}&from={source}")
    assert response.status == 202
    assert client.delete(response.header("Location")).status == 204


def assert_all_is_gone(client, repository):
    assert_gone(client, repository)
    assert_manifest_refused(client, repository)
    assert_not_mounted(client, repository)
    push(client, repository)  # it can be pushed again


# ---- deleted, by whom ever ----


def test_a_blob_deleted_here_is_gone(client):
    push(client, "a")
    assert client.delete(blob("a")).status == 202
    assert_all_is_gone(client, "a")


def test_a_blob_whose_content_was_collected_is_gone(client, cached):
    push(client, "a")
    shutil.rmtree(cached.blob_path(DIGEST).parent)
    assert_all_is_gone(client, "a")


def test_a_blob_whose_link_was_removed_by_hand_is_gone(client, cached):
    push(client, "a")
    shutil.rmtree(cached.repository_path("a") / "_layers")
    assert_all_is_gone(client, "a")


def test_a_blob_deleted_by_another_server_is_gone(client, cached, tmp_path):
    """It has a cache of its own, in memory, and nothing tells us."""
    push(client, "a")
    other = Registry(tmp_path / "other", root=cached.root,
                     settings={"storage.cache.blobdescriptor": "inmemory"})
    with other, other.client() as another:
        push(another, "a")
        assert client.delete(blob("a")).status == 202
        assert_gone(another, "a")
        push(another, "a")
        assert client.head(blob("a")).status == 200
        assert another.delete(blob("a")).status == 202
        assert_all_is_gone(client, "a")
        assert client.delete(blob("a")).status == 202
        assert_all_is_gone(another, "a")


def test_a_blob_of_one_repository_opens_nothing_to_another(client):
    push(client, "a")
    assert_gone(client, "b")
    assert_manifest_refused(client, "b")
    assert_not_mounted(client, "b")


def test_deleting_from_one_repository_leaves_the_others(client):
    push(client, "a")
    push(client, "b")
    assert client.delete(blob("a")).status == 202
    assert_gone(client, "a")
    push(client, "b")
    assert_gone(client, "a")


def test_content_of_another_size_is_served_as_it_is(client, cached):
    """Damage, but memory must not make it worse: no range that lies beyond, no wrong total."""
    push(client, "a")
    cached.blob_path(DIGEST).write_bytes(CONTENT[:7])
    response = client.get(blob("a"), RANGE)
    assert (response.status, response.header("Content-Range")) == (206, "bytes 5-6/7")
    assert response.body == CONTENT[5:7]
    cached.blob_path(DIGEST).write_bytes(CONTENT[:3])
    assert client.get(blob("a"), RANGE).status == 416


# ---- what it is good for ----


def looks(registry):
    """How often the storage was asked about content so far."""
    return len(re.findall(r'filesystem\.stat\(\\?"[^"]*/blobs/sha256/', registry.stderr()))


def test_a_range_is_read_without_a_look_before(client, cached):
    push(client, "a")
    before = looks(cached)
    assert client.get(blob("a"), RANGE).status == 206
    has_cache = "blob descriptor cache" in cached.stderr()
    assert looks(cached) - before == (0 if has_cache else 1)


def test_lookups_are_counted(client, cached):
    client.push_blob("a", CONTENT)
    if "blob descriptor cache" not in cached.stderr():
        assert scrape(cached).series(LOOKUPS) == {}
        return
    client.get(blob("a"), RANGE)
    wait_until(lambda: client.get(blob("a"), RANGE) and counted(cached)["Hit"] > 0, what="a hit")
    found = counted(cached)
    assert found["Miss"] >= 1
    assert found["Request"] == found["Hit"] + found["Miss"]


def counted(registry):
    series = scrape(registry).series(LOOKUPS)
    found = {dict(labels)["type"]: value for labels, value in series.items()}
    return {"Hit": 0, "Miss": 0, **found}


def test_it_is_bounded(start_registry):
    registry = start_registry(settings={
        **DEBUG, "storage.cache.blobdescriptor": "inmemory", "storage.cache.blobdescriptorsize": 3})
    with registry.client() as client:
        digests = [client.push_blob("a", random_bytes(50, seed)) for seed in range(5)]
        for digest in digests:
            assert client.head(blob("a", digest)).status == 200
        for digest in reversed(digests):
            assert client.get(blob("a", digest), RANGE).status == 206
    assert (counted(registry)["Hit"], counted(registry)["Miss"]) == (3, 2)


# ---- clients that are sent to the storage ----


@pytest.fixture(params=["inmemory", "redis"])
def redirecting(request, start_registry, redis, tmp_path):
    """A registry that sends clients to a server that has its files, as an object store would."""
    redis.command("FLUSHALL")
    root = tmp_path / "storage"
    root.mkdir()
    cache = redis.settings() if request.param == "redis" else {
        "storage.cache.blobdescriptor": "inmemory"}
    with FileServer(root) as server:
        yield start_registry(root=root, settings={
            **DEBUG, **cache,
            "middleware.storage": [{"name": "redirect", "options": {"baseurl": server.url}}]})


def follow(response):
    """What the storage says to a client that is sent there: status and bytes."""
    assert response.status == 307, response
    url = urllib.parse.urlsplit(response.header("Location"))
    with Client((url.hostname, url.port)) as storage:
        found = storage.get(url.path)
        return found.status, found.body


def test_a_fetch_is_sent_to_the_storage_without_a_look(redirecting):
    with redirecting.client() as client:
        client.push_blob("a", CONTENT)

        def is_remembered():
            before = looks(redirecting)
            assert follow(client.get(blob("a"))) == (200, CONTENT)
            return looks(redirecting) == before

        wait_until(is_remembered, what="the size is remembered")
        before = looks(redirecting)
        assert follow(client.get(blob("a"))) == (200, CONTENT)
        assert client.head(blob("a")).status == 307
        assert looks(redirecting) == before + 1  # who asks by HEAD decides by it
        assert client.get(blob("b")).status == 404


def test_who_is_sent_to_collected_content_learns_it_there(redirecting):
    with redirecting.client() as client:
        client.push_blob("a", CONTENT)
        for _ in range(3):
            assert follow(client.get(blob("a"))) == (200, CONTENT)
        shutil.rmtree(redirecting.blob_path(DIGEST).parent)
        response = client.get(blob("a"))
        assert response.status == 404 or follow(response)[0] == 404
        assert client.head(blob("a")).status == 404
        assert client.get(blob("a")).status == 404
        assert_manifest_refused(client, "a")
        assert_not_mounted(client, "a")
        client.push_blob("a", CONTENT)
        assert follow(client.get(blob("a"))) == (200, CONTENT)


def test_a_deleted_blob_sends_nobody_anywhere(redirecting, tmp_path):
    other = Registry(tmp_path / "other", root=redirecting.root)
    with other, other.client() as another, redirecting.client() as client:
        for deleter in (client, another):
            client.push_blob("a", CONTENT)
            for _ in range(3):
                assert follow(client.get(blob("a"))) == (200, CONTENT)
            assert deleter.delete(blob("a")).status == 202
            assert client.get(blob("a")).status == 404
            assert client.get(blob("a"), RANGE).status == 404
            assert client.head(blob("a")).status == 404


# ---- Redis ----


def shared_keys(redis, database=0):
    return sorted(redis.command("KEYS", "*", database=database))


def expected_keys(repository):
    return sorted([f"blobs::{DIGEST}", f"repository::{repository}::blobs",
                   f"repository::{repository}::blobs::{DIGEST}"])


def test_upstreams_keys_are_written_and_removed(start_registry, redis):
    redis.command("FLUSHALL")
    registry = start_registry(settings=redis.settings(db=3))
    with registry.client() as client:
        wait_until(lambda: is_known(client, redis, "a/b", 3), what="the descriptor is in redis")
        assert shared_keys(redis, 3) == expected_keys("a/b")
        assert redis.command("SMEMBERS", "repository::a/b::blobs", database=3) == [DIGEST]
        flat = redis.command("HGETALL", f"blobs::{DIGEST}", database=3)
        assert dict(zip(flat[::2], flat[1::2])) == {
            "digest": DIGEST, "size": str(len(CONTENT)), "mediatype": "application/octet-stream"}
        assert redis.command("HGETALL", f"repository::a/b::blobs::{DIGEST}", database=3) == [
            "mediatype", "application/octet-stream"]
        assert client.delete(blob("a/b")).status == 202
        assert shared_keys(redis, 3) == []
        assert shared_keys(redis) == []


def is_known(client, redis, repository, database=0):
    """Pushes; whether it is in Redis yet: the server connects in the background."""
    client.push_blob(repository, CONTENT)
    client.head(blob(repository))
    return redis.command("EXISTS", f"repository::{repository}::blobs::{DIGEST}", database=database)


def test_what_is_wrong_in_redis_is_not_believed(start_registry, redis):
    redis.command("FLUSHALL")
    registry = start_registry(settings=redis.settings())
    key = f"blobs::{DIGEST}"
    wrong = [
        ["digest", digest_of(b"other"), "size", "31"], ["digest", DIGEST, "size", "-1"],
        ["digest", DIGEST, "size", "99999999999999999999"], ["digest", DIGEST, "size", ""],
        ["digest", DIGEST, "size", "3.5"], ["digest", "x", "size", "31"], ["size", "31"],
        ["digest", DIGEST], ["digest", DIGEST, "size", "7"], ["digest", DIGEST, "size", "0"],
        ["digest", DIGEST, "size", "99999999"], ["digest", DIGEST, "size", "31\n"],
    ]
    with registry.client() as client:
        wait_until(lambda: is_known(client, redis, "a"), what="the descriptor is in redis")
        for fields in wrong:
            redis.command("DEL", key)
            redis.command("HSET", key, *fields)
            response = client.get(blob("a"), RANGE)
            assert response.header("Content-Range") == f"bytes 5-9/{len(CONTENT)}", fields
            assert response.body == CONTENT[5:10]
            redis.command("DEL", key)
            redis.command("HSET", key, *fields)
            assert client.get(blob("a"), {"Range": "bytes=-4"}).body == CONTENT[-4:], fields
        redis.command("DEL", key)
        redis.command("SET", key, "no hash")
        assert client.get(blob("a"), RANGE).status == 206
        assert client.head(blob("a")).status == 200
    assert AWAY not in registry.stderr()


def test_a_blob_under_another_digest_is_not_told_under_its_own(start_registry, redis):
    """The link that was read is the alias's: there may be none of its own any more."""
    redis.command("FLUSHALL")
    registry = start_registry(settings=redis.settings())
    alias = "sha512:" + hashlib.sha512(CONTENT).hexdigest()
    with registry.client() as client:
        wait_until(lambda: is_known(client, redis, "a"), what="the descriptor is in redis")
        client.commit(client.append(client.start_upload("b"), CONTENT), alias)
        assert client.delete(blob("b")).status == 202
        for _ in range(3):
            assert client.get(blob("b", alias)).body == CONTENT
            assert client.get(blob("b", alias), RANGE).body == CONTENT[5:10]
            assert client.head(blob("b", alias)).status == 200
            assert client.head(blob("b")).status == 404
        client.push_blob("c", CONTENT)  # told in order: b would be known
        wait_until(lambda: client.head(blob("c")) and redis.command("EXISTS", "repository::c::blobs"), what="redis knows")
        assert redis.command("EXISTS", "repository::b::blobs") == 0


def test_a_deletion_beside_reads_leaves_nothing_in_redis(start_registry, redis):
    """What was seen before must not be written after: others would believe it."""
    redis.command("FLUSHALL")
    registry = start_registry(settings=redis.settings())
    stop = threading.Event()
    problems = []

    def read():
        with registry.client() as reader:
            while not stop.is_set():
                for ask in (lambda: reader.head(blob("a")), lambda: reader.get(blob("a"), RANGE)):
                    status = ask().status
                    if status not in (200, 206, 404):
                        problems.append(status)

    with registry.client() as client:
        wait_until(lambda: is_known(client, redis, "a"), what="the descriptor is in redis")
        readers = [threading.Thread(target=read) for _ in range(4)]
        for reader in readers:
            reader.start()
        left = []
        for _ in range(30):
            client.push_blob("a", CONTENT)
            client.head(blob("a"))
            assert client.delete(blob("a")).status == 202
            left += [key for key in expected_keys("a") if redis.command("EXISTS", key)]
        stop.set()
        for reader in readers:
            reader.join(300)
    assert (left, problems) == ([], [])
    assert shared_keys(redis) == []


def with_tls(tmp_path, needs_certificate=False):
    authority = Certificate(tmp_path, "authority", is_authority=True)
    server = Certificate(tmp_path, "localhost", issuer=authority)
    return authority, Redis(tmp_path / "redis", password="over-tls", tls=(authority, server),
                            needs_certificate=needs_certificate)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_redis_over_tls(start_registry, tmp_path, host):
    _, redis = with_tls(tmp_path)
    with redis:
        registry = start_registry(settings=redis.settings(addr=f"{host}:{redis.port}"))
        with registry.client() as client:
            wait_until(lambda: is_known(client, redis, "a"), what="the descriptor is in redis")


def test_redis_that_wants_a_certificate(start_registry, tmp_path):
    authority, redis = with_tls(tmp_path, needs_certificate=True)
    own = Certificate(tmp_path, "registry", issuer=authority)
    with redis:
        registry = start_registry(
            settings=redis.settings(tls_certificate=str(own.path), tls_key=str(own.key_path)))
        with registry.client() as client:
            client.push_blob("a", CONTENT)
            connection = redis.connect(certificate=own)
            wait_until(
                lambda: client.head(blob("a")) and connection.command("EXISTS", f"blobs::{DIGEST}"),
                what="the descriptor is in redis")
            connection.close()


def test_a_redis_with_another_certificate_is_not_trusted(start_registry, tmp_path):
    _, redis = with_tls(tmp_path)
    stranger = Certificate(tmp_path, "stranger", is_authority=True)
    with redis:
        registry = start_registry(settings=redis.settings(tls_rootcas=[str(stranger.path)]))
        wait_until(lambda: "certificate verify failed" in registry.stderr(), what="the refusal")
        with registry.client() as client:
            push(client, "a")
        assert shared_keys(redis) == []


@pytest.mark.parametrize("rights", [
    "~* +@all -@admin -@dangerous",
    "~blobs::* ~repository::* +ping +select +hmget +sadd +srem +hmset +hset +hsetnx +hdel",
], ids=["all", "least"])
def test_a_user_of_an_access_list(start_registry, tmp_path, rights):
    user = f"registry on >regpass {rights}"
    with Redis(tmp_path / "redis", password="other", users=[user]) as redis:
        registry = start_registry(
            settings=redis.settings(username="registry", password="regpass", db=1))
        with registry.client() as client:
            wait_until(lambda: is_known(client, redis, "a", 1), what="the descriptor is in redis")
            assert client.get(blob("a"), RANGE).status == 206
            assert client.delete(blob("a")).status == 202
        assert shared_keys(redis, 1) == []
        assert AWAY not in registry.stderr()


@pytest.mark.parametrize("wrong", [
    {"password": "wrong-password"}, {"password": ""}, {"username": "nobody"}, {"db": 99},
], ids=["password", "none", "username", "database"])
def test_a_redis_that_refuses_us_is_gone_without(start_registry, tmp_path, wrong):
    with Redis(tmp_path / "redis", password="right-password") as redis:
        registry = start_registry(settings=redis.settings(**wrong))
        wait_until(lambda: AWAY in registry.stderr(), what="the warning")
        with registry.client() as client:
            push(client, "a")
            assert client.delete(blob("a")).status == 202
        registry.stop()
        assert registry.stderr().count(AWAY) == 1
        for secret in ("right-password", "wrong-password"):
            assert secret not in registry.stderr()
        assert shared_keys(redis) == []


def test_no_more_connections_than_allowed(start_registry, redis):
    redis.command("FLUSHALL")
    registry = start_registry(settings=redis.settings(pool_maxactive=1, pool_maxidle=1))
    with registry.client() as client:
        wait_until(lambda: is_known(client, redis, "a"), what="the descriptor is in redis")
        before = int(re.search(r"total_connections_received:(\d+)", redis.command("INFO")).group(1))
        for _ in range(20):
            assert client.get(blob("a"), RANGE).status == 206
        after = int(re.search(r"total_connections_received:(\d+)", redis.command("INFO")).group(1))
    assert after - before == 1  # the one that asks


def test_connections_that_are_not_kept(start_registry, redis):
    redis.command("FLUSHALL")
    registry = start_registry(settings=redis.settings(pool_maxidle=0))
    with registry.client() as client:
        wait_until(lambda: is_known(client, redis, "a"), what="the descriptor is in redis")
        for _ in range(5):
            assert client.get(blob("a"), RANGE).status == 206
    assert AWAY not in registry.stderr()


# ---- configuration ----


def test_an_unknown_kind_is_no_cache(start_registry):
    registry = start_registry(settings={"storage.cache.blobdescriptor": "bogus"})
    assert re.search(r"level=warning msg=.*unknown cache type .*bogus.*caching disabled",
                     registry.stderr())
    with registry.client() as client:
        push(client, "a")


def test_the_old_name_counts_alone(start_registry, redis):
    registry = start_registry(settings={"storage.cache.layerinfo": "inmemory"})
    assert "using inmemory blob descriptor cache" in registry.stderr()
    both = {"storage.cache.layerinfo": "bogus", "storage.cache.blobdescriptor": "inmemory"}
    assert "using inmemory blob descriptor cache" in start_registry(settings=both).stderr()


def test_a_file_that_is_missing_stops_the_start(tmp_path):
    registry = Registry(tmp_path / "r", settings={
        "storage.cache.blobdescriptor": "redis", "redis.addr": "127.0.0.1:1",
        "redis.tls.rootcas": [str(tmp_path / "missing.crt")]})
    registry.write_config()
    done = subprocess.run([str(registry.program), "serve", str(registry.config_path)],
                          capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode != 0
    assert "missing.crt" in done.stderr
