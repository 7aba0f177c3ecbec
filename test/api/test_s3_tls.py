# SPDX-License-Identifier: Apache-2.0
"""A bucket over TLS: whom the registry believes, what it says of others, and that it saves handshakes.

radosgw speaks TLS itself; where the certificate or the requests matter, a front with a certificate of its own
stands before the service. Tests that name `ceph` are about us alone: another service would show nothing more.
"""
import re

import pytest
from support import s3
from support.certificates import Certificate
from support.content import OCI_MANIFEST, digest_of, image, random_bytes
from support.fault_proxy import FaultProxy
from support.registry import wait_until
from support.s3 import fetch

MIB = 1 << 20
# Nobody but the system's, whatever the environment of the tests says.
SYSTEM = {"SSL_CERT_FILE": "", "SSL_CERT_DIR": "", "AWS_CA_BUNDLE": ""}
BARE = re.compile(r"^https?://")


@pytest.fixture(scope="module")
def trusting(authority):
    return SYSTEM | {"SSL_CERT_FILE": str(authority.path)}


@pytest.fixture
def front(s3_service, folder, authority):
    """A function that puts a front with a certificate before the service; keywords as those of Certificate."""
    fronts = []

    def make(**options):
        certificate = Certificate(folder, "front", **{"issuer": authority} | options)
        fronts.append(FaultProxy(("127.0.0.1", s3_service.port), tls=certificate.server()))
        return fronts[-1]

    yield make
    for one in fronts:
        one.close()


@pytest.fixture
def ceph_bucket(ceph, repo):
    return s3.Bucket(ceph, repo.split("/")[0].ljust(5, "-") + "tls").create()


@pytest.fixture
def start_over_tls(start_registry, ceph_bucket):
    """A registry on radosgw's own port for TLS."""

    def start(environment, settings=None, url=None):
        values = s3.settings(ceph_bucket, url or ceph_bucket.service.secure_url)
        values |= {"storage.s3.secure": True} | (settings or {})
        return start_registry(storage="s3", settings=values, environment=SYSTEM | environment)

    return start


def push_and_pull(server, repo, service):
    """A whole image, its layers from where the registry sends us."""
    value = image(repo, OCI_MANIFEST, layer_count=3)
    with server.client() as client:
        client.push_image(repo, "v1", value)
        assert client.get_manifest(repo, "v1", OCI_MANIFEST).body == value.manifest
        for blob in value.blobs:
            response = client.get(f"/v2/{repo}/blobs/{digest_of(blob)}")
            assert response.status == 307
            location = response.header("Location")
            assert location.startswith(f"{service.secure_url}/")
            assert fetch(location, tls=service.authority.client())[::2] == (200, blob)


def directory_of(ceph, path):
    """Two directories, the authority in the second under a name of its own, beside what is none."""
    (path / "one").mkdir()
    (path / "two").mkdir()
    (path / "two" / "an-authority.0").write_bytes(ceph.authority.path.read_bytes())
    (path / "two" / "README").write_text("no certificate")
    return f"{path}/one:{path}/two"


def named_in_a_file(ceph, path):
    return {"SSL_CERT_FILE": str(ceph.authority.path)}


def named_in_a_directory(ceph, path):
    return {"SSL_CERT_DIR": directory_of(ceph, path)}


def named_in_a_directory_beside_a_missing_file(ceph, path):
    return {"SSL_CERT_DIR": directory_of(ceph, path), "SSL_CERT_FILE": "/nowhere/ca.pem"}


@pytest.mark.parametrize(
    "named", [named_in_a_file, named_in_a_directory, named_in_a_directory_beside_a_missing_file],
    ids=lambda named: named.__name__.replace("_", "-"))
def test_an_image_is_pushed_and_pulled(start_over_tls, ceph, repo, tmp_path, named):
    push_and_pull(start_over_tls(named(ceph, tmp_path)), repo, ceph)


@pytest.mark.ours("upstream ends over it")
def test_what_other_programs_are_told_of_authorities_is_not_looked_at(start_over_tls, ceph, repo):
    environment = {"AWS_CA_BUNDLE": "/nowhere/ca.pem", "SSL_CERT_FILE": str(ceph.authority.path)}
    push_and_pull(start_over_tls(environment), repo, ceph)


@pytest.mark.parametrize("settings", [{"storage.s3.secure": True}, {}], ids=["secure", "by-default"])
def test_a_host_without_a_scheme_is_asked_over_tls(start_registry, ceph, ceph_bucket, repo, settings):
    values = s3.settings(ceph_bucket, BARE.sub("", ceph.secure_url))
    del values["storage.s3.secure"]
    server = start_registry(storage="s3", settings=values | settings,
                            environment=SYSTEM | {"SSL_CERT_FILE": str(ceph.authority.path)})
    push_and_pull(server, repo, ceph)


def test_a_host_without_a_scheme_is_asked_without_tls_where_so_said(start_over_tls, ceph, repo):
    server = start_over_tls({}, {"storage.s3.secure": False}, BARE.sub("", ceph.url))
    with server.client() as client:
        digest = client.push_blob(repo, b"content")
        location = client.get(f"/v2/{repo}/blobs/{digest}").header("Location")
        assert location.startswith(f"{ceph.url}/")
        assert fetch(location)[::2] == (200, b"content")


