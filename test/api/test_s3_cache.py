# SPDX-License-Identifier: Apache-2.0
"""The cache of blob descriptors before a bucket: which requests it saves there, and that it decides
nothing. Requests are counted on their way to the service."""
import urllib.parse

import pytest
from support.client import Client
from support.content import digest_of
from support.redis import Redis, is_installed
from support.registry import is_upstream, wait_until

pytestmark = pytest.mark.skipif(is_upstream(), reason="upstream believes its cache")

CONTENT = b"kept in a bucket"
DIGEST = digest_of(CONTENT)
RANGE = {"Range": "bytes=5-9"}


class Cache:
    def __init__(self, settings, redis):
        self.settings, self.redis = settings, redis

    def __bool__(self):
        return bool(self.settings)


@pytest.fixture(params=["none", "inmemory", "redis"])
def cache(request, tmp_path):
    if request.param != "redis":
        settings = {"storage.cache.blobdescriptor": "inmemory"} if request.param == "inmemory" else {}
        yield Cache(settings, None)
    elif not is_installed:
        pytest.skip("redis-server is not installed")
    else:
        with Redis(tmp_path / "redis") as redis:
            yield Cache(redis.settings(), redis)


def blob(repository="a"):
    return f"/v2/{repository}/blobs/{DIGEST}"


def about_content(proxy, work):
    """The methods of the requests for the blob's content that @work causes."""
    before = len(proxy.requests)
    work()
    return [request.method for request in proxy.requests[before:]
            if DIGEST[7:] in request.target and "/_layers/" not in request.target]


def warm(client, cache):
    """Pushes, and looks until the cache has it."""
    assert client.push_blob("a", CONTENT) == DIGEST
    wait_until(lambda: client.head(blob()) and (
        not cache.redis or cache.redis.command("HEXISTS", f"blobs::{DIGEST}", "mediatype")),
        what="the descriptor is in redis")


def test_a_fetch_asks_the_service_nothing_about_the_content(start_s3_registry, proxy, cache):
    registry = start_s3_registry(cache.settings, url=proxy.url)
    with registry.client() as client:
        warm(client, cache)
        responses = []
        asked = about_content(proxy, lambda: responses.append(client.get(blob())))
        assert asked == ([] if cache else ["HEAD"])
        assert responses[0].status == 307
        assert about_content(proxy, lambda: client.head(blob())) == ["HEAD"]


def test_a_range_is_read_with_one_request(start_s3_registry, proxy, cache):
    registry = start_s3_registry({**cache.settings, "storage.redirect.disable": True}, url=proxy.url)
    with registry.client() as client:
        warm(client, cache)
        bodies = []
        asked = about_content(proxy, lambda: bodies.append(client.get(blob(), RANGE).body))
        assert bodies == [CONTENT[5:10]]
        assert asked == (["GET"] if cache else ["HEAD", "GET"])


@pytest.mark.skipif(not is_installed, reason="redis-server is not installed")
@pytest.mark.parametrize("size", [0, 3, 6, 15, 17, 999999999999999999])
def test_a_wrong_size_in_redis_changes_no_answer(start_s3_registry, tmp_path, size):
    with Redis(tmp_path / "redis") as redis:
        registry = start_s3_registry({**redis.settings(), "storage.redirect.disable": True})
        with registry.client() as client:
            warm(client, Cache(redis.settings(), redis))
            total = len(CONTENT)
            for wanted, content_range in {
                "bytes=5-9": f"bytes 5-9/{total}", "bytes=-4": f"bytes {total - 4}-{total - 1}/{total}",
                "bytes=0-": f"bytes 0-{total - 1}/{total}", "bytes=14-99": f"bytes 14-{total - 1}/{total}",
                f"bytes={total}-": f"bytes */{total}", "bytes=17-": f"bytes */{total}",
            }.items():
                redis.command("HSET", f"blobs::{DIGEST}", "size", size)
                response = client.get(blob(), {"Range": wanted})
                assert response.header("Content-Range") == content_range, wanted
                if response.status == 206:
                    first, last = content_range[6:].split("/")[0].split("-")
                    assert response.body == CONTENT[int(first):int(last) + 1], wanted
                else:
                    assert response.status == 416
            redis.command("HSET", f"blobs::{DIGEST}", "size", size)
            parts = client.get(blob(), {"Range": "bytes=10-11,2-3"})
            assert parts.status == 206 and CONTENT[10:12] in parts.body and CONTENT[2:4] in parts.body


def test_collected_content_is_gone(start_s3_registry, proxy, bucket, cache):
    registry = start_s3_registry(cache.settings, url=proxy.url)
    with registry.client() as client:
        warm(client, cache)
        (key,) = [key for key in bucket.keys() if key.endswith(f"{DIGEST[7:]}/data")]
        bucket.delete(key)
        response = client.get(blob())
        if response.status == 307:
            url = urllib.parse.urlsplit(response.header("Location"))
            with Client((url.hostname, url.port)) as service:
                assert service.get(f"{url.path}?{url.query}").status == 404
        else:
            assert response.status == 404
        assert client.head(blob()).status == 404
        assert client.get(blob()).status == 404
        assert client.post(f"/v2/b/blobs/uploads/?mount={DIGEST}&from=a").status == 202
        assert client.push_blob("a", CONTENT) == DIGEST
        assert bucket.get(key) == CONTENT
