# SPDX-License-Identifier: Apache-2.0
"""Metrics after known requests: their values, their form, and what they must not hold."""
import math
import os
import re
import time

import pytest
from support import metrics as prometheus
from support.content import OCI_MANIFEST, UNKNOWN_DIGEST, image
from support.metrics import DEBUG, debug_client, scrape
from support.registry import ROOT, wait_until

OCTETS = {"Content-Type": "application/octet-stream"}
TOTAL = "registry_http_requests_total"
DURATION = "registry_http_request_duration_seconds"
IN_FLIGHT = "registry_http_in_flight_requests"
REQUEST_SIZE = "registry_http_request_size_bytes"
RESPONSE_SIZE = "registry_http_response_size_bytes"
ACTION = "registry_storage_action_seconds"
SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 60]
SIZES = [1024 * 2**k for k in range(22)]
HANDLERS = {"base", "blob", "blob_upload", "blob_upload_chunk", "catalog", "manifest", "tags", "referrers", "token"}


@pytest.fixture(params=["filesystem", "inmemory"])
def watched(request, start_registry):
    return start_registry(
        storage=request.param, settings={**DEBUG, "storage.cache.blobdescriptor": "inmemory"})


@pytest.fixture
def client(watched):
    with watched.client() as client:
        yield client


def requests(registry):
    """{(code, handler, method): count}"""
    found = scrape(registry).series(TOTAL)
    return {tuple(value for _, value in labels): count for labels, count in found.items()}


def walk(client):
    """A few requests of each kind, and what they are to be counted as."""
    data = os.urandom(3000)
    digest = client.push_blob("a/b", data)
    client.get(f"/v2/a/b/blobs/{digest}")
    client.get(f"/v2/a/b/blobs/{digest}", {"Range": "bytes=0-9"})
    client.head(f"/v2/a/b/blobs/{digest}")
    client.get(f"/v2/a/b/blobs/{UNKNOWN_DIGEST}")
    client.delete(client.start_upload("a/b"))
    for target in ("/v2/", "/v2/_catalog", "/v2/a/b/tags/list", "/v2/a/b/manifests/none"):
        client.get(target)
    client.put_manifest("a/b", "broken", b"{", OCI_MANIFEST)
    client.request("OPTIONS", "/v2/a/b/manifests/x")
    client.request("BREW", "/v2/")
    client.post("/v2/_catalog")
    return {
        ("202", "blob_upload", "post"): 2,
        ("202", "blob_upload_chunk", "patch"): 1,
        ("201", "blob_upload_chunk", "put"): 1,
        ("204", "blob_upload_chunk", "delete"): 1,
        ("200", "blob", "get"): 1,
        ("206", "blob", "get"): 1,
        ("200", "blob", "head"): 1,
        ("404", "blob", "get"): 1,
        ("200", "base", "get"): 1,
        ("200", "catalog", "get"): 1,
        ("404", "tags", "get"): 1,
        ("404", "manifest", "get"): 1,
        ("400", "manifest", "put"): 1,
        ("200", "manifest", "options"): 1,
        ("200", "base", "unknown"): 1,
        ("405", "catalog", "post"): 1,
    }


# ---- the text ---------------------------------------------------------------------------------------


def test_text_is_well_formed(watched, client):
    walk(client)
    text = scrape(watched).text
    assert prometheus.check(text) == ""
    assert text.endswith("\n")


def test_text_of_a_server_that_has_just_started_is_well_formed(watched):
    assert prometheus.check(scrape(watched).text) == ""


def test_families_and_series_are_sorted(watched, client):
    walk(client)
    names = [line.split()[2] for line in scrape(watched).text.splitlines() if line.startswith("# HELP")]
    assert names == sorted(names) and len(names) == len(set(names))


def test_histograms_add_up(watched, client):
    walk(client)
    found = scrape(watched)
    histograms = [name for name, kind in found.types.items() if kind == "histogram"]
    assert len(histograms) >= 4
    for name in histograms:
        for labels, count in found.series(name + "_count").items():
            buckets = sorted(
                (float(dict(key)["le"]), value)
                for key, value in found.series(name + "_bucket").items()
                if tuple(pair for pair in key if pair[0] != "le") == labels
            )
            values = [value for _, value in buckets]
            assert values == sorted(values)
            assert buckets[-1] == (math.inf, count)
            assert (name + "_sum", frozenset(labels)) in found.samples


