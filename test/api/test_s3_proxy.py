# SPDX-License-Identifier: Apache-2.0
"""The way to the bucket leads through the proxy that the environment names, or past it."""
import pytest
from support.content import digest_of, random_bytes
from support.forward_proxy import ForwardProxy
from support.registry import is_upstream

pytestmark = pytest.mark.skipif(is_upstream(), reason="which never asks a proxy for what is on loopback")

MIB = 1 << 20
NAMES = ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY")
DIRECT = {"storage.redirect.disable": True}


@pytest.fixture
def proxy():
    with ForwardProxy() as proxy:
        yield proxy


@pytest.fixture
def start(start_s3_registry, monkeypatch):
    """A function that starts a registry with these variables about proxies and no others."""

    def start(variables, settings=None, url=None):
        for name in NAMES:
            monkeypatch.delenv(name, raising=False)
        return start_s3_registry(DIRECT | (settings or {}), url=url, environment=variables)

    return start


def push_and_pull(registry, repo):
    data = random_bytes(6 * MIB, repo)
    with registry.client() as client:
        client.push_blob(repo, data)
        assert client.pull_blob(repo, digest_of(data)) == data


@pytest.mark.parametrize("name", ["http_proxy", "HTTP_PROXY", "all_proxy"])
def test_all_requests_go_through_the_proxy(start, proxy, ceph, repo, name):
    push_and_pull(start({name: proxy.url}), repo)
    methods = {method for method, _ in proxy.asked}
    assert {"GET", "HEAD", "PUT", "POST"} <= methods
    assert all(target.startswith(f"{ceph.url}/") for _, target in proxy.asked)


@pytest.mark.parametrize("name", ["https_proxy", "HTTPS_PROXY", "ALL_PROXY"])
def test_over_tls_the_proxy_sees_a_tunnel_and_no_more(start, proxy, ceph, repo, name):
    variables = {name: proxy.url, "SSL_CERT_FILE": str(ceph.authority.path)}
    push_and_pull(start(variables, {"storage.s3.secure": True}, url=ceph.secure_url), repo)
    assert set(proxy.asked) == {("CONNECT", ceph.secure_url.removeprefix("https://"))}


@pytest.mark.parametrize(
    "variables",
    [
        pytest.param({"no_proxy": "127.0.0.1"}, id="no_proxy"),
        pytest.param({"NO_PROXY": "example.com,127.0.0.0/8"}, id="NO_PROXY"),
        pytest.param({"NO_PROXY": "*"}, id="all"),
    ],
)
def test_what_is_excepted_is_asked_directly(start, proxy, repo, variables):
    push_and_pull(start({"HTTP_PROXY": proxy.url, "https_proxy": proxy.url} | variables), repo)
    assert proxy.asked == []


def test_a_cgi_program_does_not_take_the_name_in_capitals(start, proxy, repo):
    """To it, HTTP_PROXY is a header that a client has sent."""
    push_and_pull(start({"HTTP_PROXY": proxy.url, "REQUEST_METHOD": "GET"}), repo)
    assert proxy.asked == []


def test_a_proxy_for_the_other_scheme_is_not_asked(start, proxy, repo):
    push_and_pull(start({"https_proxy": proxy.url}), repo)
    assert proxy.asked == []


def test_skipverify_uses_no_proxy(start, proxy, repo):
    """As upstream, which makes a transport of its own for it."""
    push_and_pull(start({"http_proxy": proxy.url}, {"storage.s3.skipverify": True}), repo)
    assert proxy.asked == []


def test_a_proxy_that_is_away_is_an_error_without_its_password(start, proxy, repo):
    with ForwardProxy() as gone:
        url = f"http://user:hunter2@127.0.0.1:{gone.port}"
    registry = start({"http_proxy": url})
    with registry.client() as client:
        assert client.get(f"/v2/{repo}/tags/list").status == 500
    assert "hunter2" not in registry.stderr()
