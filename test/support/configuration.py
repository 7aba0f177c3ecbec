# SPDX-License-Identifier: Apache-2.0
"""Configurations from dotted keys, and what `registry config` makes of them.

    path = write(tmp_path, settings({"http.prefix": "/x", "health.file.file": "/run/y"}))
    show(path, REGISTRY_LOG_LEVEL="warn")["log.level"] == ("warn", "REGISTRY_LOG_LEVEL")
"""
import re
import subprocess

import yaml
from support.registry import binary, clean_environment, put

MASK = "********"  # in the place of a secret
ITEM_LISTS = ("health.file", "health.http", "health.tcp", "middleware.storage")


def run(*arguments, **variables):
    """The program, with no variables of its own but @variables."""
    return subprocess.run([str(binary()), *map(str, arguments)], env=clean_environment(**variables),
                          capture_output=True, stdin=subprocess.DEVNULL, text=True, timeout=300, check=False)


def keys_of_reference():
    """key -> (kind, state, variable), of the manual that the program prints."""
    rows = re.findall(
        r"^\| `([a-z0-9.]+)` \| ([^|]+) \| [^|]+ \| ([^|]+) \| `([^`]+)` \|",
        run("config", "reference").stdout, re.MULTILINE,
    )
    return {key: (kind, state, variable) for key, kind, state, variable in rows}


def in_list(key):
    """health.http.uri as health.http.0.uri."""
    for prefix in ITEM_LISTS:
        if key.startswith(prefix + ".") and not key[len(prefix) + 1].isdigit():
            return f"{prefix}.0{key[len(prefix):]}"
    return key


def settings(*parts):
    """A configuration of dotted keys; None takes a key away. In memory unless they say more."""
    flat = {"version": 0.1, "storage.inmemory": {}}
    for part in parts:
        flat.update(part)
    if flat["storage.inmemory"] is None:
        del flat["storage.inmemory"]
    config = {}
    for key, value in flat.items():
        put(config, in_list(key), value)
    return config


def write(folder, config):
    path = folder / "config.yml"
    path.write_text(yaml.safe_dump(config, sort_keys=False))
    return path


def shown(text):
    """key -> (value, origin), of what `config show` printed; lists of sections as health.http.0.x."""
    values, stack, positions = {}, [], {}
    for line in text.splitlines():
        indent = len(line) - len(line.lstrip(" "))
        line = line.strip()
        if line.startswith("- "):
            stack = [entry for entry in stack if entry[0] < indent]
            name = ".".join(key for _, key in stack)
            positions[name] = positions.get(name, -1) + 1
            stack.append((indent, str(positions[name])))
            indent, line = indent + 2, line[2:]
        stack = [entry for entry in stack if entry[0] < indent]
        key, _, rest = line.partition(":")
        stack.append((indent, key))
        value, _, origin = rest.rpartition(" # ")
        if origin and value.strip():
            values[".".join(key for _, key in stack)] = (yaml.safe_load(value), origin)
    return values


def show(path, **variables):
    done = run("config", "show", path, **variables)
    assert done.returncode == 0, done.stderr
    return shown(done.stdout)
