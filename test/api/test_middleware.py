# SPDX-License-Identifier: Apache-2.0
"""Storage middleware: where clients are sent for the content of blobs, and who is not sent."""
import base64
import json
import re
import socket
import subprocess
import time

import pytest
from support.cdn import Bucket, FileServer
from support.content import UNKNOWN_DIGEST, digest_of, image
from support.registry import Registry, binary, wait_until
from support.small_server import SmallServer

CDN = "https://cdn.example.com"
DATA = b"content that others serve"
DIGEST = digest_of(DATA)
KEY = f"/docker/registry/v2/blobs/sha256/{DIGEST[7:9]}/{DIGEST[7:]}/data"
BLOB = f"/v2/a/b/blobs/{DIGEST}"


def chain(*items):
    return {"middleware.storage": list(items)}


def item(name, **options):
    return {"name": name, "options": options}


def fails(tmp_path, settings):
    """What a registry says that does not start with @settings."""
    registry = Registry(tmp_path, settings=settings)
    registry.config["http"]["addr"] = "127.0.0.1:0"
    registry.write_config()
    done = subprocess.run([binary(), "serve", registry.config_path], capture_output=True, text=True, timeout=300)
    assert done.returncode != 0
    return done.stderr + done.stdout


# ---- redirect -----------------------------------------------------------------------------------


@pytest.fixture(scope="module", params=["filesystem", "inmemory"])
def client(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("redirect")
    with Registry(folder, storage=request.param, settings=chain(item("redirect", baseurl=CDN))) as registry:
        with registry.client() as client:
            client.push_blob("a/b", DATA)
            yield client


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(
    "headers",
    [{}, {"Range": "bytes=1-3"}, {"Range": "bytes=900-"}, {"If-None-Match": f'"{DIGEST}"'}, {"If-Match": '"x"'}],
    ids=lambda headers: next(iter(headers.values()), "plain"),
)
def test_a_blob_is_elsewhere_whatever_the_request_says(client, method, headers):
    response = client.request(method, BLOB, headers)
    assert response.status == 307
    assert response.header("Location") == CDN + KEY
    assert response.header("Content-Type") == "application/octet-stream"
    assert response.header("Content-Length") == "0"
    assert response.header("Docker-Distribution-Api-Version") == "registry/2.0"
    assert response.header("Docker-Content-Digest") is None
    assert response.header("Etag") is None
    assert response.body == b""


def test_what_is_not_there_is_not_elsewhere(client):
    assert client.get(f"/v2/a/b/blobs/{UNKNOWN_DIGEST}").codes == ["BLOB_UNKNOWN"]
    assert client.get(f"/v2/other/blobs/{DIGEST}").codes == ["BLOB_UNKNOWN"]
    assert client.head(f"/v2/a/b/blobs/{UNKNOWN_DIGEST}").status == 404
    assert client.get("/v2/a/b/blobs/sha256:abc").codes == ["DIGEST_INVALID"]


def test_manifests_come_from_the_registry(client):
    pushed = image("redirected")
    client.push_image("a/b", "tag", pushed)
    response = client.get("/v2/a/b/manifests/tag", {"Accept": pushed.media_type})
    assert response.status == 200
    assert response.body == pushed.manifest


def test_a_blob_that_was_deleted_is_not_elsewhere(client):
    digest = client.push_blob("a/c", b"to be deleted")
    assert client.get(f"/v2/a/c/blobs/{digest}").status == 307
    assert client.delete(f"/v2/a/c/blobs/{digest}").status == 202
    assert client.get(f"/v2/a/c/blobs/{digest}").status == 404


@pytest.mark.parametrize(
    "baseurl, begin",
    [
        ("http://cdn.example.com:8080", "http://cdn.example.com:8080"),
        ("https://cdn.example.com/", "https://cdn.example.com"),
        ("https://cdn.example.com/images/v1//", "https://cdn.example.com/images/v1"),
        ("https://user:secret@cdn.example.com/x?q=1#f", "https://cdn.example.com/x"),
        ("http://[2001:db8::1]:80/", "http://[2001:db8::1]:80"),
    ],
)
def test_keys_follow_the_path_of_the_base_url(tmp_path, baseurl, begin):
    with Registry(tmp_path, settings=chain(item("redirect", baseurl=baseurl))) as registry:
        with registry.client() as client:
            client.push_blob("a/b", DATA)
            assert client.get(BLOB).header("Location") == begin + KEY
        assert "secret@" not in registry.stderr()


def test_who_follows_gets_the_content(tmp_path):
    root = tmp_path / "registry" / "root"
    with FileServer(root, "/images") as cdn:
        with Registry(tmp_path / "registry", root=root, settings=chain(item("redirect", baseurl=cdn.url))) as registry:
            with registry.client() as client:
                client.push_blob("a/b", DATA)
            url = f"http://127.0.0.1:{registry.port}{BLOB}"
            done = subprocess.run(["curl", "-sSfL", url], capture_output=True, check=True, timeout=300)
            assert done.stdout == DATA
            done = subprocess.run(["curl", "-sSfL", "-r", "8-11", url], capture_output=True, check=True, timeout=300)
            assert done.stdout == DATA[8:12]
            assert [request.target for request in cdn.requests] == ["/images" + KEY] * 2


@pytest.mark.parametrize(
    "off",
    [
        {"middleware.storage": [{"name": "redirect", "disabled": True, "options": {"baseurl": CDN}}]},
        {"middleware.storage": [{"name": "no such thing", "disabled": True}]},
        chain(item("redirect", baseurl=CDN)) | {"storage.redirect.disable": True},
    ],
    ids=["disabled", "unknown-disabled", "redirects-disabled"],
)
def test_what_is_turned_off_redirects_nobody(tmp_path, off):
    with Registry(tmp_path, settings=off) as registry, registry.client() as client:
        client.push_blob("a/b", DATA)
        assert client.get(BLOB).body == DATA
        response = client.get(BLOB, {"Range": "bytes=1-3"})
        assert (response.status, response.body) == (206, DATA[1:4])


def test_variables_name_middleware(tmp_path):
    variables = {"REGISTRY_MIDDLEWARE_STORAGE": '[{name: redirect, options: {baseurl: "https://v.example"}}]'}
    with Registry(tmp_path, environment=variables) as registry, registry.client() as client:
        client.push_blob("a/b", DATA)
        assert client.get(BLOB).header("Location") == "https://v.example" + KEY


# ---- rewrite ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options, url",
    [
        ({"scheme": "http"}, f"http://cdn.example.com/images{KEY}"),
        ({"host": "other.example:8443"}, f"https://other.example:8443/images{KEY}"),
        ({"trimpathprefix": "/images"}, f"https://cdn.example.com{KEY}"),
        ({"trimpathprefix": "/images/"}, f"https://cdn.example.com{KEY}"),
        ({"trimpathprefix": "/other"}, f"https://cdn.example.com/images{KEY}"),
        ({"scheme": "http", "host": "h", "trimpathprefix": "/images/docker"}, f"http://h{KEY[7:]}"),
        ({}, f"https://cdn.example.com/images{KEY}"),
    ],
)
def test_rewrite_changes_what_was_said_before_it(tmp_path, options, url):
    settings = chain(item("redirect", baseurl=f"{CDN}/images"), item("rewrite", **options))
    with Registry(tmp_path, settings=settings) as registry, registry.client() as client:
        client.push_blob("a/b", DATA)
        assert client.get(BLOB).header("Location") == url


