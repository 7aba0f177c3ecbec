# SPDX-License-Identifier: Apache-2.0
"""A server whose Nth step on the storage goes wrong: steps.c, preloaded.

    steps = Steps(tmp_path)
    with steps.preloaded():
        registry.start()
    steps.arm(7)                       # killed before the seventh step from now on
    steps.arm(7, errno.EIO)            # which fails instead

A step is a call that changes files: making, writing, fsync, rename, unlink, mkdir, truncate.
"""
import contextlib
import mmap
import os
import pathlib
import re
import struct
import subprocess

from support.registry import binary

ROOT = pathlib.Path(__file__).resolve().parents[2]


def build(directory):
    """Compiles steps.c and returns the library's path."""
    library = pathlib.Path(directory) / "steps.so"
    subprocess.run(
        ["cc", "-std=c11", "-D_GNU_SOURCE", "-O1", "-shared", "-fPIC", f"-I{ROOT}",
         str(ROOT / "test/support/steps.c"), "-o", str(library), "-ldl"],
        check=True,
    )
    return library


def _sanitizer():
    """The sanitizer's library that the server is linked with: it must be loaded before any other."""
    listing = subprocess.run(["ldd", str(binary())], capture_output=True, text=True, check=False)
    return re.findall(r"=> (\S+/lib[at]san\S*)", listing.stdout)


class Steps:
    def __init__(self, directory, library):
        self.library = library
        self.control_path = pathlib.Path(directory) / "steps.control"
        self.log_path = pathlib.Path(directory) / "steps.log"
        self.control_path.write_bytes(bytes(16))
        self.log_path.write_bytes(b"")
        with open(self.control_path, "r+b") as file:
            self._control = mmap.mmap(file.fileno(), 16)

    @contextlib.contextmanager
    def preloaded(self):
        """Servers started inside are counted."""
        added = {
            "LD_PRELOAD": " ".join([*_sanitizer(), str(self.library)]),
            "KIST_STEPS": str(self.control_path),
            "KIST_STEPS_LOG": str(self.log_path),
        }
        before = {name: os.environ.get(name) for name in added}
        os.environ.update(added)
        try:
            yield self
        finally:
            for name, value in before.items():
                if value is None:
                    del os.environ[name]
                else:
                    os.environ[name] = value

    def arm(self, nth, error=0, sticky=False):
        """Counts from one again; the @nth step goes wrong, none for 0."""
        self._control[:16] = struct.pack("iiii", nth, 0, error, sticky)

    @property
    def count(self):
        return struct.unpack("iiii", self._control[:16])[1]

    @property
    def has_fired(self):
        armed, count, _, _ = struct.unpack("iiii", self._control[:16])
        return 0 < armed <= count

    def log(self):
        """The steps that succeeded: (verb, path) or ("rename", path, path)."""
        return [tuple(line.split(" ")) for line in self.log_path.read_text().splitlines()]


class PowerLoss:
    """What a power loss would leave undone, after the steps of a log.

    Nothing survives but what an fsync has made to: a file's bytes by the fsync of the file, a name
    (made, replaced or removed) by the fsync of its directory.
    """

    def __init__(self):
        self.files = set()  # with bytes not synced
        self.names = set()  # made, replaced or removed, and not synced
        self.removed = set()

    def apply(self, steps):
        for verb, *paths in steps:
            path = pathlib.PurePath(paths[0].removesuffix(" (deleted)"))
            getattr(self, f"_{verb}")(path, *map(pathlib.PurePath, paths[1:]))
        return self

    def _create(self, path):
        self.files.add(path)
        self.names.add(path)
        self.removed.discard(path)

    def _write(self, path):
        self.files.add(path)

    def _mkdir(self, path):
        self.names.add(path)
        self.removed.discard(path)

    def _unlink(self, path):
        self.files.discard(path)
        self.names.add(path)
        self.removed.add(path)

    def _rename(self, path, to):
        self.names |= {path, to}
        if path in self.files:
            self.files.add(to)
        else:
            self.files.discard(to)
        self.files.discard(path)

    def _fsync(self, path):
        self.files.discard(path)
        gone = {name for name in self.names if name.parent == path and name in self.removed}
        self.names = {
            name
            for name in self.names
            if name.parent != path and gone.isdisjoint(name.parents)
        }

    def undone(self):
        return sorted(map(str, self.files | self.names))