@pytest.mark.parametrize("name, bounds", [(DURATION, SECONDS), (REQUEST_SIZE, SIZES), (RESPONSE_SIZE, SIZES), (ACTION, SECONDS[:11])])
def test_bounds(watched, client, name, bounds):
    walk(client)
    found = {float(dict(labels)["le"]) for labels in scrape(watched).series(name + "_bucket")}
    assert sorted(found) == bounds + [math.inf]


# ---- requests ---------------------------------------------------------------------------------------


def test_requests_are_counted(watched, client):
    wanted = walk(client)
    assert requests(watched) == wanted
    again = walk(client)
    assert requests(watched) == {key: wanted[key] + again.get(key, 0) for key in wanted}


def test_every_request_is_in_all_families(watched, client):
    wanted = walk(client)
    found = scrape(watched)
    by_method, by_handler = {}, {}
    for (_, handler, method), count in wanted.items():
        by_method[handler, method] = by_method.get((handler, method), 0) + count
        by_handler[handler] = by_handler.get(handler, 0) + count
    assert {(dict(k)["handler"], dict(k)["method"]): v for k, v in found.series(DURATION + "_count").items()} == by_method
    for name in (REQUEST_SIZE, RESPONSE_SIZE):
        assert {dict(k)["handler"]: v for k, v in found.series(name + "_count").items()} == by_handler


def test_gauges_of_all_handlers_are_there_from_the_start(watched):
    found = scrape(watched).series(IN_FLIGHT)
    assert {dict(labels)["handler"] for labels in found} >= HANDLERS - {"token", "referrers"}
    assert set(found.values()) == {0}


def test_requests_in_flight(watched, client):
    location = client.start_upload("a/b")
    with watched.connect() as slow:
        slow.send_head("PATCH", location, OCTETS | {"Content-Length": 4}).send(b"ab")
        wait_until(lambda: scrape(watched).value(IN_FLIGHT, handler="blob_upload_chunk") == 1, what="it runs")
        assert scrape(watched).value(IN_FLIGHT, handler="blob_upload") == 0
        slow.send(b"cd")
        assert slow.read_response().status == 202
    wait_until(lambda: scrape(watched).value(IN_FLIGHT, handler="blob_upload_chunk") == 0, what="it has ended")


@pytest.mark.parametrize("target", ["/", "/nowhere", "/v2", "/v2/_catalog/", "/v2//_catalog", "/v3/", "/v2/UPPER/tags/list"])
def test_what_matches_no_route_is_not_counted(watched, client, target):
    client.get(target)
    assert requests(watched) == {}


@pytest.mark.ours("the referrers route is not in 2.8")
def test_referrers_have_a_handler(watched, client):
    client.get(f"/v2/a/b/referrers/{UNKNOWN_DIGEST}")
    assert requests(watched) == {("200", "referrers", "get"): 1}


def test_refused_credentials_are_counted(start_registry):
    registry = start_registry(storage="inmemory", settings=DEBUG | {"auth.silly.realm": "r", "auth.silly.service": "s"})
    with registry.client() as client:
        client.get("/v2/")
        client.head("/v2/a/b/manifests/x")
    assert requests(registry) == {("401", "base", "get"): 1, ("401", "manifest", "head"): 1}


def test_a_client_that_goes_away_is_counted(watched, client):
    location = client.start_upload("a/b")
    with watched.connect() as gone:
        gone.send_head("PATCH", location, OCTETS | {"Content-Length": 100}).send(b"ab")
        wait_until(lambda: scrape(watched).value(IN_FLIGHT, handler="blob_upload_chunk") == 1, what="it runs")
        gone.reset()
    wait_until(lambda: sum(requests(watched).values()) == 2, what="it is counted")
    assert scrape(watched).value(IN_FLIGHT, handler="blob_upload_chunk") == 0


def test_durations_are_those_of_whole_answers(watched, client):
    location = client.start_upload("a/b")
    with watched.connect() as slow:
        started = time.monotonic()
        slow.send_head("PATCH", location, OCTETS | {"Content-Length": 4}).send(b"ab")
        time.sleep(0.3)
        slow.send(b"cd")
        assert slow.read_response().status == 202
        taken = time.monotonic() - started
    found = scrape(watched)
    labels = {"handler": "blob_upload_chunk", "method": "patch"}
    assert 0.29 <= found.value(DURATION + "_sum", **labels) <= taken
    assert found.value(DURATION + "_bucket", le="0.25", **labels) == 0
    assert found.value(DURATION + "_bucket", le="60", **labels) == 1


