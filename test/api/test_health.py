# SPDX-License-Identifier: Apache-2.0
"""Health checks against things that change their mind, and what they do to the registry."""
import os
import re
import socket
import threading
import time

import pytest
from support.metrics import DEBUG, debug_client, scrape
from support.registry import Registry, wait_until
from support.small_server import SmallServer

SOON = "20ms"
ENVELOPE = (
    b'{"errors":[{"code":"UNAVAILABLE","message":"service unavailable",'
    b'"detail":"health check failed: please see /debug/health"}]}\n'
)


class Watched:
    """A registry with checks, and what it says of them."""

    def __init__(self, registry):
        self.registry = registry
        self.debug = debug_client(registry)
        self.client = registry.client()

    def close(self):
        self.debug.close()
        self.client.close()

    def faults(self):
        """{check: error}; the status has to agree."""
        response = self.debug.get("/debug/health")
        assert response.status == (503 if response.json() else 200)
        return response.json()

    def until(self, faults):
        wait_until(lambda: self.faults() == faults, what=f"{faults}, not {self.faults()}")


@pytest.fixture
def watch(start_registry):
    """A function that starts a registry with checks: watch(file=[...], http=[...])"""
    open_ones = []

    def start(storage="inmemory", settings=None, before=(), **checks):
        config = DEBUG | {f"health.{kind}": value for kind, value in checks.items()} | (settings or {})
        open_ones.append(Watched(start_registry(storage=storage, settings=config, before=before)))
        return open_ones[-1]

    yield start
    for watched in open_ones:
        watched.close()


class Downstream(SmallServer):
    """Answers what it is told."""

    def __init__(self):
        super().__init__()
        self.status = 200
        self.statuses = []  # of the first requests, the last of them of all others; or none
        self.location = None
        self.hang = threading.Event()
        self.hang.set()
        self.uri = f"{self.origin}/health"

    def answer(self, request):
        self.hang.wait()
        if request.target == "/moved-here":
            return 200, b"", {}
        status = self.statuses[min(len(self.requests), len(self.statuses)) - 1] if self.statuses else self.status
        return status, b"", {"Location": self.location} if self.location else {}


@pytest.fixture
def downstream():
    with Downstream() as server:
        yield server
        server.hang.set()


class Listener:
    """A port that accepts connections, or does not."""

    def __init__(self):
        self.socket = None
        self.port = 0
        self.open()
        self.addr = f"127.0.0.1:{self.port}"

    def open(self):
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(("127.0.0.1", self.port))
        self.socket.listen(100)
        self.port = self.socket.getsockname()[1]

    def close(self):
        self.socket.close()


@pytest.fixture
def listener():
    server = Listener()
    yield server
    server.close()


# ---- files ------------------------------------------------------------------------------------------


def test_file_that_comes_and_goes(watch, tmp_path):
    down = tmp_path / "down"
    watched = watch(file=[{"file": str(down), "interval": SOON}])
    watched.until({})
    for _ in range(3):
        down.touch()
        watched.until({str(down): "file exists"})
        down.unlink()
        watched.until({})


def test_file_check_has_no_threshold(watch, tmp_path):
    down = tmp_path / "down"
    down.touch()
    watched = watch(file=[{"file": str(down), "interval": SOON, "threshold": 1000000}])
    watched.until({str(down): "file exists"})


def test_file_that_cannot_be_looked_at(watch, tmp_path):
    (tmp_path / "plain").touch()
    path = f"{tmp_path}/plain/down"
    watched = watch(file=[{"file": path, "interval": SOON}])
    watched.until({path: f"stat {path}: not a directory"})


def test_relative_file_is_looked_up_from_the_working_directory(watch):
    name = os.path.relpath(__file__)
    watched = watch(file=[{"file": name, "interval": SOON}])
    watched.until({name: "file exists"})


def test_first_look_is_an_interval_after_the_start(watch, tmp_path):
    (tmp_path / "down").touch()
    watched = watch(
        file=[{"file": str(tmp_path / "down"), "interval": "1h"}, {"file": "/dev/null", "interval": SOON}]
    )
    watched.until({"/dev/null": "file exists"})


# ---- HTTP -------------------------------------------------------------------------------------------


def test_http_server_that_changes_its_mind(watch, downstream):
    watched = watch(http=[{"uri": downstream.uri, "interval": SOON}])
    wait_until(lambda: downstream.requests, what="it is asked")
    assert watched.faults() == {}
    for status in (500, 404, 201):
        downstream.status = status
        watched.until({downstream.uri: f"downstream service returned unexpected status: {status}"})
    downstream.status = 200
    watched.until({})