def test_rewrite_without_a_url_changes_nothing(tmp_path):
    with Registry(tmp_path, settings=chain(item("rewrite", scheme="https", host="h"))) as registry:
        with registry.client() as client:
            client.push_blob("a/b", DATA)
            assert client.get(BLOB).body == DATA


def test_rewrite_keeps_the_query_of_a_bucket(bucket, tmp_path):
    settings = on_bucket(bucket) | chain(item("rewrite", scheme="https", host="cdn.example.com", trimpathprefix="/b"))
    with Registry(tmp_path, storage="s3", settings=settings) as registry, registry.client() as client:
        location = client.get(BLOB).header("Location")
    assert location.startswith(f"https://cdn.example.com/root{KEY}?")
    assert "X-Amz-Signature=" in location


# ---- cloudfront ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    """PEM files: PKCS#1, PKCS#8, the public key, and one that is no RSA key."""
    folder = tmp_path_factory.mktemp("keys")

    def openssl(*arguments):
        subprocess.run(["openssl", *arguments], check=True, capture_output=True)
        return str(folder / arguments[arguments.index("-out") + 1])

    one = openssl("genrsa", "-traditional", "-out", f"{folder}/pkcs1.pem", "2048")
    return {
        "pkcs1": one,
        "pkcs8": openssl("pkcs8", "-topk8", "-nocrypt", "-in", one, "-out", f"{folder}/pkcs8.pem"),
        "locked": openssl("pkcs8", "-topk8", "-passout", "pass:x", "-in", one, "-out", f"{folder}/locked.pem"),
        "public": openssl("rsa", "-in", one, "-pubout", "-out", f"{folder}/public.pem"),
        "ec": openssl("ecparam", "-genkey", "-name", "prime256v1", "-noout", "-out", f"{folder}/ec.pem"),
    }


