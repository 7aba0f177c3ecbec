# SPDX-License-Identifier: Apache-2.0
"""The access log on stdout and the application log on stderr."""
import datetime
import os
import re
import uuid
import zoneinfo

import pytest
from support.check import assert_error
from support.registry import Registry, wait_until

ACCESS = re.compile(
    r'127\.0\.0\.1 - - \[\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\] '
    r'"(?P<request>.*)" (?P<status>\d{3}) (?P<bytes>\d+) "(?P<referer>.*)" "(?P<agent>.*)"'
)


def access_line(registry, marker):
    """The line of the access log that holds @marker, parsed."""
    found = wait_until(
        lambda: [line for line in registry.stdout().split("\n")[:-1] if marker in line],
        what="the access log has the line",
    )
    assert len(found) == 1
    return ACCESS.fullmatch(found[0])


@pytest.fixture
def marker():
    return uuid.uuid4().hex


@pytest.mark.parametrize(
    "method, target, status, size",
    [
        ("GET", "/v2/", 200, 2),
        ("GET", "/", 200, 0),
        ("GET", "/nowhere", 404, 19),
        ("DELETE", "/v2/_catalog", 405, 19),
        ("GET", "/v2/_catalog/", 301, 47),
        ("GET", "/v2/_catalog?n=0", 200, 20),
        ("GET", "/v2/foo%2Fbar/tags/list", 404, 115),
        ("POST", "/v2/foo/blobs/uploads/", 202, 0),
    ],
)
def test_each_request_is_one_line(fs_registry, fs_client, marker, method, target, status, size):
    assert fs_client.request(method, target, {"User-Agent": marker}).status == status
    line = access_line(fs_registry, marker)
    assert line["request"] == f"{method} {target} HTTP/1.1"
    assert (int(line["status"]), int(line["bytes"])) == (status, size)
    assert line["referer"] == ""


def test_head_of_json_counts_the_body_that_was_left_out(fs_registry, fs_client, marker):
    fs_client.head("/v2/", {"User-Agent": marker})
    assert access_line(fs_registry, marker)["bytes"] == "2"


def test_referer_and_agent_are_escaped(fs_registry, fs_client, marker):
    fs_client.get("/v2/", {"Referer": 'http://ref/"q"', "User-Agent": f'{marker} "x"\\y'})
    line = access_line(fs_registry, marker)
    assert line["referer"] == r"http://ref/\"q\""
    assert line["agent"] == rf"{marker} \"x\"\\y"


def test_target_is_logged_as_it_came(fs_registry, fs_client, marker):
    fs_client.get(f"/v2/_catalog?n=0&x={marker}%0a\"")
    line = access_line(fs_registry, marker)
    assert line["request"] == rf"GET /v2/_catalog?n=0&x={marker}%0a\" HTTP/1.1"


def test_peer_is_the_peer_whatever_is_forwarded(fs_registry, fs_client, marker):
    fs_client.get("/v2/", {"User-Agent": marker, "X-Forwarded-For": "9.9.9.9"})
    assert access_line(fs_registry, marker)  # begins with 127.0.0.1


def test_access_log_can_be_turned_off(start_registry, marker):
    registry = start_registry(settings={"log.accesslog.disabled": True})
    with registry.client() as client:
        client.get("/v2/", {"User-Agent": marker})
    registry.stop()
    assert marker not in registry.stdout()


def test_requests_refused_before_routing_are_not_accesses(start_registry, marker):
    registry = start_registry()
    with registry.connect() as connection:
        connection.send(f"GET /v2/ HTTP/1.1\r\nUser-Agent: {marker}\r\n\r\n".encode())
        assert connection.read_response().status == 400
    registry.stop()
    assert registry.stdout() == ""


def test_error_is_logged_once_with_its_code_and_request(fs_registry, fs_client, repo, marker):
    response = fs_client.get(f"/v2/{repo}/manifests/nosuch", {"User-Agent": marker})
    assert_error(response, 404, "MANIFEST_UNKNOWN")

    def found():
        lines = fs_registry.stderr().split("\n")
        return [line for line in lines if marker in line and "completed with error" in line]

    (line,) = wait_until(found, what="the error is logged")
    assert "level=error" in line
    assert 'err.code="manifest unknown"' in line
    assert re.search(r"http\.request\.id=[0-9a-f-]{36}", line)
    assert "http.request.method=GET" in line
    assert "http.response.status=404" in line
    assert f'vars.name="{repo}"' in line or f"vars.name={repo}" in line
    assert "vars.reference=nosuch" in line


