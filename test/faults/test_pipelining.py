# SPDX-License-Identifier: Apache-2.0
"""Requests behind each other, and requests in pieces."""
import random
import threading
import time

import pytest
from support.client import OCTETS, head, with_query
from support.content import digest_of, random_bytes

PAUSE_S = 0.001  # lets the server see a piece alone; the outcome does not depend on it


def put_message(client, repo, data, coding="length"):
    """A whole PUT of a blob as bytes."""
    target = with_query(client.start_upload(repo), digest=digest_of(data))
    if coding == "length":
        return head("PUT", target, {"Host": "x", "Content-Length": len(data)}) + data
    message = head("PUT", target, {"Host": "x", "Transfer-Encoding": "chunked"})
    half = len(data) // 2
    for piece in (data[:half], data[half:]):
        if piece:
            message += b"%x\r\n" % len(piece) + piece + b"\r\n"
    return message + b"0\r\n\r\n"


GET = head("GET", "/v2/", {"Host": "x"})


def test_many_requests_in_one_segment_are_answered_in_order(memory_registry, memory_client, repo):
    data = [f"blob {index}".encode() for index in range(30)]
    digests = [memory_client.push_blob(repo, each) for each in data]
    with memory_registry.connect() as connection:
        connection.send(
            b"".join(head("GET", f"/v2/{repo}/blobs/{digest}", {"Host": "x"}) for digest in digests)
        )
        for each in data:
            assert connection.read_response().body == each


@pytest.mark.parametrize("coding", ["length", "chunked"])
@pytest.mark.parametrize("size", [0, 1, 1000, 65536, 300_000])
def test_request_behind_a_body_in_one_segment_is_answered(
    memory_registry, memory_client, repo, coding, size
):
    data = random_bytes(size, repo)
    with memory_registry.connect() as connection:
        connection.send(put_message(memory_client, repo, data, coding) + GET + GET)
        assert connection.read_response().status == 201
        assert connection.read_response().body == b"{}"
        assert connection.read_response().body == b"{}"
    assert memory_client.pull_blob(repo, digest_of(data)) == data


def test_several_pushes_in_one_segment(memory_registry, memory_client, repo):
    data = [random_bytes(50_000, index) for index in range(6)]
    messages = [
        put_message(memory_client, repo, each, ("length", "chunked")[index % 2])
        for index, each in enumerate(data)
    ]
    with memory_registry.connect() as connection:
        connection.send(GET.join(messages))
        for index in range(len(data)):
            assert connection.read_response().status == 201
            if index < len(data) - 1:
                assert connection.read_response().body == b"{}"
    for each in data:
        assert memory_client.pull_blob(repo, digest_of(each)) == each


@pytest.mark.parametrize("coding", ["length", "chunked"])
def test_messages_cut_at_every_byte(memory_registry, memory_client, repo, coding):
    """A PUT, its body and a GET, in two pieces: cut anywhere from the first byte to the last."""
    with memory_registry.connect() as connection:
        data = b"cut"
        size = len(put_message(memory_client, repo, data, coding) + GET)
        for cut in range(1, size):
            message = put_message(memory_client, repo, data, coding) + GET
            connection.send(message[:cut])
            time.sleep(PAUSE_S)
            connection.send(message[cut:])
            assert connection.read_response().status == 201, cut
            assert connection.read_response().body == b"{}", cut


@pytest.mark.parametrize("coding", ["length", "chunked"])
def test_message_byte_by_byte(memory_registry, memory_client, repo, coding):
    with memory_registry.connect() as connection:
        message = put_message(memory_client, repo, b"byte by byte", coding) + GET
        connection.send_slowly(message, piece=1, pause=0)
        assert connection.read_response().status == 201
        assert connection.read_response().body == b"{}"


@pytest.mark.ours("whoever has closed its sending side is answered")
def test_requests_before_the_end_of_the_stream_are_all_answered(memory_registry, memory_client):
    with memory_registry.connect() as connection:
        connection.send(GET * 5)
        connection.half_close()
        for _ in range(5):
            assert connection.read_response().body == b"{}"
        assert connection.is_closed_by_server()


def random_request(rng, client, repo, blob):
    """A message, and what is to come back of it: method, status, body. @blob is there."""
    kind = rng.choice(["push", "pull", "get", "unknown", "head", "refused"])
    if kind == "push":
        data = rng.randbytes(rng.choice([0, 1, 100, 70_000, 250_000]))
        return put_message(client, repo, data, rng.choice(["length", "chunked"])), ("PUT", 201, b"")
    if kind == "pull":
        return head("GET", f"/v2/{repo}/blobs/{digest_of(blob)}", {"Host": "x"}), ("GET", 200, blob)
    if kind == "get":
        return GET, ("GET", 200, b"{}")
    if kind == "unknown":
        return head("GET", "/nowhere", {"Host": "x"}), ("GET", 404, b"404 page not found\n")
    if kind == "head":
        return head("HEAD", "/v2/", {"Host": "x"}), ("HEAD", 200, b"")
    # Its body is small, so the connection goes on.
    refused = head("PUT", "/nowhere", {"Host": "x", "Content-Length": 5}) + b"12345"
    return refused, ("PUT", 404, b"404 page not found\n")


@pytest.mark.parametrize("seed", range(8))
def test_random_requests_in_random_pieces(memory_registry, memory_client, repo, seed):
    """Pushes, pulls, refusals and small requests on one connection, cut at random."""
    rng = random.Random(seed)
    stored = random_bytes(200_000, seed)
    memory_client.push_blob(repo, stored)
    messages, wanted = zip(*[random_request(rng, memory_client, repo, stored) for _ in range(25)])
    stream = b"".join(messages)
    with memory_registry.connect() as connection:
        def send():
            position = 0
            while position < len(stream):
                size = rng.choice([1, 10, 100, 1000, 50_000, 500_000])
                connection.send(stream[position : position + size])
                position += size

        sender = threading.Thread(target=send)
        sender.start()
        for method, status, body in wanted:
            response = connection.read_response(method)
            assert (response.status, response.body) == (status, body)
        sender.join()


def test_reply_to_head_has_no_body_before_the_next_reply(memory_registry, memory_client, repo):
    digest = memory_client.push_blob(repo, b"some content")
    with memory_registry.connect() as connection:
        connection.send(head("HEAD", f"/v2/{repo}/blobs/{digest}", {"Host": "x"}) + GET)
        assert connection.read_response("HEAD").header("Content-Length") == "12"
        assert connection.read_response().body == b"{}"


def test_connection_serves_hundreds_of_requests(memory_registry, memory_client, repo):
    target = memory_client.start_upload(repo)
    with memory_registry.connect() as connection:
        for index in range(300):
            response = connection.request("PATCH", target, {"Content-Type": OCTETS}, b"x" * 10)
            assert response.status == 202
            target = response.location
        assert response.header("Range") == "0-2999"
