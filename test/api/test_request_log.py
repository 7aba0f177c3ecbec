# SPDX-License-Identifier: Apache-2.0
"""The lines of the application log that a request writes: which, with which fields."""
import re
import uuid

import pytest
from support.content import OCI_MANIFEST, UNKNOWN_DIGEST, image
from support.registry import wait_until

PAIR = re.compile(r'([a-z.]+)=("(?:[^"\\]|\\.)*"|[^ ]*)(?: |$)')


@pytest.fixture
def marker():
    return uuid.uuid4().hex


def lines_of(registry, client, marker):
    """The fields of each line that the requests with @marker wrote, in order."""
    end = uuid.uuid4().hex
    client.get("/v2/", {"User-Agent": end})
    wait_until(lambda: f"useragent={end}" in registry.stderr(), what="the last line is there")
    found = []
    for line in registry.stderr().split("\n"):
        if marker in line and "response completed" in line:
            found.append({name: value.strip('"') for name, value in PAIR.findall(line)})
    return found


@pytest.mark.parametrize(
    "method, target, status, more",
    [
        ("GET", "/v2/", 200, {"http.response.written": "2"}),
        ("GET", "/v2/_catalog?n=0", 200, {"http.request.uri": "/v2/_catalog?n=0"}),
        ("POST", "/v2/log/it/blobs/uploads/", 202, {"http.response.written": "0"}),
    ],
)
def test_answer_is_one_line(fs_registry, fs_client, marker, method, target, status, more):
    assert fs_client.request(method, target, {"User-Agent": marker}).status == status
    (line,) = lines_of(fs_registry, fs_client, marker)
    assert (line["msg"], line["level"]) == ("response completed", "info")
    assert line["http.request.method"] == method
    assert line["http.request.host"] == "127.0.0.1:%d" % fs_registry.port
    assert line["http.response.status"] == str(status)
    assert re.fullmatch(r"(\d+m)?[0-9.]+(s|ms|µs|ns)", line["http.response.duration"])
    assert uuid.UUID(line["http.request.id"]).version == 4
    for name, value in more.items():
        assert line[name] == value


@pytest.mark.parametrize(
    "method, target", [("GET", "/nowhere"), ("POST", "/v2/_catalog"), ("GET", "/")]
)
def test_what_the_router_answers_is_no_line(fs_registry, fs_client, marker, method, target):
    fs_client.request(method, target, {"User-Agent": marker})
    assert lines_of(fs_registry, fs_client, marker) == []


@pytest.mark.parametrize(
    "target, code, name, value",
    [
        ("/v2/log/e/tags/list", "name unknown", "vars.name", "log/e"),
        ("/v2/log/e/manifests/t", "manifest unknown", "vars.reference", "t"),
        (f"/v2/log/e/blobs/{UNKNOWN_DIGEST}", "blob unknown", "vars.digest", UNKNOWN_DIGEST),
        ("/v2/log/e/blobs/uploads/", "blob upload unknown", "vars.name", "log/e"),
        ("/v2/_catalog?n=1001", "pagination number invalid", "http.response.status", "400"),
    ],
)
def test_error_names_what_was_asked_for(
    fs_registry, fs_client, marker, target, code, name, value
):
    response = fs_client.get(target, {"User-Agent": marker})
    (line,) = lines_of(fs_registry, fs_client, marker)
    assert (line["msg"], line["level"]) == ("response completed with error", "error")
    assert line["err.code"] == code
    assert line["err.message"] == response.json()["errors"][0]["message"]
    assert line[name] == value
    assert line["http.response.status"] == str(response.status)


def test_each_of_several_errors_is_a_line(fs_registry, fs_client, repo, marker):
    value = image(repo, OCI_MANIFEST, layer_count=2)
    headers = {"User-Agent": marker, "Content-Type": OCI_MANIFEST}
    response = fs_client.put(f"/v2/{repo}/manifests/latest", headers, value.manifest)
    assert len(response.codes) == 3
    lines = lines_of(fs_registry, fs_client, marker)
    assert [line["err.code"] for line in lines] == ["manifest blob unknown"] * 3
    assert len({line["http.request.id"] for line in lines}) == 1
    assert {line["http.request.contenttype"] for line in lines} == {OCI_MANIFEST}


@pytest.mark.parametrize(
    "headers, wanted",
    [
        ({"X-Forwarded-For": "192.0.2.7, 192.0.2.8"}, "192.0.2.7"),
        ({"X-Forwarded-For": "2001:db8::1"}, "2001:db8::1"),
        ({"X-Real-Ip": "192.0.2.9"}, "192.0.2.9"),
        ({"X-Forwarded-For": "192.0.2.7", "X-Real-Ip": "192.0.2.9"}, "192.0.2.7"),
        ({"X-Forwarded-For": "nobody"}, None),
        ({"X-Forwarded-For": 'x" level=info msg="forged'}, None),
        ({}, None),
    ],
)
def test_remote_address_is_the_forwarded_one(fs_registry, fs_client, marker, headers, wanted):
    fs_client.get("/v2/", {**headers, "User-Agent": marker})
    (line,) = lines_of(fs_registry, fs_client, marker)
    if wanted:
        assert line["http.request.remoteaddr"] == wanted
    else:
        assert re.fullmatch(r"127\.0\.0\.1:\d+", line["http.request.remoteaddr"])


def test_referer_is_a_field_only_if_it_was_sent(fs_registry, fs_client, marker):
    fs_client.get("/v2/", {"User-Agent": marker})
    fs_client.get("/v2/", {"User-Agent": marker, "Referer": "http://r/"})
    without, with_it = lines_of(fs_registry, fs_client, marker)
    assert "http.request.referer" not in without
    assert with_it["http.request.referer"] == "http://r/"


def test_fields_of_the_process_are_not_on_lines_of_requests(start_registry, marker):
    registry = start_registry(settings={"log.fields": {"service": "kist", "place": "here"}})
    with registry.client() as client:
        client.get("/v2/", {"User-Agent": marker})
        (line,) = lines_of(registry, client, marker)
    assert not {"service", "place", "version", "instance.id"} & set(line)
    (start,) = [part for part in registry.stderr().split("\n") if "listening on" in part]
    fields = dict(PAIR.findall(start))
    assert (fields["service"], fields["place"]) == ("kist", "here")
    assert {"version", "instance.id"} <= set(fields)