@pytest.fixture
def bucket():
    """With one blob, linked in a/b."""
    link = f"root/docker/registry/v2/repositories/a/b/_layers/sha256/{DIGEST[7:]}/link"
    with Bucket("b", {f"root{KEY}": DATA, link: DIGEST.encode()}) as bucket:
        yield bucket


def on_bucket(bucket):
    return {"storage.s3": bucket.settings(rootdirectory="/root")}


def cloudfront(keys, key="pkcs1", **options):
    return item("cloudfront", **{"baseurl": "cf.example.net", "privatekey": keys[key], "keypairid": "KPID"} | options)


def verify(keys, url, tmp_path):
    """Checks the signature of a canned policy; returns the URL without query, and when it expires."""
    plain, query = url.split("?")
    values = dict(part.split("=", 1) for part in query.split("&"))
    assert list(values) == ["Expires", "Signature", "Key-Pair-Id"]
    assert values["Key-Pair-Id"] == "KPID"
    expires = int(values["Expires"])
    policy = {"Statement": [{"Resource": plain, "Condition": {"DateLessThan": {"AWS:EpochTime": expires}}}]}
    assert re.fullmatch(r"[A-Za-z0-9_~-]+", values["Signature"])
    signature = values["Signature"].translate(str.maketrans("-_~", "+=/"))
    (tmp_path / "policy").write_text(json.dumps(policy, separators=(",", ":")))
    (tmp_path / "signature").write_bytes(base64.b64decode(signature, validate=True))
    subprocess.run(["openssl", "dgst", "-sha1", "-verify", keys["public"], "-signature", tmp_path / "signature",
                    tmp_path / "policy"], check=True, capture_output=True)
    return plain, expires


@pytest.mark.parametrize("key", ["pkcs1", "pkcs8"])
@pytest.mark.parametrize(
    "options, begin, duration",
    [
        ({}, "https://cf.example.net/", 1200),
        ({"baseurl": "http://cf.example.net:8080/dist/", "duration": "90s"}, "http://cf.example.net:8080/dist/", 90),
        ({"baseurl": "https://user:secret@cf.example.net"}, "https://cf.example.net/", 1200),
    ],
    ids=["defaults", "options", "user"],
)
def test_a_url_of_cloudfront_is_signed(bucket, keys, tmp_path, key, options, begin, duration):
    settings = on_bucket(bucket) | chain(cloudfront(keys, key, **options))
    with Registry(tmp_path, storage="s3", settings=settings) as registry, registry.client() as client:
        before = int(time.time())
        for method in ("GET", "HEAD"):
            response = client.request(method, BLOB)
            assert response.status == 307
            url, expires = verify(keys, response.header("Location"), tmp_path)
            assert url == f"{begin}root{KEY}"
            assert before + duration <= expires <= time.time() + duration
        assert client.get(f"/v2/a/b/blobs/{UNKNOWN_DIGEST}").codes == ["BLOB_UNKNOWN"]


def test_without_a_bucket_cloudfront_warns_and_stands_aside(keys, tmp_path):
    with Registry(tmp_path, settings=chain(cloudfront(keys))) as registry:
        with registry.client() as client:
            client.push_blob("a/b", DATA)
            assert client.get(BLOB).body == DATA
        assert "the CloudFront middleware does not support this backend storage driver" in registry.stderr()


RANGES = {
    "prefixes": [{"ip_prefix": "10.1.0.0/16", "region": "us-east-1"}, {"ip_prefix": "10.2.0.0/16", "region": "eu-west-1"}],
    "ipv6_prefixes": [{"ipv6_prefix": "2600:1f00::/24", "region": "us-east-1"}],
}


class RangesServer(SmallServer):
    """Publishes `body`."""

    def __init__(self):
        super().__init__()
        self.body = json.dumps(RANGES).encode()
        self.url = f"{self.origin}/ip-ranges.json"

    @property
    def count(self):
        return len(self.requests)

    def answer(self, request):
        return 200 if self.body else 503, self.body, {}


@pytest.fixture
def ranges():
    with RangesServer() as server:
        yield server


def is_sent_to_bucket(bucket, client, headers):
    location = client.get(BLOB, headers).header("Location")
    assert location.startswith((f"{bucket.origin}/b/root{KEY}?", f"https://cf.example.net/root{KEY}?"))
    return location.startswith(bucket.origin)