def test_secrets_are_never_logged(start_registry, marker):
    registry = start_registry(settings={"http.secret": marker})
    with registry.client() as client:
        client.get("/v2/", {"Authorization": f"Basic {marker}"})
        client.push_blob("a", b"x")
    registry.stop()
    assert marker not in registry.stderr() + registry.stdout()


@pytest.mark.ours("who reads the log holds nobody up", run=False)
def test_reader_that_is_stuck_stops_nobody(tmp_path):
    registry = Registry(tmp_path / "stuck")
    os.mkfifo(registry.stdout_path)
    reader = os.open(registry.stdout_path, os.O_RDONLY | os.O_NONBLOCK)
    with registry, registry.client() as client:
        for _ in range(2000):  # their lines are more than a pipe holds
            assert client.get("/v2/").status == 200
        while True:
            try:
                os.read(reader, 1 << 20)
            except BlockingIOError:
                break
        client.get("/v2/", {"User-Agent": "heard again"})
        wait_until(lambda: "lines of the access log were lost" in registry.stderr())
        assert os.read(reader, 1 << 20).endswith(b'"heard again"\n')
    os.close(reader)


def test_no_line_can_be_forged(fs_registry, fs_client, marker):
    fs_client.get("/v2/", {"User-Agent": f'{marker}" level=error msg="forged'})
    fs_client.get(f"/v2/_catalog?n=0&{marker}=%0atime=forged")
    access = [line for line in fs_registry.stdout().split("\n")[:-1]]
    assert all(ACCESS.fullmatch(line) for line in access)


ODD = [b'"', b"\\", b"\xff\xfe", b"\xc3\xa4", b"\xe2\x80\xa8", b"\xc2\x85", b"<&>", b"\t", b"%00%0a"]


@pytest.mark.parametrize("odd", ODD, ids=range(len(ODD)))
def test_odd_bytes_leave_the_form_of_the_line(fs_registry, fs_client, marker, odd):
    text = odd.decode("utf-8", "surrogateescape")
    fs_client.get("/v2/", {"Referer": f"{text}{marker}", "User-Agent": f"x{text}x"})
    line = access_line(fs_registry, marker)
    assert line["status"] == "200"
    escaped = "".join(
        {'"': '\\"', "\\": "\\\\", "\t": "\\t", "\u2028": "\\u2028", "\x85": "\\u0085"}.get(c)
        or (f"\\x{ord(c) - 0xDC00:02x}" if 0xDC80 <= ord(c) < 0xDD00 else c)
        for c in text
    )
    assert line["agent"] == f"x{escaped}x"


def test_long_values_are_logged_whole(fs_registry, fs_client, marker):
    target = f"/v2/_catalog?n=0&m={marker}&x=" + '"' * 10000 + "y" * 10000
    agent = "\udcff" * 20000
    assert fs_client.get(target, {"User-Agent": agent}).status == 200
    line = access_line(fs_registry, marker)
    assert line["request"].endswith('\\"' * 10000 + "y" * 10000 + " HTTP/1.1")
    assert line["agent"] == "\\xff" * 20000


@pytest.mark.parametrize(
    "zone, offset", [("UTC", "+0000"), ("Europe/Berlin", None), ("Asia/Kolkata", "+0530")]
)
def test_time_is_that_of_the_zone(start_registry, monkeypatch, marker, zone, offset):
    monkeypatch.setenv("TZ", zone)
    registry = start_registry()
    with registry.client() as client:
        client.get("/v2/", {"User-Agent": marker})
    registry.stop()
    (line,) = [line for line in registry.stdout().split("\n") if marker in line]
    at = datetime.datetime.strptime(line[line.index("[") + 1 : line.index("]")], "%d/%b/%Y:%H:%M:%S %z")
    wanted = datetime.datetime.now(zoneinfo.ZoneInfo(zone))
    assert abs((wanted - at).total_seconds()) < 60
    assert at.utcoffset() == wanted.utcoffset()
    assert offset is None or line[line.index("]") - 5 : line.index("]")] == offset


def test_user_is_a_dash_also_with_credentials(fs_registry, fs_client, marker):
    fs_client.get("/v2/", {"Authorization": "Basic dTpw", "User-Agent": marker})
    assert access_line(fs_registry, marker)  # its third word is a dash