@pytest.mark.parametrize("is_secure", [True, False])
def test_a_scheme_counts_more_than_secure(start_over_tls, ceph, repo, is_secure):
    """As the settings of tests have it: an address of TLS, and `secure: false`; and the other way round."""
    url = ceph.url if is_secure else ceph.secure_url
    server = start_over_tls({"SSL_CERT_FILE": str(ceph.authority.path)}, {"storage.s3.secure": is_secure}, url)
    with server.client() as client:
        digest = client.push_blob(repo, b"content")
        assert client.get(f"/v2/{repo}/blobs/{digest}").header("Location").startswith(f"{url}/")


# ---- whom it does not believe ----------------------------------------------------------------------

CASES = {
    "unknown-authority": ({"issuer": None}, "unable to get local issuer certificate|self-signed certificate"
                                            "|signed by unknown authority"),
    "another-name": ({"names": ["DNS:elsewhere.test"]}, "subject name|doesn't contain any IP SANs"),
    "expired": ({"days": -1}, "certificate has expired"),
}


@pytest.fixture(params=list(CASES))
def untrusted(request, front):
    """A front that nobody should believe, and what the log says of it."""
    options, said = CASES[request.param]
    return front(**options), said


def test_who_is_not_believed_gets_no_request_and_the_log_says_why(ceph, start_s3_registry, trusting, untrusted, repo):
    proxy, said = untrusted
    server = start_s3_registry(url=proxy.url, environment=trusting)
    with server.client() as client:
        for response in (client.get(f"/v2/{repo}/tags/list"), client.post(f"/v2/{repo}/blobs/uploads/"),
                         client.get(f"/v2/{repo}/blobs/{digest_of(b'x')}")):
            assert (response.status, response.codes) == (500, ["UNKNOWN"])
    errors = [line for line in server.stderr().splitlines() if "level=error" in line and "127.0.0.1" in line]
    assert len(errors) >= 3 and all(re.search(said, line) for line in errors), errors
    assert proxy.requests == []


def test_anybody_is_believed_where_verification_is_skipped(ceph, start_s3_registry, untrusted, bucket, repo):
    proxy, _ = untrusted
    server = start_s3_registry({"storage.s3.skipverify": True}, url=proxy.url, environment=SYSTEM)
    with server.client() as client:
        client.push_image(repo, "v1", image(repo))
    assert bucket.keys()


def test_a_service_that_does_not_speak_tls_is_an_error(start_registry, ceph, ceph_bucket, repo):
    settings = s3.settings(ceph_bucket, ceph.url.replace("http:", "https:"))
    server = start_registry(storage="s3", settings=settings, environment=SYSTEM)
    with server.client() as client:
        assert client.get(f"/v2/{repo}/tags/list").status == 500


@pytest.mark.ours("upstream reads them once")
def test_authorities_that_are_replaced_count_without_a_restart(start_over_tls, ceph, authority, repo, tmp_path):
    bundle = tmp_path / "bundle.pem"
    bundle.write_bytes(authority.path.read_bytes())
    server = start_over_tls({"SSL_CERT_FILE": str(bundle), "SSL_CERT_DIR": str(tmp_path / "none")})
    with server.client() as client:
        assert client.get(f"/v2/{repo}/tags/list").status == 500
        (tmp_path / "new.pem").write_bytes(ceph.authority.path.read_bytes())
        (tmp_path / "new.pem").rename(bundle)
        wait_until(lambda: client.get(f"/v2/{repo}/tags/list").status == 404, what="the new authority")
        bundle.write_text("-----BEGIN CERTIFICATE-----\nbroken\n")
        wait_until(lambda: client.get(f"/v2/{repo}/tags/list").status == 404 and "stay" in server.stderr(),
                   what="a word about the broken file")
        client.push_image(repo, "v1", image(repo))
    (told,) = [line for line in server.stderr().splitlines() if "the authorities read before stay" in line]
    assert str(bundle) in told


# ---- what it costs ---------------------------------------------------------------------------------


def test_a_push_takes_few_handshakes(ceph, start_s3_registry, front, trusting, repo):
    proxy = front()
    with start_s3_registry(url=proxy.url, environment=trusting).client() as client:
        for number in range(10):
            client.push_blob(repo, random_bytes(1000, f"{repo} {number}"))
        client.push_image(repo, "v1", image(repo, layer_count=3))
    assert len(proxy.requests) > 50
    assert proxy.connection_count <= 4, len(proxy.requests)


@pytest.mark.ours("upstream hashes what TLS protects as well")
def test_what_tls_protects_is_not_hashed_again(start_s3_registry, front, trusting, repo):
    proxy = front()
    data = random_bytes(6 * MIB, repo)
    with start_s3_registry({"storage.redirect.disable": True}, url=proxy.url, environment=trusting).client() as client:
        location = client.append(client.start_upload(repo), data)
        client.commit(location, digest_of(data))
        assert client.pull_blob(repo, digest_of(data)) == data
    bodies = [request for request in proxy.requests if request.size > 100_000]
    assert sum(request.size for request in bodies) >= len(data)
    assert {request.headers["x-amz-content-sha256"] for request in bodies} == {"UNSIGNED-PAYLOAD"}


def test_without_tls_what_is_sent_is_hashed(ceph, start_s3_registry, proxy, repo):
    with start_s3_registry(url=proxy.url, environment=SYSTEM).client() as client:
        client.push_blob(repo, random_bytes(200_000, repo))
    (body,) = [request for request in proxy.requests if request.size > 100_000]
    assert re.fullmatch("[0-9a-f]{64}", body.headers["x-amz-content-sha256"])