def test_sizes(watched, client):
    data = os.urandom(100000)
    digest = client.push_blob("a/b", data)
    client.pull_blob("a/b", digest)
    client.head(f"/v2/a/b/blobs/{digest}")
    found = scrape(watched)
    sent = found.value(REQUEST_SIZE + "_sum", handler="blob_upload_chunk")
    assert 100000 < sent < 103000
    assert found.value(REQUEST_SIZE + "_bucket", handler="blob_upload_chunk", le="65536") == 1
    assert found.value(REQUEST_SIZE + "_bucket", handler="blob_upload_chunk", le="131072") == 2
    assert found.value(RESPONSE_SIZE + "_sum", handler="blob") in (100000, 200000)
    assert found.value(RESPONSE_SIZE + "_sum", handler="blob_upload") == 0


@pytest.mark.ours("upstream does not know the length of a chunked body")
def test_chunked_bodies_have_a_size(watched, client):
    location = client.start_upload("a/b")
    assert client.patch(location, OCTETS, chunks=[os.urandom(50000)] * 4).status == 202
    assert 200000 < scrape(watched).value(REQUEST_SIZE + "_sum", handler="blob_upload_chunk") < 202000


# ---- storage, uploads, process ----------------------------------------------------------------------


def test_calls_of_the_driver_are_measured(watched, client):
    client.push_image("a/b", "tag", image("metrics"))
    client.get("/v2/a/b/manifests/tag")
    client.get("/v2/a/b/tags/list")
    found = scrape(watched)
    actions = {dict(labels)["action"] for labels in found.series(ACTION + "_count")}
    assert {"GetContent", "PutContent", "Stat", "List"} <= actions
    assert {dict(labels)["driver"] for labels in found.series(ACTION + "_count")} == {watched.storage}
    before = found.value(ACTION + "_count", action="List", driver=watched.storage)
    client.get("/v2/a/b/tags/list")
    assert scrape(watched).value(ACTION + "_count", action="List", driver=watched.storage) == before + 1


@pytest.mark.ours("upstream measures no streams")
def test_streams_are_measured(watched, client):
    client.pull_blob("a/b", client.push_blob("a/b", os.urandom(1000)))
    found = scrape(watched)
    for action in ("Writer", "WriterWrite", "WriterCommit"):
        assert found.value(ACTION + "_count", action=action, driver=watched.storage) > 0, action


@pytest.mark.ours("upstream does not count these")
def test_upload_sessions(watched, client):
    def events():
        found = scrape(watched).series("registry_upload_sessions_total")
        return {dict(labels)["event"]: value for labels, value in found.items()}

    client.push_blob("a/b", b"one")
    client.push_blob("a/b", b"two")
    client.delete(client.start_upload("a/b"))
    client.put(client.start_upload("a/b") + "&digest=" + UNKNOWN_DIGEST, OCTETS, b"other")
    client.start_upload("a/b")
    client.get("/v2/")
    assert events() == {"begun": 5, "finished": 2, "canceled": 1, "rejected": 1}


@pytest.mark.ours("upstream does not count these")
def test_bytes_in_both_directions(watched, client):
    data = os.urandom(300000)
    digest = client.push_blob("a/b", data)
    before = scrape(watched)
    client.pull_blob("a/b", digest)
    after = scrape(watched)
    assert before.value("registry_http_received_bytes_total") == 300000
    assert after.value("registry_http_received_bytes_total") == 300000
    assert after.value("registry_http_sent_bytes_total") - before.value("registry_http_sent_bytes_total") == 300000


@pytest.mark.ours("upstream does not count these")
def test_connections_requests_and_tasks(watched, client):
    start = scrape(watched)
    assert start.value("registry_http_open_connections") == 0
    others = [watched.connect() for _ in range(5)]
    for other in others:
        other.request("GET", "/v2/")
    found = scrape(watched)
    assert found.value("registry_http_open_connections") == 5
    assert found.value("registry_http_open_requests") == 0
    location = client.start_upload("a/b")
    others[0].send_head("PATCH", location, OCTETS | {"Content-Length": 4})
    wait_until(lambda: scrape(watched).value("registry_http_open_requests") == 1, what="the request runs")
    assert scrape(watched).value("registry_tasks") == start.value("registry_tasks") + 1
    for other in others:
        other.close()
    wait_until(lambda: scrape(watched).value("registry_http_open_connections") == 1, what="they are gone")