@pytest.mark.parametrize(
    "options, inside, outside",
    [
        ({"ipfilteredby": "aws"}, ["10.1.2.3", "10.2.2.3", "2600:1f00::5"], ["10.3.2.3", "2600:2000::5", "no address"]),
        ({"ipfilteredby": "AwsRegion", "awsregion": " eu-west-1,x"}, ["10.2.2.3"], ["10.1.2.3", "2600:1f00::5"]),
        ({"ipfilteredby": "none"}, [], ["10.1.2.3"]),
    ],
    ids=["aws", "region", "none"],
)
def test_clients_within_the_ranges_go_to_the_bucket(bucket, keys, ranges, tmp_path, options, inside, outside):
    settings = on_bucket(bucket) | chain(cloudfront(keys, iprangesurl=ranges.url, **options))
    with Registry(tmp_path, storage="s3", settings=settings) as registry, registry.client() as client:
        if inside:
            wait_until(lambda: "IP ranges of AWS" in registry.stderr(), what="the ranges are there")
        for address in inside:
            assert is_sent_to_bucket(bucket, client, {"X-Forwarded-For": f"{address}, 10.9.9.9"})
            assert is_sent_to_bucket(bucket, client, {"X-Real-Ip": address})
        for address in outside:
            assert not is_sent_to_bucket(bucket, client, {"X-Forwarded-For": f"{address}, 10.1.2.3"})
        assert not is_sent_to_bucket(bucket, client, {})  # 127.0.0.1
    assert ranges.count == (1 if inside else 0)


@pytest.mark.parametrize("frequency", ["updatefrequency", "updatefrenquency"])
def test_ranges_are_fetched_again_and_kept_through_failures(bucket, keys, ranges, tmp_path, frequency):
    settings = on_bucket(bucket) | chain(
        cloudfront(keys, ipfilteredby="aws", iprangesurl=ranges.url, **{frequency: "1s"})
    )
    ranges.body = b""
    with Registry(tmp_path, storage="s3", settings=settings) as registry, registry.client() as client:
        wait_until(lambda: "failed to update AWS IP" in registry.stderr(), what="a warning")
        assert not is_sent_to_bucket(bucket, client, {"X-Forwarded-For": "10.1.2.3"})
        ranges.body = json.dumps(RANGES).encode()
        wait_until(lambda: is_sent_to_bucket(bucket, client, {"X-Forwarded-For": "10.1.2.3"}), what="the ranges")
        count, ranges.body = ranges.count, b"[]"
        wait_until(lambda: ranges.count > count + 1, what="another update")
        assert is_sent_to_bucket(bucket, client, {"X-Forwarded-For": "10.1.2.3"})


@pytest.mark.parametrize("body", [b"", json.dumps(RANGES).encode()], ids=["failing", "fine"])
def test_nobody_is_asked_for_ranges_all_the_time(bucket, keys, ranges, tmp_path, body):
    """Whatever the interval is: a number without a unit is one of nanoseconds."""
    ranges.body = body
    settings = on_bucket(bucket) | chain(
        cloudfront(keys, ipfilteredby="aws", iprangesurl=ranges.url.replace("//", "//user:secret@"), updatefrenquency="12ns")
    )
    with Registry(tmp_path, storage="s3", settings=settings) as registry:
        wait_until(lambda: ranges.count > 0, what="a request")
        begun, before = time.monotonic(), ranges.count
        wait_until(lambda: ranges.count > before + 1, what="another two")
        assert ranges.count < 4 + time.monotonic() - begun
        assert time.monotonic() - begun > 0.9
        assert "secret" not in registry.stderr().replace("http.secret", "")


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Forwarded-For": "10.1.2.3:4711"},
        {"X-Forwarded-For": "[2600:1f00::5]"},
        {"X-Forwarded-For": "2600:1f00::5%eth0"},
        {"X-Forwarded-For": ", 10.1.2.3"},
        {"X-Forwarded-For": "unknown, 10.1.2.3"},
        {"X-Forwarded-For": "010.001.002.003"},
        {"X-Forwarded-For": "10.1.515"},
        {"X-Forwarded-For": "0x0a.1.2.3"},
        {"X-Forwarded-For": "1" * 3000},
        {"Forwarded": "for=10.1.2.3"},
    ],
    ids=lambda headers: next(iter(headers.values()))[:30],
)
def test_what_is_no_address_is_in_no_range(bucket, keys, ranges, tmp_path, headers):
    settings = on_bucket(bucket) | chain(cloudfront(keys, iprangesurl=ranges.url, ipfilteredby="aws"))
    with Registry(tmp_path, storage="s3", settings=settings) as registry, registry.client() as client:
        wait_until(lambda: "IP ranges of AWS" in registry.stderr(), what="the ranges are there")
        assert not is_sent_to_bucket(bucket, client, headers)
        assert is_sent_to_bucket(bucket, client, {"X-Forwarded-For": "::ffff:10.1.2.3"})


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "javascript"},
        {"Forwarded": "host=evil.example;proto=gopher"},
        {"X-Forwarded-Prefix": "/evil.example"},
    ],
    ids=lambda headers: next(iter(headers)),
)
def test_no_header_says_where_content_is(bucket, keys, tmp_path, headers):
    settings = on_bucket(bucket) | chain(cloudfront(keys))
    with Registry(tmp_path / "cloudfront", storage="s3", settings=settings) as registry, registry.client() as client:
        assert client.get(BLOB, headers).header("Location").startswith(f"https://cf.example.net/root{KEY}?")
    with Registry(tmp_path / "bucket", storage="s3", settings=on_bucket(bucket)) as registry, registry.client() as client:
        assert client.get(BLOB, headers).header("Location").startswith(f"{bucket.origin}/b/root{KEY}?")