def test_http_check_is_a_head_with_configured_headers(watch, downstream):
    watch(http=[{"uri": downstream.uri, "interval": SOON, "headers": {"X-One": ["1"], "Authorization": ["Basic x"]}}])
    wait_until(lambda: len(downstream.requests) > 2, what="it is asked")
    for method, path, headers in downstream.requests:
        assert (method, path, headers["X-One"], headers["Authorization"]) == ("HEAD", "/health", "1", "Basic x")


def test_http_status_may_be_another(watch, downstream):
    downstream.status = 404
    watched = watch(http=[{"uri": downstream.uri, "interval": SOON, "statuscode": 404}])
    wait_until(lambda: len(downstream.requests) > 2, what="it is asked")
    assert watched.faults() == {}
    downstream.status = 200
    watched.until({downstream.uri: "downstream service returned unexpected status: 200"})


def test_http_redirects_are_followed(watch, downstream):
    downstream.status, downstream.location = 302, "/moved-here"
    watched = watch(http=[{"uri": downstream.uri, "interval": SOON}])
    wait_until(lambda: sum(path == "/moved-here" for _, path, _ in downstream.requests) > 2, what="it follows")
    assert watched.faults() == {}


def test_http_redirects_without_end_are_a_fault(watch, downstream):
    downstream.status, downstream.location = 302, "/health"
    watched = watch(http=[{"uri": downstream.uri, "interval": SOON}])
    watched.until({downstream.uri: f"error while checking: {downstream.uri}"})


def test_http_server_that_is_not_there(watch):
    uri = "http://127.0.0.1:1/health"
    watched = watch(http=[{"uri": uri, "interval": SOON}])
    watched.until({uri: f"error while checking: {uri}"})


@pytest.mark.ours("upstream logs the whole URI")
def test_the_log_has_no_secrets_of_uris(watch):
    uri = "http://user:pa55word@127.0.0.1:1/path?token=t0ken&a=b"
    watched = watch(http=[{"uri": uri, "interval": SOON, "threshold": 2}])
    watched.until({uri: f"error while checking: {uri}"})
    log = watched.registry.stderr()
    for words in ["configuring HTTP health check uri=", "error while checking: "]:
        assert f"{words}http://***@127.0.0.1:1/path?token=***&a=b" in log
    assert "pa55word" not in log and "t0ken" not in log



def test_http_server_that_does_not_answer_in_time(watch, downstream):
    downstream.hang.clear()
    watched = watch(http=[{"uri": downstream.uri, "interval": SOON, "timeout": "200ms"}])
    watched.until({downstream.uri: f"error while checking: {downstream.uri}"})
    downstream.hang.set()
    watched.until({})


# ---- TCP --------------------------------------------------------------------------------------------


def test_tcp_listener_that_closes(watch, listener):
    watched = watch(tcp=[{"addr": listener.addr, "interval": SOON, "timeout": "1h"}])
    watched.until({})
    for _ in range(2):
        listener.close()
        watched.until({listener.addr: f"connection to {listener.addr} failed"})
        listener.open()
        watched.until({})


@pytest.mark.parametrize("addr", ["no-such-host.invalid:80", "127.0.0.1:no-such-service"])
def test_tcp_address_that_leads_nowhere(watch, addr):
    watched = watch(tcp=[{"addr": addr, "interval": SOON, "timeout": "5s"}])
    watched.until({addr: f"connection to {addr} failed"})


def test_tcp_address_may_be_a_name(watch, listener):
    addr = f"localhost:{listener.port}"
    watched = watch(tcp=[{"addr": addr, "interval": SOON}], file=[{"file": "/dev/null", "interval": "300ms"}])
    watched.until({"/dev/null": "file exists"})  # some rounds later


# ---- storage ----------------------------------------------------------------------------------------


def storage_check(**more):
    return {"health.storagedriver.enabled": True, "health.storagedriver.interval": SOON} | more


def storage_rounds(watched, more=3):
    """Waits for some more looks at the storage."""
    labels = {"action": "Stat", "driver": "filesystem"}

    def count():
        return scrape(watched.registry).value("registry_storage_action_seconds_count", **labels)

    start = count()
    wait_until(lambda: count() >= start + more, what="the storage is looked at")


def test_storage_without_anything_is_well(watch):
    watched = watch(storage="filesystem", settings=storage_check())
    storage_rounds(watched)
    assert watched.faults() == {}
    watched.client.push_blob("some/where", b"content")
    storage_rounds(watched)
    assert watched.faults() == {}


def test_storage_that_has_vanished_is_well(watch):
    """As upstream has it: it may be an empty one."""
    watched = watch(storage="filesystem", settings=storage_check())
    watched.client.push_blob("some/where", b"content")
    watched.registry.root.rename(watched.registry.root.with_name("elsewhere"))
    storage_rounds(watched)
    assert watched.faults() == {}


