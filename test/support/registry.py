# SPDX-License-Identifier: Apache-2.0
"""A registry process under test: configuration, start, stop, and what the kernel says of it.

    with Registry(tmp_path) as registry:
        registry.client().get("/v2/")

The binary is build/dev/cmd/registry/registry or what KIST_REGISTRY names. A binary called
docker-registry is taken for upstream's, whose way to stop is another.
"""
import contextlib
import ctypes
import json
import os
import pathlib
import re
import resource
import signal
import socket
import subprocess
import time

from support.client import TIMEOUT_S, Client, Connection

ROOT = pathlib.Path(__file__).resolve().parents[2]
SECRET = "asecretforlocaldevelopment"

_LISTENING = re.compile(r"listening on [^\s\"]*?:(\d+)")
_FAULTS = re.compile(
    r"AddressSanitizer|LeakSanitizer|ThreadSanitizer|UndefinedBehaviorSanitizer|runtime error:"
    r"|Assertion .* failed|^panic:",
    re.MULTILINE,
)
_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


def binary():
    default = ROOT / "build/dev/cmd/registry/registry"
    return pathlib.Path(os.environ.get("KIST_REGISTRY") or default)


def is_upstream(program=None):
    return (program or binary()).name == "docker-registry"


def wait_until(condition, timeout=TIMEOUT_S, what="condition"):
    """Polls until @condition() is true and returns its value; the deadline is an assertion."""
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, f"not within {timeout} s: {what}"
        time.sleep(0.005)


def _yaml(value, indent):
    """Block YAML of nested dicts, lists and scalars, as an operator would write it."""
    pad = "  " * indent
    if isinstance(value, dict):
        lines = []
        for key, item in value.items():
            if isinstance(item, (dict, list)) and item:
                lines += [f"{pad}{key}:", _yaml(item, indent + 1)]
            else:
                lines.append(f"{pad}{key}: {json.dumps(item)}")
        return "\n".join(lines)
    return "\n".join(f"{pad}- {json.dumps(item)}" for item in value)


def put(config, dotted, value):
    """Sets a.b.0.c; numbers are positions in lists."""
    parts = [int(part) if part.isdigit() else part for part in dotted.split(".")]
    for part, after in zip(parts, parts[1:]):
        fresh = [] if isinstance(after, int) else {}
        if isinstance(part, int):
            if len(config) == part:
                config.append(fresh)
        elif config.get(part) is None:
            config[part] = fresh
        config = config[part]
    config[parts[-1]] = value


def clean_environment(**variables):
    """That of the tests without what would configure a registry, and with @variables."""
    kept = {k: v for k, v in os.environ.items() if not k.upper().startswith("REGISTRY_")}
    return kept | variables


