# SPDX-License-Identifier: Apache-2.0
"""The debug server: its paths, methods and types, and what it must not tell."""
import json
import re
import socket

import pytest
from support.metrics import DEBUG, debug_client, listening_ports
from support.registry import Registry, wait_until

METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PURGE"]
JSON = "application/json; charset=utf-8"
TEXT = "text/plain; charset=utf-8"
METRICS = "text/plain; version=0.0.4; charset=utf-8"
SECRET = "a-secret-nobody-is-to-see"


@pytest.fixture(scope="module")
def watched(tmp_path_factory):
    settings = DEBUG | {"http.secret": SECRET, "http.headers": {"X-Ours": ["value"]}}
    with Registry(tmp_path_factory.mktemp("debug"), storage="inmemory", settings=settings) as registry:
        yield registry


@pytest.fixture
def debug(watched):
    with debug_client(watched) as client:
        yield client


def assert_not_found(response):
    assert response.status == 404
    assert response.header("Content-Type") == TEXT
    assert response.header("X-Content-Type-Options") == "nosniff"
    assert response.body == (b"" if response.method == "HEAD" else b"404 page not found\n")


@pytest.mark.parametrize("method", METHODS)
def test_health_takes_get_only(debug, method):
    response = debug.request(method, "/debug/health")
    if method != "GET":
        assert_not_found(response)
        return
    assert (response.status, response.body) == (200, b"{}")
    assert response.header("Content-Type") == JSON


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("target, media_type", [("/debug/vars", JSON), ("/metrics", METRICS), ("/metrics?x=1", METRICS)])
def test_vars_and_metrics_take_any_method(debug, method, target, media_type):
    response = debug.request(method, target)
    assert response.status == 200
    assert response.header("Content-Type") == media_type
    assert (response.body == b"") == (method == "HEAD")


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    "target",
    ["/", "/debug", "/debug/", "/debug/health/", "/debug/health/down", "/debug/health/up", "/v2/", "/metrics/",
     "/livez", "/readyz", "/debug/varsx", "/debug/health%00"],
)
def test_all_else_is_not_found(debug, method, target):
    assert_not_found(debug.request(method, target))


@pytest.mark.ours("no profiles of a Go runtime, and paths are taken as they are")
@pytest.mark.parametrize("target", ["/debug/pprof/", "/%64ebug/vars"])
def test_what_is_not_offered(debug, target):
    assert_not_found(debug.get(target))


def test_configured_headers_are_not_for_it(debug):
    assert debug.get("/debug/health").header("X-Ours") is None


def test_a_body_is_not_in_the_way(debug):
    assert debug.post("/metrics", body=b"x" * 100000).status == 200
    assert debug.request("GET", "/debug/vars", body=b"abc").status == 200


def test_vars_have_the_shape_scrapers_know(watched, debug):
    found = debug.get("/debug/vars").json()
    assert sorted(found) == ["cmdline", "memstats", "registry"]
    assert found["cmdline"][-2:] == ["serve", str(watched.config_path)]
    for name in ("Alloc", "Sys", "HeapAlloc", "HeapSys", "HeapIdle", "HeapInuse"):
        assert found["memstats"][name] >= 0, name  # a sanitizer has a heap of its own
    counters = dict.fromkeys(["Requests", "Hits", "Misses", "BytesPulled", "BytesPushed"], 0)
    assert found["registry"] == {
        "cache": {"storage": {"blobdescriptor": {}}},
        "notifications": {"endpoints": None},
        "proxy": {"blobs": counters, "manifests": counters},
    }


def test_secrets_are_not_shown(debug):
    for target in ("/debug/vars", "/debug/health", "/metrics"):
        assert SECRET not in debug.get(target).body.decode()


def test_its_requests_are_not_in_the_access_log(watched, debug):
    debug.get("/debug/health?marker-of-debug")
    with watched.client() as client:
        client.get("/v2/?marker-of-main")
    wait_until(lambda: "marker-of-main" in watched.stdout(), what="the access line")
    assert "marker-of-debug" not in watched.stdout()


def test_many_ask_at_once(watched):
    clients = [debug_client(watched) for _ in range(50)]
    for client in clients:
        client.connection = None
        client.get("/debug/health")
        client.connection.send_head("GET", "/metrics")
    for client in clients:
        assert client.connection.read_response().status == 200
        client.close()


def test_metrics_can_be_on_another_path(start_registry):
    settings = DEBUG | {"http.debug.prometheus.path": "/stats"}
    with debug_client(start_registry(storage="inmemory", settings=settings)) as client:
        assert_not_found(client.get("/metrics"))
        assert client.get("/stats").header("Content-Type") == METRICS


def test_without_metrics_there_are_none(start_registry):
    registry = start_registry(storage="inmemory", settings={"http.debug.addr": "127.0.0.1:0"})
    with debug_client(registry) as client:
        assert_not_found(client.get("/metrics"))
        assert client.get("/debug/health").status == 200
        assert client.get("/debug/vars").status == 200


def test_a_taken_port_ends_the_start(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        registry = Registry(tmp_path, storage="inmemory", settings=DEBUG | {"http.debug.addr": f"127.0.0.1:{port}"})
        with pytest.raises(AssertionError, match="ended with 1"):
            registry.start()
    wanted = f"error listening on debug interface: listen tcp 127.0.0.1:{port}: bind: [Aa]ddress already in use"
    assert re.search(wanted, registry.stderr())


@pytest.mark.ours("a POST with a digest and a body is a whole push")
def test_it_answers_until_the_end(start_registry):
    """While the first server drains, the second tells how it goes."""
    registry = start_registry(settings=DEBUG | {"http.draintimeout": "1h"})
    debug = debug_client(registry)
    with registry.connect() as busy:
        busy.send_head("POST", "/v2/slow/blobs/uploads/?digest=sha256:" + "0" * 64, {"Content-Length": 100})
        wait_until(lambda: metrics_say_busy(debug), what="the request runs")
        registry.signal(15)
        wait_until(lambda: "stopping server" in registry.stderr(), what="it drains")
        assert debug.get("/debug/health").status == 200
        assert metrics_say_busy(debug)
    debug.close()
    assert registry.wait() == 0


def metrics_say_busy(debug):
    return b'registry_http_in_flight_requests{handler="blob_upload"} 1\n' in debug.get("/metrics").body


def test_without_address_nothing_listens(start_registry):
    registry = start_registry(storage="inmemory", settings={"http.debug.prometheus.enabled": True})
    assert listening_ports(registry.process.pid) == {registry.port}
    assert "debug server" not in registry.stderr()


def test_answers_are_json(debug):
    json.loads(debug.get("/debug/health").body)
    json.loads(debug.get("/debug/vars").body)