# Even root is to be kept out by permissions.
OBEYING = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.geteuid() == 0 else []


@pytest.mark.ours("the check looks into the root; upstream's stats it from outside")
def test_storage_that_cannot_be_entered(watch):
    watched = watch(storage="filesystem", settings=storage_check(), before=OBEYING)
    watched.client.push_blob("some/where", b"content")
    storage_rounds(watched)
    assert watched.faults() == {}
    watched.registry.root.chmod(0)
    wait_until(watched.faults, what="it is noticed")
    ((name, fault),) = watched.faults().items()
    assert name == "storagedriver_filesystem"
    assert fault.startswith("filesystem: stat /docker: ")
    assert watched.client.get("/readyz").body == b"storagedriver_filesystem\n"
    watched.registry.root.chmod(0o755)
    watched.until({})


@pytest.mark.ours("the check looks into the root; upstream's stats it from outside")
def test_storage_threshold(watch):
    settings = storage_check(**{"health.storagedriver.threshold": 1000000})
    watched = watch(storage="filesystem", settings=settings, before=OBEYING)
    storage_rounds(watched)
    watched.registry.root.chmod(0)
    storage_rounds(watched, 10)
    assert watched.faults() == {}
    watched.registry.root.chmod(0o755)


def test_storage_in_memory_has_a_check_too(watch):
    watched = watch(settings=storage_check(), file=[{"file": "/dev/null", "interval": "200ms"}])
    watched.until({"/dev/null": "file exists"})


# ---- time -------------------------------------------------------------------------------------------


def test_threshold_counts_failures_in_a_row(watch, downstream):
    downstream.status = 500
    watched = watch(http=[{"uri": downstream.uri, "interval": "100ms", "threshold": 4}])
    seen = set()
    while seen != {200, 503}:
        before = len(downstream.requests)
        status = watched.debug.get("/debug/health").status
        after = len(downstream.requests)
        seen.add(status)
        if after < 4:
            assert status == 200
        if before > 4:
            assert status == 503
        time.sleep(0.01)


def test_one_success_resets_the_count(watch, downstream):
    downstream.statuses = [500, 500, 500, 200, 500, 500, 500, 500]
    watched = watch(http=[{"uri": downstream.uri, "interval": "100ms", "threshold": 4}])
    status = 200
    while status == 200:
        before = len(downstream.requests)
        status = watched.debug.get("/debug/health").status
        after = len(downstream.requests)
        if after < 8:
            assert status == 200
        if before > 8:
            assert status == 503
        time.sleep(0.01)
    downstream.statuses = [200]
    watched.until({})


def test_slow_probe_delays_only_itself(watch, downstream, tmp_path):
    down = tmp_path / "down"
    downstream.hang.clear()
    watched = watch(
        http=[{"uri": downstream.uri, "interval": SOON}], file=[{"file": str(down), "interval": SOON}]
    )
    wait_until(lambda: len(downstream.requests) == 1, what="the probe hangs")
    for _ in range(3):
        down.touch()
        watched.until({str(down): "file exists"})
        down.unlink()
        watched.until({})
        assert watched.client.get("/v2/").status == 200
        watched.client.push_blob("slow/probe", os.urandom(1000))
    assert len(downstream.requests) == 1


def test_probe_that_hangs_does_not_delay_the_end(watch, downstream):
    downstream.hang.clear()
    watched = watch(http=[{"uri": downstream.uri, "interval": SOON, "timeout": "1h"}])
    wait_until(lambda: downstream.requests, what="the probe hangs")
    watched.registry.stop()


def test_many_checks(watch, tmp_path):
    files = [{"file": str(tmp_path / f"down{i}"), "interval": SOON} for i in range(100)]
    watched = watch(file=files)
    for i in (7, 42, 99):
        (tmp_path / f"down{i}").touch()
    watched.until({str(tmp_path / f"down{i}"): "file exists" for i in (7, 42, 99)})
    response = watched.debug.get("/debug/health")
    assert list(response.json()) == sorted(response.json())


def test_names_are_json(watch):
    path = '/dev/null/"quoted" <b>\\'
    watched = watch(file=[{"file": path, "interval": SOON}])
    wait_until(watched.faults, what="it fails")
    assert list(watched.faults()) == [path]


# ---- what it does to the registry -------------------------------------------------------------------


@pytest.fixture
def ill(watch):
    watched = watch(file=[{"file": "/dev/null", "interval": SOON}], settings={"http.headers": {"X-Ours": ["1"]}})
    watched.until({"/dev/null": "file exists"})
    return watched


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PURGE"])
@pytest.mark.parametrize("target", ["/", "/v2/", "/v2", "/nowhere", "//", "/v2/a/manifests/b", "/v2/_catalog?n=x"])
def test_everything_is_503_while_a_check_fails(ill, method, target):
    response = ill.client.request(method, target)
    assert response.status == 503
    assert response.body == (b"" if method == "HEAD" else ENVELOPE)
    assert response.header("Content-Type") == "application/json; charset=utf-8"
    assert response.header("X-Ours") is None
    assert response.header("Location") is None


