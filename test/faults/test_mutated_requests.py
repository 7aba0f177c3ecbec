# SPDX-License-Identifier: Apache-2.0
"""Valid conversations with random damage: whatever comes, the next client is served.

KIST_MUTATIONS sets how many conversations each seed has (150); for a longer hunt set it higher.
"""
import os
import random

import pytest
from support import layout
from support.client import head, with_query
from support.content import OCI_MANIFEST, digest_of, image, random_bytes

COUNT = int(os.environ.get("KIST_MUTATIONS", "150"))
TOKENS = [
    b"\r\n", b"\n", b"\r", b"\0", b" ", b"\t", b":", b"%", b"%00", b"%2f", b"..", b"/", b"?", b"&",
    b"=", b"~", b"0", b"-1", b"99999999999999999999", b"ffffffffffffffff", b"chunked", b"HTTP/1.1",
    b"Content-Length: 5\r\n", b"Transfer-Encoding: chunked\r\n", b"Expect: 100-continue\r\n",
    b"Connection: close\r\n", b"Host: y\r\n", b"Range: bytes=0-0\r\n", b"0\r\n\r\n", b"\xff" * 70,
    b"GET /v2/ HTTP/1.1\r\nHost: x\r\n\r\n", b"x" * 70_000, b'"', b"{", b"_state=", b"sha256:",
]  # fmt: skip


def mutate(rng, data):
    """A few random changes of bytes, pieces and tokens."""
    data = bytearray(data)
    for _ in range(rng.choice([0, 1, 1, 1, 2, 5])):
        at = rng.randrange(len(data) + 1)
        end = min(len(data), at + rng.choice([1, 2, 10, 100, 1000]))
        kind = rng.randrange(6)
        if kind == 0 and at < len(data):
            data[at] = rng.randrange(256)
        elif kind == 1:
            del data[at:end]
        elif kind == 2:
            data[at:at] = rng.choice(TOKENS)
        elif kind == 3:
            data[at:end] = rng.choice(TOKENS)
        elif kind == 4:
            data[at:at] = data[at:end]
        else:
            del data[at:]
    return bytes(data)


def conversation(rng, client, repo, digest, value):
    """Some valid requests behind each other."""
    data = rng.randbytes(rng.choice([0, 1, 100, 5000, 100_000]))
    stream = b""
    for _ in range(rng.randrange(1, 4)):
        kind = rng.randrange(6)
        if kind == 0:
            target = with_query(client.start_upload(repo), digest=digest_of(data))
            stream += head("PUT", target, {"Host": "x", "Content-Length": len(data)}) + data
        elif kind == 1:
            target = client.start_upload(repo)
            stream += head("PATCH", target, {"Host": "x", "Transfer-Encoding": "chunked"})
            for piece in (data[:10], data[10:]):
                stream += b"%x\r\n" % len(piece) + piece + b"\r\n" if piece else b""
            stream += b"0\r\n\r\n"
        elif kind == 2:
            headers = {"Host": "x", "Range": "bytes=0-10, 20-30,-5", "If-None-Match": '"x"'}
            stream += head("GET", f"/v2/{repo}/blobs/{digest}", headers)
        elif kind == 3:
            headers = {"Host": "x", "Content-Type": OCI_MANIFEST}
            headers["Content-Length"] = len(value.manifest)
            stream += head("PUT", f"/v2/{repo}/manifests/latest", headers) + value.manifest
        elif kind == 4:
            headers = {"Host": "x", "Forwarded": 'host="a";proto=https', "Accept": OCI_MANIFEST}
            stream += head("GET", f"/v2/{repo}/manifests/latest", headers)
        else:
            stream += head("GET", "/v2/_catalog?n=5&last=foo%2Fbar", {"Host": "x"})
    return stream


def send_in_pieces(rng, connection, data):
    """Sends what the server takes and reads what it gives, until the server or we have enough."""
    connection.socket.setblocking(False)
    position = 0
    idle = 0
    while position < len(data) and idle < 200:
        try:
            size = rng.choice([1, 50, 5000, 1 << 20])
            position += connection.socket.send(data[position : position + size])
            connection.socket.recv(1 << 20)
            idle = 0
        except BlockingIOError:
            idle += 1
        except OSError:
            return


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("storage", ["filesystem", "inmemory"])
def test_damaged_conversations_hurt_nobody_else(start_registry, repo, storage, seed):
    rng = random.Random(f"{seed} {COUNT}")
    registry = start_registry(
        storage=storage, settings={"http.bodytimeout": "2s", "http.draintimeout": "10m"}
    )
    blob = random_bytes(100_000, repo)
    value = image(repo, OCI_MANIFEST)
    with registry.client() as client:
        digest = client.push_blob(repo, blob)
        client.push_image(repo, "latest", value)
        for number in range(COUNT):
            stream = mutate(rng, conversation(rng, client, repo, digest, value))
            connection = registry.connect()
            send_in_pieces(rng, connection, stream)
            if rng.randrange(3) == 0:
                connection.reset()
            connection.close()
            if number % 10 == 0:
                assert client.pull_blob(repo, digest) == blob
        assert client.get_manifest(repo, value.digest, OCI_MANIFEST).body == value.manifest
    registry.stop()
    if storage == "filesystem":
        layout.check(registry.root)
