# SPDX-License-Identifier: Apache-2.0
"""Upload sessions as upstream keeps them: the state token, and saved digest states.

Written from the formats alone, so that what the server writes is checked by something else than
itself. The digest here is SHA-256 by the book, because hashlib does not show its inner state.
"""
import base64
import hashlib
import hmac
import json
import re
import struct
import urllib.parse

MAGIC = b"sha\x03"
_MASK = 0xFFFFFFFF


def _primes(count):
    found = []
    candidate = 2
    while len(found) < count:
        if all(candidate % prime for prime in found):
            found.append(candidate)
        candidate += 1
    return found


def _root_bits(number, root):
    """The first 32 bits of the fraction of the square (2) or cube (3) root of @number."""
    scaled = number << (32 * root)
    low, high = 0, 1 << 40
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if middle**root <= scaled else (low, middle - 1)
    return low & _MASK


INITIAL = [_root_bits(prime, 2) for prime in _primes(8)]
_ROUND = [_root_bits(prime, 3) for prime in _primes(64)]


def _rotate(value, count):
    return (value >> count | value << (32 - count)) & _MASK


def _compress(state, block):
    words = list(struct.unpack(">16I", block))
    for i in range(16, 64):
        x, y = words[i - 15], words[i - 2]
        low = _rotate(x, 7) ^ _rotate(x, 18) ^ x >> 3
        high = _rotate(y, 17) ^ _rotate(y, 19) ^ y >> 10
        words.append((words[i - 16] + low + words[i - 7] + high) & _MASK)
    a, b, c, d, e, f, g, h = state
    for word, constant in zip(words, _ROUND):
        mix = _rotate(e, 6) ^ _rotate(e, 11) ^ _rotate(e, 25)
        first = h + mix + ((e & f) ^ (~e & g)) + constant + word
        second = (_rotate(a, 2) ^ _rotate(a, 13) ^ _rotate(a, 22)) + ((a & b) ^ (a & c) ^ (b & c))
        a, b, c, d, e, f, g, h = (first + second) & _MASK, a, b, c, (d + first) & _MASK, e, f, g
    return [(x + y) & _MASK for x, y in zip(state, (a, b, c, d, e, f, g, h))]


def hash_state(data):
    """The 108 bytes of hashstates/sha256/<len(data)>."""
    state = INITIAL
    whole = len(data) - len(data) % 64
    for start in range(0, whole, 64):
        state = _compress(state, data[start : start + 64])
    pending = data[whole:].ljust(64, b"\0")
    return MAGIC + struct.pack(">8I", *state) + pending + struct.pack(">Q", len(data))


def message(name, uuid, offset, started_at, seal=None):
    """The signed text of a token, byte for byte. Upstream's has no seal."""
    last = f',"Seal":"{seal}"' if seal else ""
    return (
        f'{{"Name":"{name}","UUID":"{uuid}","Offset":{offset},"StartedAt":"{started_at}"{last}}}'
    ).encode()


def pack(text, secret):
    """The token of a message, as it stands in a header (not escaped)."""
    mac = hmac.new(secret.encode(), text, hashlib.sha256).digest()
    return base64.urlsafe_b64encode(mac + text).decode()


def unpack(token, secret):
    """The members of a token; asserts that it is signed and formed exactly so."""
    raw = base64.b64decode(token.encode(), altchars=b"-_", validate=True)
    mac, text = raw[:32], raw[32:]
    assert hmac.compare_digest(mac, hmac.new(secret.encode(), text, hashlib.sha256).digest())
    value = json.loads(text)
    assert text == message(value["Name"], value["UUID"], value["Offset"], value["StartedAt"], value.get("Seal"))
    assert re.fullmatch("[0-9a-f]{64}", value.get("Seal", "0" * 64))
    return value


def token_of(location):
    """The token in a Location; asserts that it is the only parameter, escaped as upstream does."""
    query = urllib.parse.urlsplit(location).query
    ((key, token),) = urllib.parse.parse_qsl(query, strict_parsing=True)
    assert key == "_state"
    assert query == "_state=" + token.replace("=", "%3D")
    return token


def seal_of(location, secret):
    """What vouches for the saved state, where locks do not; None: nothing does."""
    return unpack(token_of(location), secret).get("Seal")


def with_seal(location, secret, seal):
    """The same Location with another seal, or with None."""
    value = unpack(token_of(location), secret)
    return location_of(value["Name"], value["UUID"], value["Offset"], value["StartedAt"], secret, seal)


def uuid_of(location):
    return urllib.parse.urlsplit(location).path.rpartition("/")[2]


def location_of(name, uuid, offset, started_at, secret, seal=None):
    """A Location fabricated outside the registry."""
    token = pack(message(name, uuid, offset, started_at, seal), secret)
    return f"/v2/{name}/blobs/uploads/{uuid}?" + urllib.parse.urlencode({"_state": token})