@pytest.mark.ours("of this program")
def test_loop_helpers_health_and_build(watched):
    wait_until(lambda: scrape(watched).value("registry_loop_lag_seconds_count") >= 2, what="the loop is timed")
    found = scrape(watched)
    assert found.value("registry_loop_lag_seconds_sum") < 5
    assert found.value("registry_helper_threads", state="busy") + found.value("registry_helper_threads", state="idle") > 0
    assert found.value("registry_helper_queue_length") == 0
    assert found.value("registry_healthy") == 1
    assert list(found.series("registry_build_info").values()) == [1]


@pytest.mark.ours("upstream has no such metric")
def test_illness_shows(start_registry):
    registry = start_registry(settings=DEBUG | {"health.file": [{"file": "/dev/null", "interval": "10ms"}]})
    wait_until(lambda: scrape(registry).value("registry_healthy") == 0, what="it is ill")


def test_process(watched, client):
    found = scrape(watched)
    assert abs(found.value("process_start_time_seconds") - time.time()) < 60
    assert found.value("process_start_time_seconds") == scrape(watched).value("process_start_time_seconds")
    assert abs(found.value("process_resident_memory_bytes") - watched.vmrss()) < 32 << 20
    assert found.value("process_virtual_memory_bytes") >= found.value("process_resident_memory_bytes")
    assert found.value("process_max_fds") >= 256
    before = found.value("process_open_fds")
    extra = [watched.connect() for _ in range(20)]
    for connection in extra:
        connection.request("GET", "/v2/")
    assert scrape(watched).value("process_open_fds") - before in range(18, 23)
    for connection in extra:
        connection.close()
    assert scrape(watched).value("process_cpu_seconds_total") >= found.value("process_cpu_seconds_total") >= 0
    assert abs(scrape(watched).value("process_cpu_seconds_total") - watched.cpu_seconds()) < 1


# ---- labels -----------------------------------------------------------------------------------------


def test_labels_hold_nothing_of_clients(watched, client):
    word = "marker-of-the-client"
    client.request(word.upper(), f"/v2/{word}/tags/list?{word}", {"User-Agent": word, word: word})
    client.get(f"/v2/{word}/manifests/{word}")
    client.push_blob(word, b"content")
    with debug_client(watched) as debug:
        debug.get(f"/metrics?{word}", {word: word})
    assert word not in scrape(watched).text.lower()


def test_many_methods_make_one_series(watched, client):
    for i in range(100):
        client.request(f"METHOD{i}", "/v2/")
        client.request(f"get{i}", "/v2/")
    assert requests(watched) == {("200", "base", "unknown"): 200}


def test_series_do_not_grow_with_names(start_registry):
    registry = start_registry(storage="inmemory", settings=DEBUG)
    with registry.client() as client:
        walk(client)
        client.get("/v2/one/tags/list")
        before = len(scrape(registry).samples)
        for i in range(200):
            client.get(f"/v2/name{i}/tags/list")
            client.get(f"/v2/name{i}/manifests/tag{i}")
        assert len(scrape(registry).samples) == before


# ---- the manual -------------------------------------------------------------------------------------


@pytest.mark.ours("it is the manual of this program")
def test_the_manual_lists_every_metric_and_no_other(watched, client):
    walk(client)
    manual = (ROOT / "docs/metrics.md").read_text()
    rows = [line.split("|")[1:4] for line in manual.splitlines() if re.match(r"\| `(registry|process)_", line)]
    listed = {
        name: (kind.strip(), sorted(re.findall(r"`(\w+)`", labels)))
        for names, kind, labels in rows
        for name in re.findall(r"`(\w+)`", names)
    }
    found = scrape(watched)
    served = {}
    for name, kind in found.types.items():
        series = found.series(name if kind != "histogram" else name + "_count")
        (labels,) = {tuple(sorted(label for label, _ in key)) for key in series}
        served[name] = (kind, list(labels))
    assert served == listed
