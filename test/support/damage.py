# SPDX-License-Identifier: Apache-2.0
"""What years, crashes and people do to a storage directory, and what the registry says and still does then."""
import contextlib
import os
import shutil
import socket

from support.content import SCHEMA2, image


def clear(path):
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def rewrite(make):
    """A damage that puts make(bytes) in the place of a file's bytes."""

    def damage(path):
        path.write_bytes(make(path.read_bytes()))

    return damage


def make_directory(path):
    clear(path)
    path.mkdir()


def make_full_directory(path):
    make_directory(path)
    (path / "deeper/still").mkdir(parents=True)
    (path / "deeper/still/file").write_text("x")


def make_fifo(path):
    clear(path)
    os.mkfifo(path)


def make_socket(path):
    """Through a relative name: the names of sockets are short."""
    clear(path)
    before = os.getcwd()
    os.chdir(path.parent)
    try:
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(path.name)
    finally:
        os.chdir(before)


def make_loop(path):
    clear(path)
    path.symlink_to(path.name)


# Of a link: name, damage, whether there is something to say about it.
LINK_DAMAGE = {
    "empty": rewrite(lambda text: b""),
    "truncated": rewrite(lambda text: text[:-1]),
    "newline": rewrite(lambda text: text + b"\n"),
    "garbage": rewrite(lambda text: b"\0\xff garbage"),
    "upper-case": rewrite(lambda text: text.upper()),
    "other-algorithm": rewrite(lambda text: text.replace(b"sha256", b"sha512")),
    "large": rewrite(lambda text: b"x" * (1 << 20)),
    "directory": make_directory,
    "full-directory": make_full_directory,
    "fifo": make_fifo,
    "socket": make_socket,
    "symlink-loop": make_loop,
}


@contextlib.contextmanager
def warnings_about(registry, path):
    """The log lines at level warning or above that name @path, once the block has ended."""
    key = "/" + path.relative_to(registry.root).as_posix()
    before = len(registry.stderr())
    lines = []
    yield lines
    for line in registry.stderr()[before:].splitlines():
        # A message shows the end of a long key; the request's own line does not count.
        if "level=warning" in line or "level=error" in line:
            if key[-100:] in line and "http.response.status" not in line:
                lines.append(line)


def answers(client):
    """Whatever was damaged, the rest works."""
    assert client.get("/v2/").status == 200
    value = image("healthy")
    client.push_image("healthy/image", "v1", value)
    assert client.get_manifest("healthy/image", "v1", SCHEMA2).body == value.manifest
    assert "healthy/image" in client.get("/v2/_catalog?n=1000").json()["repositories"]
