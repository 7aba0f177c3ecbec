# SPDX-License-Identifier: Apache-2.0
"""Our server and upstream's on one storage and one Redis: what one caches the other reads, and what
one deletes neither brings back."""
import shutil

import pytest
from conftest import UPSTREAM
from support.content import digest_of, image, random_bytes
from support.redis import Redis, is_installed
from support.registry import Registry, wait_until

pytestmark = pytest.mark.skipif(not is_installed, reason="redis-server is not installed")

RANGE = {"Range": "bytes=1-3"}


class SharedCluster:
    def __init__(self, folder, redis):
        self.redis = redis
        settings = redis.settings(db=1)
        self.ours = Registry(folder / "ours", settings=settings)
        pool = {"redis.pool.maxidle": 4, "redis.pool.maxactive": 16}
        self.theirs = Registry(folder / "theirs", root=self.ours.root, program=UPSTREAM,
                               settings={**settings, **pool})
        self.servers = {"ours": self.ours, "theirs": self.theirs}

    def field(self, digest, name):
        return self.redis.command("HGET", f"blobs::{digest}", name, database=1)

    def is_member(self, repository, digest):
        return self.redis.command("SISMEMBER", f"repository::{repository}::blobs", digest, database=1)


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    if not UPSTREAM.exists():
        pytest.skip("upstream's registry (docker-registry) is not installed")
    with Redis(tmp_path_factory.mktemp("redis"), password="shared") as redis:
        cluster = SharedCluster(tmp_path_factory.mktemp("cluster"), redis)
        with cluster.ours, cluster.theirs:
            yield cluster


@pytest.fixture
def ours(shared):
    with shared.ours.client() as client:
        yield client


@pytest.fixture
def theirs(shared):
    with shared.theirs.client() as client:
        yield client


def blob(repository, digest):
    return f"/v2/{repository}/blobs/{digest}"


def cache_here(shared, ours, repository, content):
    """Pushes and looks, until our server has told Redis."""
    digest = ours.push_blob(repository, content)
    wait_until(lambda: ours.head(blob(repository, digest)).status == 200
               and shared.is_member(repository, digest) and shared.field(digest, "mediatype"),
               what="our descriptor is in redis")
    return digest


def cache_there(theirs, repository, content):
    digest = theirs.push_blob(repository, content)
    assert theirs.head(blob(repository, digest)).status == 200
    return digest


# ---- keys and commands ----


def commands_about(seen, digest):
    return sorted([words for words in seen() if any(digest in word for word in words)])


def test_both_write_the_same_commands(shared, ours, theirs):
    with shared.redis.monitor() as seen:
        digest = cache_here(shared, ours, "same/ours", b"written by both")
        mine = commands_about(seen, digest)
    shared.redis.command("FLUSHALL")
    with shared.redis.monitor() as seen:
        assert cache_there(theirs, "same/ours", b"written by both") == digest
        wait_until(lambda: commands_about(seen, digest), what="their commands")
        their_own = commands_about(seen, digest)
    writes = {"SADD", "HMSET", "HSETNX", "HSET"}
    ours_written = {tuple(words) for words in mine if words[0] in writes}
    assert len(ours_written) == 4
    assert ours_written == {tuple(words) for words in their_own if words[0] in writes}


def test_upstream_reads_what_we_have_cached(shared, ours, theirs):
    """Told apart by a size that is not that of the content: upstream believes what it reads."""
    content = random_bytes(300, "read by them")
    digest = cache_here(shared, ours, "read/there", content)
    shared.redis.command("HSET", f"blobs::{digest}", "size", 77, database=1)
    assert theirs.head(blob("read/there", digest)).header("Content-Length") == "77"
    assert ours.head(blob("read/there", digest)).header("Content-Length") == "300"


