# SPDX-License-Identifier: Apache-2.0
"""What the program prints, word for word. KIST_GOLDEN=write writes the files anew; read the diff."""
import os
import pathlib
import re
import subprocess

import pytest
import yaml
from support.registry import ROOT, binary, clean_environment, is_upstream

HERE = pathlib.Path(__file__).resolve().parent
BROKEN = sorted((HERE / "broken").glob("*.yml"))
STOCK = HERE / "stock.yml"

pytestmark = pytest.mark.skipif(is_upstream(), reason="upstream prints other words")


def run(*arguments, cwd=None, **variables):
    return subprocess.run(
        ["registry", *map(str, arguments)], executable=binary().resolve(), cwd=cwd,
        env=clean_environment(**variables), stdin=subprocess.DEVNULL, capture_output=True, text=True,
        timeout=300, check=False,
    )


def same_as(path, text):
    if os.environ.get("KIST_GOLDEN") == "write":
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


# ---- help and versions ----


@pytest.mark.parametrize("command", ["serve", "config", "version", "help"])
def test_help_of_a_command(command):
    done = run("help", command)
    assert (done.returncode, done.stderr) == (0, "")
    same_as(HERE / f"help-{command}.txt", done.stdout)


def test_help_and_no_arguments_print_the_same_usage():
    done = run("--help")
    assert (done.returncode, done.stderr) == (0, "")
    same_as(HERE / "help.txt", done.stdout)
    assert run("help").stdout == done.stdout
    assert run("-h").stdout == done.stdout
    nothing = run()
    assert (nothing.returncode, nothing.stdout, nothing.stderr) == (0, "", done.stdout)


@pytest.mark.parametrize("flag", ["--help", "-h"])
@pytest.mark.parametrize("command", ["serve", "config"])
def test_a_command_explains_itself(command, flag):
    done = run(command, flag)
    assert (done.returncode, done.stdout) == (0, run("help", command).stdout)


@pytest.mark.parametrize("arguments", [["--version"], ["-v"], ["version"]])
def test_version(arguments):
    done = run(*arguments)
    assert done.returncode == 0
    program, name, number = done.stdout.rstrip("\n").split(" ")
    assert (program, name) == ("registry", "kist")
    assert all(part.isdigit() for part in number.split("."))


@pytest.mark.parametrize(
    "arguments, said",
    [
        (["nosuch"], "Error: unknown command: nosuch\nRun 'registry help' for usage.\n"),
        (["--nosuch"], "Error: unknown flag: --nosuch\nRun 'registry help' for usage.\n"),
        (["serve", "--nosuch"], "Error: unknown flag: --nosuch\nRun 'registry help' for usage.\n"),
        (["serve", "a", "b"], "Error: unknown argument: b\nRun 'registry help' for usage.\n"),
        (["config", "nosuch"], "Error: unknown argument: nosuch\nRun 'registry help' for usage.\n"),
        (["help", "nosuch"], "Error: unknown command: nosuch\nRun 'registry help' for usage.\n"),
        (
            ["serve", "/nowhere/config.yml"],
            "configuration error: open /nowhere/config.yml: no such file or directory\n",
        ),
    ],
)
def test_a_call_that_makes_no_sense(arguments, said):
    done = run(*arguments)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", said)


# ---- what the table prints ----


def test_the_example_file_is_what_the_table_prints():
    done = run("config", "example")
    assert (done.returncode, done.stderr) == (0, "")
    same_as(ROOT / "config.yml.example", done.stdout)


def test_the_manual_of_all_keys_is_what_the_table_prints():
    done = run("config", "reference")
    assert (done.returncode, done.stderr) == (0, "")
    same_as(ROOT / "docs/configuration.md", done.stdout)


def test_the_example_file_is_good():
    done = run("config", "check", "config.yml.example", cwd=ROOT)
    assert (done.returncode, done.stdout, done.stderr) == (0, "config.yml.example: good\n", "")


def test_the_stock_file_is_good_and_says_what_has_no_effect():
    done = run("config", "check", STOCK.name, cwd=HERE)
    assert (done.returncode, done.stdout) == (0, "stock.yml: good\n")
    same_as(HERE / "stock.notes.txt", done.stderr)


def test_the_effective_configuration_tells_values_and_origins():
    done = run(
        "config", "show", STOCK.name, cwd=HERE, REGISTRY_HTTP_ADDR=":5001",
        REGISTRY_HTTP_SECRET="hunter2", REGISTRY_STORAGE_DELETE_ENABLED="true",
    )
    assert (done.returncode, done.stderr) == (0, "")
    same_as(HERE / "stock.show.txt", done.stdout)
    shown = yaml.safe_load(done.stdout)
    assert shown["http"]["addr"] == ":5001"
    assert shown["storage"]["delete"]["enabled"] is True


def test_the_path_may_come_from_the_environment():
    done = run("config", "check", REGISTRY_CONFIGURATION_PATH=str(STOCK))
    assert (done.returncode, done.stdout) == (0, f"{STOCK}: good\n")


# ---- broken configurations: lines "# REGISTRY_X=y" at the start are the environment ----


def variables_of(path):
    lines = path.read_text(encoding="utf-8").splitlines()
    pairs = [line[2:].split("=", 1) for line in lines if line.startswith("# REGISTRY_")]
    return dict(pairs)


def test_there_are_broken_configurations():
    assert len(BROKEN) >= 10


@pytest.mark.parametrize("path", BROKEN, ids=lambda path: path.stem)
def test_broken_configuration(path):
    variables = variables_of(path)
    done = run("serve", path.name, cwd=path.parent, **variables)
    assert (done.returncode, done.stdout) == (1, "")
    same_as(path.with_suffix(".txt"), re.sub('time="[^"]*"', 'time="..."', done.stderr))
    checked = run("config", "check", path.name, cwd=path.parent, **variables)
    assert (checked.returncode, checked.stdout) == (1, "")
    assert checked.stderr.splitlines()[-1] == done.stderr.splitlines()[-1]