def test_a_server_of_ranges_that_says_nothing_holds_up_nobody(bucket, keys, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        settings = on_bucket(bucket) | chain(cloudfront(keys, ipfilteredby="aws", iprangesurl=url))
        with Registry(tmp_path, storage="s3", settings=settings) as registry, registry.client() as client:
            asking, _ = silent.accept()
            assert asking.recv(65536).startswith(b"GET / ")
            assert not is_sent_to_bucket(bucket, client, {})
            asking.setblocking(False)
            with pytest.raises(BlockingIOError):  # it has not been given up meanwhile
                asking.recv(1)
        asking.close()


# ---- what makes no sense ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options, problem",
    [
        ({}, "no baseurl provided"),
        ({"baseurl": "cdn.example.com"}, "no scheme specified for redirect baseurl"),
        ({"baseurl": "https:///x"}, "no host specified for redirect baseurl"),
        ({"baseurl": "http://a b/"}, "unable to parse redirect baseurl: http://a b/"),
        ({"baseurl": "http://:80/"}, "unable to parse redirect baseurl: http://:80/"),
        ({"baseurl": "http://a:8o8o/"}, "unable to parse redirect baseurl: http://a:8o8o/"),
        ({"baseurl": "http://me:secret@a b/"}, "unable to parse redirect baseurl: http://***@a b/"),
    ],
)
def test_a_redirect_needs_its_base(tmp_path, options, problem):
    said = fails(tmp_path, chain(item("redirect", **options)))
    assert f"unable to configure storage middleware (redirect): {problem}" in said


@pytest.mark.parametrize(
    "options, problem",
    [
        ({"baseurl": ""}, "no baseurl provided"),
        ({"privatekey": ""}, "no privatekey provided"),
        ({"keypairid": ""}, "no keypairid provided"),
        ({"privatekey": "/nowhere"}, "failed to read privatekey file: open /nowhere"),
        ({"privatekey": "/etc/passwd"}, "failed to decode private key as an rsa private key"),
        ({"baseurl": "http://a b"}, "invalid baseurl"),
        ({"baseurl": "http://a/?q"}, "invalid baseurl"),
        ({"baseurl": "http://me:secret@a/?q"}, "invalid baseurl: http://***@a/?q is not a URL"),
        ({"ipfilteredby": "azure"}, "ipfilteredby only allows a string the following value: none|aws|awsregion"),
        ({"ipfilteredby": "awsregion"}, "awsRegion is not defined"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_cloudfront_needs_its_options(keys, tmp_path, options, problem):
    said = fails(tmp_path, chain(cloudfront(keys, **options)))
    assert f"unable to configure storage middleware (cloudfront): {problem}" in said


@pytest.mark.parametrize("key", ["ec", "locked", "public"])
def test_cloudfront_needs_an_rsa_key_without_password(keys, tmp_path, key):
    assert "failed to decode private key as an rsa private key" in fails(tmp_path, chain(cloudfront(keys, key)))


def test_an_unknown_middleware_is_an_error(tmp_path):
    said = fails(tmp_path, chain(item("alicdn")))
    assert "unable to configure storage middleware (alicdn): no storage middleware registered with name: alicdn" in said


@pytest.mark.parametrize("where", ["registry", "repository"])
def test_there_is_no_middleware_elsewhere(tmp_path, where):
    said = fails(tmp_path, {f"middleware.{where}": [{"name": "x"}]})
    assert f"middleware.{where} is not supported" in said