def test_we_read_what_upstream_has_cached(shared, ours, theirs):
    content = random_bytes(300, "read by us")
    digest = cache_there(theirs, "read/here", content)
    assert shared.field(digest, "size") == "300"

    with shared.redis.monitor() as seen:
        response = ours.get(blob("read/here", digest), RANGE)
        assert (response.status, response.body) == (206, content[1:4])
        wait_until(lambda: ["HMGET", f"blobs::{digest}", "digest", "size", "mediatype"] in seen(),
                   what="our lookup")
    stats = [line for line in shared.ours.stderr().splitlines()
             if "filesystem.stat(" in line and f"{digest[7:]}/data" in line]
    assert stats == []


# ---- deletions ----


DELETERS = ["ours", "theirs"]


@pytest.mark.parametrize("deleter", DELETERS)
@pytest.mark.parametrize("pusher", DELETERS)
def test_what_one_deletes_is_gone_for_both(shared, ours, theirs, pusher, deleter):
    clients = {"ours": ours, "theirs": theirs}
    repository = f"deleted/{pusher}-{deleter}"
    content = f"{pusher} {deleter}".encode()
    digest = clients[pusher].push_blob(repository, content)
    for client in (ours, theirs, ours):
        assert client.head(blob(repository, digest)).status == 200
        assert client.get(blob(repository, digest), RANGE).status == 206
    wait_until(lambda: shared.field(digest, "mediatype"), what="the descriptor is in redis")
    assert clients[deleter].delete(blob(repository, digest)).status == 202
    assert shared.field(digest, "size") is None
    for client in (ours, theirs):
        assert client.head(blob(repository, digest)).status == 404
        assert client.get(blob(repository, digest)).status == 404
        assert client.get(blob(repository, digest), RANGE).status == 404


def test_what_we_delete_does_not_come_back_when_somebody_else_pushes_it(shared, ours, theirs):
    """Upstream leaves the repository in its set, and believes that once the content is known again."""
    digest = cache_here(shared, ours, "back/a", b"deleted and pushed")
    assert theirs.head(blob("back/a", digest)).status == 200
    assert ours.delete(blob("back/a", digest)).status == 202
    for client, repository in ((theirs, "back/b"), (ours, "back/c")):
        client.push_blob(repository, b"deleted and pushed")
        assert client.head(blob(repository, digest)).status == 200
        assert theirs.head(blob("back/a", digest)).status == 404
        assert ours.head(blob("back/a", digest)).status == 404


def test_what_upstream_deletes_does_not_come_back_here(shared, ours, theirs):
    digest = cache_there(theirs, "theirs/a", b"deleted there, pushed again")
    assert ours.head(blob("theirs/a", digest)).status == 200
    assert theirs.delete(blob("theirs/a", digest)).status == 202
    cache_there(theirs, "theirs/b", b"deleted there, pushed again")
    assert theirs.head(blob("theirs/a", digest)).status == 200, "upstream has mended it"
    assert ours.head(blob("theirs/a", digest)).status == 404
    assert ours.get(blob("theirs/a", digest), RANGE).status == 404


def test_collected_content_is_gone_here_whatever_redis_says(shared, ours, theirs):
    digest = cache_there(theirs, "collected/a", b"to be collected")
    assert ours.get(blob("collected/a", digest), RANGE).status == 206
    shutil.rmtree(shared.ours.blob_path(digest).parent)
    assert theirs.head(blob("collected/a", digest)).status == 200, "upstream has mended it"
    assert ours.get(blob("collected/a", digest), RANGE).status == 404
    assert shared.field(digest, "size") is None
    assert ours.head(blob("collected/a", digest)).status == 404
    assert theirs.head(blob("collected/a", digest)).status == 404, "what we found out helps them"
    assert ours.push_blob("collected/a", b"to be collected") == digest
    assert theirs.get(blob("collected/a", digest)).body == b"to be collected"


def test_images_go_both_ways(shared, ours, theirs):
    for first, second, name in ((ours, theirs, "image/ours"), (theirs, ours, "image/theirs")):
        value = image(name, layer_count=3)
        first.push_image(name, "v1", value)
        response = second.get(f"/v2/{name}/manifests/v1", {"Accept": value.media_type})
        assert (response.status, response.body) == (200, value.manifest)
        for content in value.blobs:
            assert second.head(blob(name, digest_of(content))).status == 200
            assert second.get(blob(name, digest_of(content))).body == content
