# SPDX-License-Identifier: Apache-2.0
"""The storage directory as upstream lays it out, and what must hold in it.

    layout.check(registry.root)                      # between requests
    layout.check(registry.root, temporary=True)      # after a kill -9

check() returns what it has seen, for tests that count.
"""
import hashlib
import pathlib
import re
from dataclasses import dataclass, field

from support.session import hash_state

_COMPONENT = r"(?!_)[A-Za-z0-9][A-Za-z0-9._-]*"
_NAME = rf"{_COMPONENT}(?:/{_COMPONENT})*"
_HEX = {"sha256": 64, "sha384": 96, "sha512": 128}
_DIGEST_PATH = r"(?P<alg>sha256|sha384|sha512)/(?P<hex>[0-9a-f]+)"
_TAG = r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}"
_UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"

_BLOB = re.compile(r"blobs/sha256/(?P<two>[0-9a-f]{2})/(?P<hex>[0-9a-f]{64})/data")
_LAYER = re.compile(rf"repositories/(?P<name>{_NAME})/_layers/{_DIGEST_PATH}/link")
_KEEP = re.compile(rf"repositories/{_NAME}/_layers/\.keep")  # ours; nobody else looks at it
_REVISION = re.compile(rf"repositories/(?P<name>{_NAME})/_manifests/revisions/{_DIGEST_PATH}/link")
_CURRENT = re.compile(
    rf"repositories/(?P<name>{_NAME})/_manifests/tags/(?P<tag>{_TAG})/current/link"
)
_INDEX = re.compile(
    rf"repositories/(?P<name>{_NAME})/_manifests/tags/(?P<tag>{_TAG})/index/{_DIGEST_PATH}/link"
)
_UPLOAD = re.compile(rf"repositories/(?P<name>{_NAME})/_uploads/(?P<uuid>{_UUID})/(?P<rest>.+)")
_STARTED_AT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
_HASH_STATE = re.compile(r"hashstates/sha256/(?P<offset>0|[1-9][0-9]*)")
_LINK = re.compile(r"(sha256|sha384|sha512):([0-9a-f]+)")

# Above this size a saved state is checked for its form alone: the oracle is slow.
HASH_STATE_SIZE_MAX = 1 << 17


@dataclass
class Seen:
    blobs: set = field(default_factory=set)
    layers: dict = field(default_factory=dict)  # repository: {digest}
    revisions: dict = field(default_factory=dict)  # repository: {digest}
    tags: dict = field(default_factory=dict)  # repository: {tag: digest}
    uploads: dict = field(default_factory=dict)  # repository: {uuid}
    strays: list = field(default_factory=list)
    private: list = field(default_factory=list)  # files in a repository's own `_` directories


def check(root, temporary=False, foreign=()):
    """
    Asserts every invariant below @root/docker/registry/v2.

    temporary  after a crash: files that match no key of the layout are allowed, and sessions whose
               data has been moved to its place already
    foreign    `_` directories of a repository that are not upstream's, by name
    """
    base = pathlib.Path(root) / "docker/registry/v2"
    seen = Seen()
    problems = []
    for path in sorted(base.rglob("*")):
        if path.is_file():
            _check_file(base, path, seen, problems, foreign, temporary)
    _check_references(seen, problems)
    if not temporary:
        problems += [f"stray file {stray}" for stray in seen.strays]
    assert not problems, "\n".join(problems)
    return seen


def uploads(root):
    """The upload directories that exist, whatever is in them."""
    return sorted(pathlib.Path(root).glob("docker/registry/v2/repositories/**/_uploads/*"))


def _check_file(base, path, seen, problems, foreign, temporary):
    key = path.relative_to(base).as_posix()
    if match := _BLOB.fullmatch(key):
        _check_blob(path, match, seen, problems)
    elif match := _LAYER.fullmatch(key):
        link = _link(path, key, problems)
        alias = f"{match['alg']}:{match['hex']}"
        if match["alg"] == "sha256" and link != alias:
            problems.append(f"{key} holds {link}")
        seen.layers.setdefault(match["name"], set()).update({link, alias})
    elif match := _REVISION.fullmatch(key):
        link = _link(path, key, problems)
        if match["alg"] == "sha256" and link != f"sha256:{match['hex']}":
            problems.append(f"{key} holds {link}")
        seen.revisions.setdefault(match["name"], set()).add(link)
    elif match := _CURRENT.fullmatch(key):
        seen.tags.setdefault(match["name"], {})[match["tag"]] = _link(path, key, problems)
    elif match := _INDEX.fullmatch(key):
        if _link(path, key, problems) != f"{match['alg']}:{match['hex']}":
            problems.append(f"{key} names another digest")
    elif match := _UPLOAD.fullmatch(key):
        _check_upload_file(path, match, key, seen, problems, temporary)
    elif _KEEP.fullmatch(key):
        if path.stat().st_size:
            problems.append(f"{key} is not empty")
    elif any(f"/{name}/" in key for name in foreign):
        seen.private.append(key)
    else:
        seen.strays.append(key)


def _check_blob(path, match, seen, problems):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
    if digest.hexdigest() != match["hex"] or not match["hex"].startswith(match["two"]):
        problems.append(f"{path} holds sha256:{digest.hexdigest()}")
    seen.blobs.add(f"sha256:{match['hex']}")


def _link(path, key, problems):
    text = path.read_bytes().decode("latin-1")
    match = _LINK.fullmatch(text)
    if not match or len(match[2]) != _HEX[match[1]]:
        problems.append(f"{key} is no link: {text!r}")
    return text


def _check_upload_file(path, match, key, seen, problems, temporary):
    seen.uploads.setdefault(match["name"], set()).add(match["uuid"])
    rest = match["rest"]
    if rest == "startedat":
        if not _STARTED_AT.fullmatch(path.read_text()):
            problems.append(f"{key} holds {path.read_text()!r}")
    elif state := _HASH_STATE.fullmatch(rest):
        if temporary and not (path.parents[2] / "data").exists():
            return
        _check_hash_state(path, int(state["offset"]), key, problems)
    elif rest != "data":
        seen.strays.append(key)


def _check_hash_state(path, offset, key, problems):
    """A state covers as many bytes as its name says, and those are the first bytes of `data`."""
    data_path = path.parents[2] / "data"
    state = path.read_bytes()
    size = data_path.stat().st_size if data_path.exists() else 0
    if len(state) != 108 or state[:4] != b"sha\x03" or int.from_bytes(state[100:], "big") != offset:
        problems.append(f"{key} is malformed: {state.hex()}")
    elif offset > size:
        problems.append(f"{key} covers more than the {size} bytes there")
    elif offset <= HASH_STATE_SIZE_MAX:
        wanted = hash_state(data_path.read_bytes()[:offset] if offset else b"")
        if state != wanted:
            problems.append(f"{key} is {state.hex()}, should be {wanted.hex()}")


def _check_references(seen, problems):
    """What a link names is there: content for layers and revisions, a revision for a tag."""
    for kind, links in (("layer", seen.layers), ("revision", seen.revisions)):
        for name, digests in links.items():
            for digest in digests:
                if digest.startswith("sha256:") and digest not in seen.blobs:
                    problems.append(f"{name}: {kind} {digest} has no content")
    for name, tags in seen.tags.items():
        for tag, digest in tags.items():
            if digest not in seen.revisions.get(name, ()):
                problems.append(f"{name}: tag {tag} points at {digest}, which is no revision")
