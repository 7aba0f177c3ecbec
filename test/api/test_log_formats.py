# SPDX-License-Identifier: Apache-2.0
"""The application log as JSON and for logstash, side by side with upstream's where it is installed."""
import json
import pathlib
import re
import uuid

import pytest
from support.content import OCI_MANIFEST, UNKNOWN_DIGEST, image
from support.registry import Registry, wait_until

UPSTREAM = pathlib.Path("/usr/bin/docker-registry")
FORMATS = ["json", "logstash"]
OWN_NAMES = {
    "json": {"level", "msg", "time"},
    "logstash": {"level", "message", "@timestamp", "@version"},
}
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{0,8}[1-9])?Z")


def unique(pairs):
    """For json.loads: an object in which no name is there twice."""
    names = [name for name, _ in pairs]
    assert len(set(names)) == len(names)
    return dict(pairs)


def lines_of(registry):
    """Every line of the log, parsed; ones that are no JSON object fail the test."""
    text = registry.stderr()
    lines = [line for line in text.split("\n")[:-1] if not re.match(r"==\d+==", line)]
    return [json.loads(line, object_pairs_hook=unique) for line in lines]


def message_of(line):
    return line.get("msg", line.get("message"))


def completed(registry, client, marker):
    """The "response completed" lines of the requests with @marker as their agent."""
    end = uuid.uuid4().hex
    client.get("/v2/", {"User-Agent": end})
    wait_until(
        lambda: re.search(f"{end}.*response completed|response completed.*{end}", registry.stderr()),
        what="the last line is there",
    )
    return [
        line
        for line in lines_of(registry)
        if line.get("http.request.useragent") == marker and "completed" in message_of(line)
    ]


@pytest.fixture
def marker():
    return uuid.uuid4().hex


@pytest.fixture(scope="module", params=FORMATS)
def formatted(request, tmp_path_factory):
    settings = {
        "log.formatter": request.param,
        "log.fields": {"service": "registry", "shard": 5, "canary": True, "note": 'a "b" <c>'},
    }
    with Registry(tmp_path_factory.mktemp("formatted"), settings=settings) as registry:
        yield request.param, registry


def test_every_line_is_an_object_with_the_names_of_the_format(formatted):
    kind, registry = formatted
    with registry.client() as client:
        client.push_image("a/b", "latest", image("formats", OCI_MANIFEST))
        client.get("/v2/a/b/manifests/none")
    for line in lines_of(registry):
        assert OWN_NAMES[kind] <= line.keys()
        assert list(line) == sorted(line)
        assert TIME.fullmatch(line.get("time") or line["@timestamp"])
        assert line["level"] in ("debug", "info", "warning", "error")
        assert line.get("@version", "1") == "1"


def test_process_lines_have_the_static_fields(formatted):
    _, registry = formatted
    (line,) = [line for line in lines_of(registry) if message_of(line).startswith("listening on")]
    assert line["level"] == "info"
    assert uuid.UUID(line["instance.id"]).version == 4
    assert line["version"]
    assert (line["service"], line["shard"], line["canary"]) == ("registry", 5, True)
    assert line["note"] == 'a "b" <c>'


def test_request_lines_do_not_have_them(formatted, marker):
    _, registry = formatted
    with registry.client() as client:
        client.get("/v2/", {"User-Agent": marker})
        (line,) = completed(registry, client, marker)
    assert not {"service", "shard", "version", "instance.id"} & line.keys()


def test_status_and_size_are_numbers(formatted, marker):
    _, registry = formatted
    with registry.client() as client:
        client.get("/v2/", {"User-Agent": marker})
        (line,) = completed(registry, client, marker)
    assert line["http.response.status"] == 200
    assert line["http.response.written"] == 2
    assert re.fullmatch(r"[0-9.]+(s|ms|µs|ns)", line["http.response.duration"])


def test_what_the_client_was_told_is_an_object(formatted, marker):
    _, registry = formatted
    with registry.client() as client:
        client.get("/v2/no/such/tags/list", {"User-Agent": marker})
        (line,) = completed(registry, client, marker)
    assert line["err.detail"] == {"name": "no/such"}
    assert line["err.code"] == "name unknown"


HOSTILE = [
    'q"q',
    "back\\slash",
    "<script>&",
    "tab\there",
    "\xe4\xf6 as latin-1",
    "caf\u00e9 \u2028 \U0001f600",
    '","level":"panic","msg":"forged',
    "x" * 30000,
]


