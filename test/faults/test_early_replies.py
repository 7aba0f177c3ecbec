# SPDX-License-Identifier: Apache-2.0
"""Replies that come before the body: `Expect: 100-continue`, and bodies that nobody wants."""
import pytest
from support.client import OCTETS, with_query
from support.content import SCHEMA2, UNKNOWN_DIGEST, digest_of

MIB = 1 << 20
PIECE = bytes(MIB)

# Requests with a body that are refused from their head alone.
REFUSED = [
    ("PATCH", "/v2/foo/blobs/uploads/177690b1-48e3-4b48-b530-02f51bb66f3a?_state=x", 404),
    ("PUT", "/v2/foo/blobs/uploads/177690b1-48e3-4b48-b530-02f51bb66f3a?_state=x", 404),
    ("PUT", "/nowhere", 404),
    ("PUT", f"/v2/foo/blobs/{UNKNOWN_DIGEST}", 405),
    ("PUT", "/v2/foo/blobs/uploads/", 404),
]


# ---- Expect -------------------------------------------------------------------------------------


@pytest.mark.parametrize("coding", ["length", "chunked"])
def test_push_that_is_wanted_gets_100_continue_and_then_its_answer(
    fs_registry, fs_client, repo, coding
):
    target = fs_client.start_upload(repo)
    headers = {"Expect": "100-continue", "Content-Type": OCTETS}
    headers |= {"Content-Length": 5} if coding == "length" else {"Transfer-Encoding": "chunked"}
    with fs_registry.connect() as connection:
        connection.send_head("PATCH", target, headers)
        interim = connection.read_head()
        assert interim.status == 100
        assert connection.is_silent()
        if coding == "length":
            connection.send(b"12345")
        else:
            connection.send_chunk(b"12345").send_last_chunk()
        response = connection.read_response()
        assert response.status == 202
        assert response.header("Range") == "0-4"
        assert connection.request("GET", "/v2/").status == 200


@pytest.mark.parametrize("method, target, status", REFUSED)
def test_push_that_is_refused_gets_no_100_continue(fs_registry, fs_client, method, target, status):
    with fs_registry.connect() as connection:
        connection.send_head(method, target, {"Expect": "100-continue", "Content-Length": 1 << 30})
        response = connection.read_response()
        assert response.interim == []
        assert response.status == status
        assert response.closes
        assert connection.is_closed_by_server()


@pytest.mark.ours("the size is known before the body")
def test_manifest_that_is_too_large_gets_no_100_continue(fs_registry, fs_client, repo):
    headers = {"Expect": "100-continue", "Content-Length": 5 * MIB, "Content-Type": SCHEMA2}
    with fs_registry.connect() as connection:
        connection.send_head("PUT", f"/v2/{repo}/manifests/latest", headers)
        response = connection.read_response()
        assert response.status == 413
        assert response.interim == []


@pytest.mark.ours("a wrong Content-Type is 415")
def test_patch_of_a_wrong_type_gets_no_100_continue(fs_registry, fs_client, repo):
    headers = {"Expect": "100-continue", "Content-Length": 5, "Content-Type": "text/plain"}
    with fs_registry.connect() as connection:
        connection.send_head("PATCH", fs_client.start_upload(repo), headers)
        response = connection.read_response()
        assert response.status == 415
        assert response.interim == []


def test_client_that_does_not_wait_is_served_the_same(fs_registry, fs_client, repo):
    target = fs_client.start_upload(repo)
    with fs_registry.connect() as connection:
        headers = {"Expect": "100-continue", "Content-Length": 5}
        connection.send_head("PATCH", target, headers).send(b"12345")
        response = connection.read_response()
        assert response.status == 202
        assert connection.request("GET", "/v2/").status == 200


@pytest.mark.parametrize("value", ["100-Continue", "100-CONTINUE"])
def test_expect_has_no_case(fs_registry, fs_client, repo, value):
    target = fs_client.start_upload(repo)
    with fs_registry.connect() as connection:
        connection.send_head("PATCH", target, {"Expect": value, "Content-Length": 5})
        assert connection.read_head().status == 100
        connection.send(b"12345")
        assert connection.read_response().status == 202


@pytest.mark.parametrize("value", ["200-ok", "100-continue-x", "x"])
def test_other_expectations_are_417(fs_registry, fs_client, value):
    with fs_registry.connect() as connection:
        connection.send_head("PUT", "/v2/", {"Expect": value, "Content-Length": 5})
        connection.send(b"12345")
        response = connection.read_response()
        assert response.status == 417
        assert response.closes
        assert connection.is_closed_by_server()


