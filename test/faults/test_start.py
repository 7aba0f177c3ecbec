# SPDX-License-Identifier: Apache-2.0
"""Starts that fail, starts that warn, and signals that mean nothing."""
import re
import socket
import subprocess

import pytest
from support.registry import binary, clean_environment, is_upstream

ours = pytest.mark.skipif(is_upstream(), reason="our words")


def serve(config, **variables):
    return subprocess.run(
        [binary().resolve(), "serve", config], env=clean_environment(**variables), timeout=300,
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
    )


def write_config(directory, *lines):
    path = directory / "config.yml"
    path.write_text("\n".join(["version: 0.1", *lines]) + "\n", encoding="utf-8")
    return path


def messages(text):
    return re.findall(r'level=(\w+) msg="((?:[^"\\]|\\.)*)"', text)


def test_a_port_in_use_ends_the_start(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        addr = "127.0.0.1:%d" % taken.getsockname()[1]
        config = write_config(tmp_path, "storage: inmemory", "http:", f"  addr: {addr}")
        done = serve(config)
    assert done.returncode == 1
    assert f"listen tcp {addr}: bind: address already in use" in done.stderr.lower()
    assert done.stdout == ""


@ours
def test_a_root_that_cannot_be_made_ends_the_start(tmp_path):
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    config = write_config(tmp_path, "storage:", "  filesystem:",
                          f"    rootdirectory: {tmp_path}/file/root", "http: {addr: 127.0.0.1:0}")
    done = serve(config)
    assert done.returncode == 1
    level, message = messages(done.stderr)[-1]
    assert level == "error"
    assert message.startswith("storage driver filesystem: ")
    assert f"{tmp_path}/file/root" in message


@ours
def test_a_broken_configuration_ends_the_start_before_anything_else(tmp_path):
    config = write_config(tmp_path, "storage:", "  filesystem:",
                          f"    rootdirectory: {tmp_path}/root", "http: {adr: 127.0.0.1:0}")
    done = serve(config)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (f"configuration error: error parsing {config}: line 5: "
                           "unknown key http.adr; did you mean http.addr?\n")
    assert not (tmp_path / "root").exists()


def test_without_a_secret_the_start_warns(start_registry):
    registry = start_registry(settings={"http.secret": ""})
    warnings = [text for level, text in messages(registry.stderr()) if level == "warning"]
    assert any(text.startswith("No HTTP secret provided - generated random secret.")
               for text in warnings)


def test_with_a_secret_it_does_not(start_registry):
    registry = start_registry()
    assert "No HTTP secret" not in registry.stderr()


def test_the_start_says_where_it_listens(start_registry):
    registry = start_registry(settings={"log.fields": {"service": "registry"}})
    line = next(l for l in registry.stderr().splitlines() if "listening on" in l)
    assert f'msg="listening on 127.0.0.1:{registry.port}"' in line
    assert "service=registry" in line
    assert re.search(r"instance\.id=[0-9a-f]{8}-[0-9a-f]{4}-4", line)
    assert "version=" in line


@ours
def test_keys_without_effect_are_noted(start_registry):
    registry = start_registry(settings={"http.http2.disabled": False})
    assert any(level == "info" and text.startswith("http.http2.disabled is accepted, without effect")
               for level, text in messages(registry.stderr()))