@pytest.mark.parametrize("agent", HOSTILE, ids=range(len(HOSTILE)))
def test_lines_stay_valid_whatever_a_client_sends(formatted, marker, agent):
    _, registry = formatted
    encoding = "latin-1" if agent.startswith("\xe4") else "utf-8"
    agent = agent.encode(encoding).decode("utf-8", "surrogateescape")
    with registry.client() as client:
        client.get(f"/v2/_catalog?n=0&m={marker}", {"User-Agent": agent, "Referer": agent})
        completed(registry, client, marker)  # every line parses
    (line,) = [
        line
        for line in lines_of(registry)
        if marker in line.get("http.request.uri", "") and "completed" in message_of(line)
    ]
    assert line["level"] == "info"
    wanted = agent.encode("utf-8", "surrogateescape").decode("utf-8", "replace").replace("\ufffd", "")
    shown = line["http.request.useragent"].replace("\ufffd", "")
    assert shown == wanted or (len(wanted) > 4096 and shown == wanted[:4096] + "...")


def test_level_holds_for_every_format(start_registry):
    registry = start_registry(settings={"log.formatter": "json", "log.level": "info"})
    with registry.client() as client:
        client.get("/v2/")
        client.get("/v2/a/tags/list")
    registry.stop()
    assert {line["level"] for line in lines_of(registry)} >= {"info", "error"}
    assert "debug" not in {line["level"] for line in lines_of(registry)}


# ---- side by side ---------------------------------------------------------------------------------

REQUESTS = [
    ("GET", "/v2/", {}, b""),
    ("HEAD", "/v2/", {}, b""),
    ("GET", "/v2/_catalog?n=5", {"Referer": "http://example.com/<a>?b=c&d"}, b""),
    ("GET", "/v2/side/tags/list", {}, b""),
    ("GET", "/v2/side/manifests/latest", {"Accept": OCI_MANIFEST}, b""),
    ("HEAD", "/v2/side/manifests/latest", {}, b""),
    ("GET", f"/v2/side/blobs/{UNKNOWN_DIGEST}", {}, b""),
    ("POST", "/v2/side/blobs/uploads/", {"X-Forwarded-For": "192.0.2.1"}, b""),
    ("GET", "/v2/side/blobs/uploads/" + str(uuid.UUID(int=7)), {}, b""),
    ("PUT", "/v2/side/manifests/x", {"Content-Type": OCI_MANIFEST}, b"{"),
    ("GET", "/v2/UPPER/tags/list", {}, b""),
]
SAME = [
    "level", "msg", "message", "@version", "err.code", "err.message", "http.request.method",
    "http.request.uri", "http.request.referer", "http.request.useragent", "http.response.status",
    "http.request.contenttype", "http.response.contenttype", "http.response.written",
    "vars.reference", "vars.digest", "vars.uuid",
]


@pytest.fixture(scope="module", params=FORMATS)
def both(request, tmp_path_factory):
    if not UPSTREAM.exists():
        pytest.skip(f"{UPSTREAM} is not installed")
    settings = {"log.formatter": request.param, "log.fields": {"service": "s", "n": 5}}
    root = tmp_path_factory.mktemp("both")
    with Registry(root / "ours", settings=settings) as ours:
        with Registry(root / "theirs", settings=settings, program=UPSTREAM) as theirs:
            yield ours, theirs


@pytest.mark.parametrize("method, target, headers, body", REQUESTS)
def test_completed_lines_are_those_of_upstream(both, marker, method, target, headers, body):
    found = []
    for registry in both:
        with registry.client() as client:
            client.request(method, target, {**headers, "User-Agent": marker}, body or None)
            found.append(completed(registry, client, marker))
    ours, theirs = found
    assert len(ours) == len(theirs)
    for our, their in zip(ours, theirs):
        missing = their.keys() - our.keys() - {"go.version", "err.detail"}
        assert not missing
        for name in SAME:
            if name in their:
                assert our[name] == their[name], name
        for name in their.keys() & our.keys() - {"err.detail"}:
            assert type(our[name]) is type(their[name]), name


def test_process_lines_are_those_of_upstream(both):
    found = []
    for registry in both:
        lines = [line for line in lines_of(registry) if message_of(line).startswith("listening on")]
        found.append(lines[0])
    ours, theirs = found
    assert ours.keys() - {"go.version"} == theirs.keys() - {"go.version"}
    for name in theirs.keys() & ours.keys():
        assert type(ours[name]) is type(theirs[name]), name