@pytest.mark.parametrize("length", [None, 0])
def test_expect_without_a_body_is_answered_at_once(fs_registry, fs_client, length):
    headers = {"Expect": "100-continue"} | ({} if length is None else {"Content-Length": length})
    with fs_registry.connect() as connection:
        connection.send_head("GET", "/v2/", headers)
        response = connection.read_response()
        assert response.status == 200
        assert response.interim == []


def test_http_1_0_gets_no_100_continue(fs_registry, fs_client, repo):
    target = fs_client.start_upload(repo)
    with fs_registry.connect() as connection:
        message = f"PATCH {target} HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n"
        connection.send(message.encode())
        assert connection.is_silent()
        connection.send(b"12345")
        response = connection.read_response()
        assert response.interim == []
        assert response.status == 202


# ---- bodies that are refused --------------------------------------------------------------------


@pytest.mark.parametrize("method, target, status", REFUSED)
@pytest.mark.parametrize("size", [1, 1000, 200_000])
def test_small_body_that_is_refused_leaves_the_connection(
    fs_registry, fs_client, method, target, status, size
):
    with fs_registry.connect() as connection:
        for _ in range(3):
            assert connection.request(method, target, {}, bytes(size)).status == status
        assert connection.request("GET", "/v2/").body == b"{}"


@pytest.mark.parametrize("method, target, status", REFUSED)
@pytest.mark.parametrize("coding", ["length", "chunked"])
@pytest.mark.parametrize("size", [1, 64])
def test_client_that_watches_for_the_answer_reads_it(
    fs_registry, fs_client, method, target, status, coding, size
):
    with fs_registry.connect() as connection:
        send_refused(connection, method, target, coding, size, connection.send_until_reply)
        assert connection.read_response().status == status


@pytest.mark.ours("who answers early reads on for a while")
@pytest.mark.parametrize("method, target, status", REFUSED[:3])
@pytest.mark.parametrize("coding", ["length", "chunked"])
@pytest.mark.parametrize("size", [1, 64])
def test_client_that_sends_all_before_it_reads_reads_the_answer(
    fs_registry, fs_client, method, target, status, coding, size
):
    with fs_registry.connect() as connection:
        send_refused(
            connection, method, target, coding, size, lambda pieces: [*map(connection.send, pieces)]
        )
        assert connection.read_response().status == status
        connection.half_close()
        assert connection.is_closed_by_server()


def send_refused(connection, method, target, coding, size, send):
    if coding == "length":
        connection.send_head(method, target, {"Content-Length": size * MIB})
        send([PIECE] * size)
    else:
        connection.send_head(method, target, {"Transfer-Encoding": "chunked"})
        send([b"%x\r\n" % MIB + PIECE + b"\r\n"] * size + [b"0\r\n\r\n"])


@pytest.mark.ours("who answers early reads on for a while")
def test_oversized_manifest_is_answered_while_it_is_sent(fs_registry, fs_client, repo):
    target = f"/v2/{repo}/manifests/latest"
    headers = {"Content-Type": SCHEMA2, "Content-Length": 64 * MIB}
    with fs_registry.connect() as connection:
        connection.send_head("PUT", target, headers)
        connection.send_until_reply([PIECE] * 64)
        assert connection.read_response().status == 413


@pytest.mark.ours("who answers early reads on for a while")
def test_client_that_never_stops_sending_is_cut(start_registry):
    """A refused body without end holds the connection for a while, not for ever."""
    registry = start_registry()
    with registry.connect() as connection:
        connection.send_head("PUT", "/nowhere", {"Transfer-Encoding": "chunked"})
        connection.send_until_reply([b"%x\r\n" % MIB + PIECE + b"\r\n"] * 4)
        assert connection.read_response().status == 404
    # The client has gone without reading on; nothing is left of it.
    with registry.client() as client:
        assert client.get("/v2/").status == 200


def test_wrong_digest_parameter_is_answered_before_the_body(fs_registry, fs_client, repo):
    target = with_query(fs_client.start_upload(repo), digest="nonsense")
    with fs_registry.connect() as connection:
        connection.send_head("PUT", target, {"Content-Length": 64 * MIB})
        sent = connection.send_until_reply([PIECE] * 64)
        assert sent < 64 * MIB
        assert connection.read_response().status == 400
    with fs_registry.client() as client:
        target = target.replace("nonsense", digest_of(b""))
        assert client.put(target).status == 201


@pytest.mark.parametrize("size", [1, 100_000, 8 * MIB])
def test_client_with_a_malformed_head_that_sends_on_reads_the_answer(fs_registry, size):
    with fs_registry.connect() as connection:
        connection.send(b"PUT /v2/ HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n")
        connection.send(bytes(size))
        response = connection.read_response()
        assert response.status == 400
        assert response.closes