class Registry:
    """One process with one storage directory and one configuration file of its own."""

    def __init__(self, directory, storage="filesystem", root=None, settings=None, fd_limit=None,
                 program=None, environment=None, before=(),
                 inherit=()):
        """
        directory  a Path of this registry alone: configuration, logs, storage
        storage    "filesystem" or "inmemory"
        root       storage directory; another registry's `root` to share it
        settings   {"http.relativeurls": True, ...}: added to the configuration
        fd_limit   soft and hard limit of open files
        program    another binary than binary()
        environment  {"REGISTRY_LOG_LEVEL": "info", ...}: variables of the process
        before     a command that runs the program, such as ("nice",)
        inherit    sockets that the process gets under their own numbers
        """
        self.program = pathlib.Path(program) if program else binary()
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.storage = storage
        self.root = pathlib.Path(root) if root else self.directory / "root"
        self.fd_limit = fd_limit
        self.environment = dict(environment or {})
        self.before = [str(part) for part in before]
        self.inherit = list(inherit)
        self.port = 0
        self.process = None
        self.config_path = self.directory / "config.yml"
        self.stderr_path = self.directory / "stderr.log"
        self.stdout_path = self.directory / "stdout.log"
        self._stderr_start = 0
        self.config = {"version": 0.1, "log": {"level": "debug"}, "storage": {}, "http": {}}
        if storage == "filesystem":
            put(self.config, "storage.filesystem.rootdirectory", str(self.root))
        else:
            put(self.config, f"storage.{storage}", {})
        put(self.config, "storage.delete.enabled", True)
        put(self.config, "http.secret", SECRET)
        for key, value in (settings or {}).items():
            put(self.config, key, value)
        self.secret = self.config["http"]["secret"]

    # ---- life -----------------------------------------------------------------------------------

    def start(self):
        """Starts on a free port, or again on the port it had; returns once it accepts."""
        self.config["http"]["addr"] = f"127.0.0.1:{self.port}"
        self._spawn()
        self.port = int(wait_until(self._announced_port, TIMEOUT_S, "the server listens"))
        with socket.create_connection(self.address, timeout=TIMEOUT_S):
            pass
        return self

    def _spawn(self):
        self.write_config()
        self._stderr_start = self.stderr_path.stat().st_size if self.stderr_path.exists() else 0
        with open(self.stdout_path, "ab") as out, open(self.stderr_path, "ab") as err:
            self.process = subprocess.Popen(
                [*self.before, str(self.program), "serve", str(self.config_path)],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                env=self._environment(),
                pass_fds=[socket.fileno() for socket in self.inherit],
                preexec_fn=self._before_exec,
            )

    def write_config(self):
        self.config_path.write_text(_yaml(self.config, 0) + "\n")

    def _environment(self):
        return {"UBSAN_OPTIONS": "print_stacktrace=1"} | clean_environment(**self.environment)

    def _before_exec(self):
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if self.fd_limit:
            resource.setrlimit(resource.RLIMIT_NOFILE, (self.fd_limit, self.fd_limit))

    def _announced_port(self):
        found = _LISTENING.search(self.stderr())
        if not found and self.process.poll() is not None:
            status = self.process.returncode
            raise AssertionError(f"the server ended with {status}:\n{self.stderr()}")
        return found and found.group(1)

    def is_running(self):
        return self.process is not None and self.process.poll() is None

    def signal(self, number):
        self.process.send_signal(number)

    def wait(self, timeout=TIMEOUT_S):
        """Waits for the end and returns the exit status (negative: the signal)."""
        status = self.process.wait(timeout)
        self.process = None
        return status

    def stop(self):
        """SIGTERM; a clean end is part of every test."""
        if self.process is None:
            return
        if self.is_running():
            self.signal(signal.SIGTERM)
        try:
            status = self.wait()
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"SIGTERM did not end the server:\n{self.stderr()[-4000:]}")
        wanted = (0, -signal.SIGTERM) if is_upstream(self.program) else (0,)
        assert status in wanted, f"the server ended with {status}:\n{self.stderr()[-8000:]}"
        self.assert_no_faults()

    def kill(self):
        if self.process is not None:
            self.signal(signal.SIGKILL)
            self.wait()
            self.assert_no_faults()

    def restart(self):
        self.stop()
        return self.start()

    def assert_no_faults(self):
        text = self.stderr()
        assert not _FAULTS.search(text), text[-12000:]

    def __enter__(self):
        return self.start()

    def __exit__(self, kind, value, trace):
        if kind is None:
            self.stop()
        else:
            with contextlib.suppress(AssertionError):
                self.stop()

    # ---- talking to it --------------------------------------------------------------------------

    @property
    def address(self):
        return ("127.0.0.1", self.port)

    def client(self, **options):
        return Client(self.address, **options)

    @contextlib.contextmanager
    def surviving_client(self, **options):
        """A client; what it does must not have ended the server."""
        with self.client(**options) as client:
            yield client
        assert self.is_running(), f"the server ended:\n{self.stderr()[-8000:]}"

    def connect(self, **options):
        return Connection(self.address, **options)

    # ---- what it wrote --------------------------------------------------------------------------

    def stderr(self):
        """What this start of the process wrote to its log."""
        if not self.stderr_path.exists():
            return ""
        with open(self.stderr_path, "rb") as file:
            file.seek(self._stderr_start)
            return file.read().decode("utf-8", "replace")

    def stdout(self):
        return self.stdout_path.read_text("utf-8", "replace")

    def repository_path(self, name):
        return self.root / "docker/registry/v2/repositories" / name

    def blob_path(self, digest):
        algorithm, text = digest.split(":")
        return self.root / "docker/registry/v2/blobs" / algorithm / text[:2] / text / "data"

    # ---- what the kernel says -------------------------------------------------------------------

    def pids(self):
        """The process and the processes it has forked."""
        found = [self.process.pid]
        for pid in found:
            for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
                found += [int(child) for child in (task / "children").read_text().split()]
        return found

    def _status(self, key):
        total = 0
        for pid in self.pids():
            text = pathlib.Path(f"/proc/{pid}/status").read_text()
            total += int(re.search(rf"^{key}:\s+(\d+)", text, re.MULTILINE).group(1))
        return total

    def vmhwm(self):
        """Peak resident size in bytes."""
        return self._status("VmHWM") * 1024

    def vmrss(self):
        return self._status("VmRSS") * 1024

    def thread_count(self):
        return self._status("Threads")

    def fd_count(self):
        return sum(len(os.listdir(f"/proc/{pid}/fd")) for pid in self.pids())

    def cpu_seconds(self):
        ticks = 0
        for pid in self.pids():
            fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
        return ticks / os.sysconf("SC_CLK_TCK")

    def bytes_read(self):
        """Bytes the processes have read by read-like calls, from sockets and files alike."""
        total = 0
        for pid in self.pids():
            text = pathlib.Path(f"/proc/{pid}/io").read_text()
            total += int(re.search(r"^rchar: (\d+)", text, re.MULTILINE).group(1))
        return total