@pytest.mark.ours("the answer says which API it is of")
def test_503_bears_the_version_of_the_api(ill):
    assert ill.client.get("/v2/").header("Docker-Distribution-Api-Version") == "registry/2.0"


def test_503_comes_before_credentials(watch):
    watched = watch(
        file=[{"file": "/dev/null", "interval": SOON}], settings={"auth.silly.realm": "r", "auth.silly.service": "s"}
    )
    watched.until({"/dev/null": "file exists"})
    assert watched.client.get("/v2/").status == 503


def test_503_is_in_the_access_log_only(ill):
    ill.client.get("/v2/?marker-of-illness")
    wait_until(lambda: '"GET /v2/?marker-of-illness HTTP/1.1" 503 125' in ill.registry.stdout(), what="the line")
    assert "marker-of-illness" not in ill.registry.stderr()


def test_503_is_not_a_request_of_a_route(ill):
    before = scrape(ill.registry).series("registry_http_requests_total")
    ill.client.get("/v2/")
    assert scrape(ill.registry).series("registry_http_requests_total") == before


def test_a_push_that_has_begun_may_end(watch, tmp_path):
    down = tmp_path / "down"
    watched = watch(file=[{"file": str(down), "interval": SOON}])
    location = watched.client.start_upload("some/where")
    with watched.registry.connect() as slow:
        slow.send_head("PATCH", location, {"Content-Length": 4, "Content-Type": "application/octet-stream"})
        slow.send(b"ab")
        running = {"handler": "blob_upload_chunk"}
        wait_until(
            lambda: scrape(watched.registry).value("registry_http_in_flight_requests", **running) == 1, what="it runs"
        )
        down.touch()
        watched.until({str(down): "file exists"})
        slow.send(b"cd")
        assert slow.read_response().status == 202


def test_checks_run_without_a_debug_server(start_registry):
    registry = start_registry(storage="inmemory", settings={"health.file": [{"file": "/dev/null", "interval": SOON}]})
    with registry.client() as client:
        wait_until(lambda: client.get("/v2/").status == 503, what="it is ill")


# ---- configuration and log --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "checks",
    [
        {"health.file": [{"file": "x:1"}, {"file": "x:1"}]},
        {"health.tcp": [{"addr": "x:1"}, {"addr": "x:1"}]},
        {"health.http": [{"uri": "http://x:1"}, {"uri": "http://x:1"}]},
        {"health.file": [{"file": "x:1"}], "health.tcp": [{"addr": "x:1"}]},
    ],
    ids=["file", "tcp", "http", "across"],
)
def test_two_checks_of_one_name_end_the_start(tmp_path, checks):
    with pytest.raises(AssertionError, match=r"the server ended with [12]"):
        Registry(tmp_path, storage="inmemory", settings=checks).start()
    assert re.search("Check already exists: (http://)?x:1", (tmp_path / "stderr.log").read_text())


def test_checks_are_announced(watch):
    watched = watch(
        file=[{"file": "/a", "interval": "1m", "threshold": 3}],
        http=[{"uri": "http://127.0.0.1:1/", "interval": "1h"}, {"uri": "http://127.0.0.1:2/", "threshold": 3}],
        tcp=[{"addr": "127.0.0.1:1", "interval": "2500ms", "threshold": 5}, {"addr": "127.0.0.1:2"}],
        settings={"health.storagedriver.enabled": True},
    )
    found = re.findall(r'level=info msg="(configuring .*?)"', watched.registry.stderr())
    assert found == [
        "configuring file health check path=/a, interval=60",
        "configuring HTTP health check uri=http://127.0.0.1:1/, interval=3600",
        "configuring HTTP health check uri=http://127.0.0.1:2/, interval=10, threshold=3",
        "configuring TCP health check addr=127.0.0.1:1, interval=2, threshold=5",
        "configuring TCP health check addr=127.0.0.1:2, interval=10",
    ]


@pytest.mark.ours("upstream says nothing when a check begins to fail")
def test_changes_are_logged_once(watch, tmp_path):
    down = tmp_path / "down"
    watched = watch(file=[{"file": str(down), "interval": SOON}])
    for _ in range(2):
        down.touch()
        watched.until({str(down): "file exists"})
        down.unlink()
        watched.until({})
    log = watched.registry.stderr()
    assert log.count("file exists") == 2
    assert log.count("all is well again") == 2
