# SPDX-License-Identifier: Apache-2.0
"""/livez and /readyz on the port of the clients."""
import signal

import pytest
from support.metrics import DEBUG, scrape
from support.registry import wait_until

pytestmark = pytest.mark.ours("upstream has no probes for orchestrators")

PROBES = ["/livez", "/readyz"]


@pytest.mark.parametrize("target", PROBES + ["/livez?verbose", "/readyz?x=1"])
def test_all_is_well(memory_client, target):
    response = memory_client.get(target)
    assert (response.status, response.body) == (200, b"ok\n")
    assert response.header("Content-Type") == "text/plain; charset=utf-8"
    assert response.header("Cache-Control") == "no-store"


@pytest.mark.parametrize("target", PROBES)
def test_head_is_get_without_a_body(memory_client, target):
    response = memory_client.head(target)
    assert (response.status, response.body, response.header("Content-Length")) == (200, b"", "3")


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PURGE"])
@pytest.mark.parametrize("target", PROBES)
def test_other_methods_are_not_allowed(memory_client, method, target):
    response = memory_client.request(method, target)
    assert (response.status, response.header("Allow")) == (405, "GET, HEAD")


@pytest.mark.parametrize("target", ["/livez/", "/readyz/", "/healthz", "/v2/livez", "//livez"])
def test_nothing_else_is_a_probe(memory_client, target):
    assert memory_client.get(target).body != b"ok\n"


def test_repositories_may_have_these_names(memory_client):
    digest = memory_client.push_blob("livez", b"content")
    assert memory_client.pull_blob("livez", digest) == b"content"
    assert memory_client.push_blob("readyz/livez", b"content")
    assert memory_client.get("/livez").body == b"ok\n"


def test_they_need_no_credentials(start_registry):
    registry = start_registry(storage="inmemory", settings={"auth.silly.realm": "r", "auth.silly.service": "s"})
    with registry.client() as client:
        assert client.get("/v2/").status == 401
        for target in PROBES:
            assert client.get(target).status == 200


def test_a_prefix_is_not_for_them(start_registry):
    with start_registry(storage="inmemory", settings={"http.prefix": "/registry/"}).client() as client:
        assert client.get("/registry/v2/").status == 200
        for target in PROBES:
            assert client.get(target).status == 200
            assert client.get("/registry" + target).status == 404


def test_configured_headers_are_not_for_them(start_registry):
    with start_registry(storage="inmemory", settings={"http.headers": {"X-Ours": ["1"]}}).client() as client:
        assert client.get("/v2/").header("X-Ours") == "1"
        assert client.get("/livez").header("X-Ours") is None


def test_they_are_in_the_access_log_and_not_in_the_other(memory_registry, memory_client):
    memory_client.get("/readyz?marker-of-probe")
    wait_until(lambda: "GET /readyz?marker-of-probe HTTP/1.1\" 200 3" in memory_registry.stdout(), what="the line")
    memory_client.get("/v2/")
    assert "marker-of-probe" not in memory_registry.stderr()


def test_unhealthy_is_alive_and_not_ready(start_registry, tmp_path):
    down = tmp_path / "down"
    down.touch()
    registry = start_registry(storage="inmemory", settings={"health.file": [{"file": str(down), "interval": "10ms"}]})
    with registry.client() as client:
        wait_until(lambda: client.get("/readyz").status == 503, what="it is not ready")
        assert client.get("/readyz").body == f"{down}\n".encode()
        assert client.head("/readyz").status == 503
        assert client.get("/livez").status == 200
        assert client.post("/readyz").status == 405
        assert client.get("/v2/").status == 503
        down.unlink()
        wait_until(lambda: client.get("/readyz").status == 200, what="it is ready again")
        assert client.get("/v2/").status == 200


def test_readiness_tells_names_and_no_secrets(start_registry):
    checks = [{"uri": "http://user:password@127.0.0.1:1/x?token=secret", "interval": "10ms", "timeout": "1s"}]
    registry = start_registry(storage="inmemory", settings={"health.http": checks})
    with registry.client() as client:
        wait_until(lambda: client.get("/readyz").status == 503, what="it is not ready")
        assert client.get("/readyz").body == b"http://***@127.0.0.1:1/x\n"


def test_draining_is_not_ready(start_registry):
    """New connections are refused by then; one that is open still gets the answer."""
    registry = start_registry(settings=DEBUG | {"http.draintimeout": "1h"})
    with registry.connect() as busy:
        busy.send_head("POST", "/v2/slow/blobs/uploads/?digest=sha256:" + "0" * 64, {"Content-Length": 5})
        running = ("registry_http_in_flight_requests", {"handler": "blob_upload"})
        wait_until(lambda: scrape(registry).value(running[0], **running[1]) == 1, what="the request runs")
        with registry.connect() as slow:
            slow.send(b"GET /readyz HTTP/1.1\r\nHost: x\r\n")
            wait_until(lambda: scrape(registry).value("registry_http_open_connections") == 2, what="it is there")
            registry.signal(signal.SIGTERM)
            wait_until(lambda: "stopping server" in registry.stderr(), what="it drains")
            slow.send(b"\r\n")
            response = slow.read_response()
        assert (response.status, response.body) == (503, b"draining\n")
        busy.send(b"12345")
        assert busy.read_response().status == 400
    assert registry.wait() == 0


@pytest.mark.parametrize("target", PROBES)
def test_they_are_not_counted_as_requests_of_a_route(start_registry, target):
    registry = start_registry(storage="inmemory", settings=DEBUG)
    with registry.client() as client:
        client.get(target)
    assert scrape(registry).series("registry_http_requests_total") == {}
