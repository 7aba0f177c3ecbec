# SPDX-License-Identifier: Apache-2.0
"""The end of `./dev test`: counts per stage, what failed, what could not run here and why.

Reads the JUnit files the runners left in a folder (NAME.xml, with NAME.status beside it). A C test
program counts as the cmocka tests it ran. Exits 1 unless every stage ran and nothing failed.
"""
import collections
import pathlib
import re
import sys
import xml.etree.ElementTree as ElementTree

CMOCKA_PASSED = re.compile(r"\[  PASSED  \] (\d+) test")
CMOCKA_FAILED_NAME = re.compile(r"^\[  FAILED  \] (?!\d)(\S+)", re.MULTILINE)
CMOCKA_SKIPPED_NAME = re.compile(r"^\[  SKIPPED \] (?!\d)(\S+)", re.MULTILINE)


class Stage:
    def __init__(self, name):
        self.name = name
        self.passed = 0
        self.passed_names = set()
        self.failures = []
        self.skips = []  # (test, reason)
        self.seconds = 0.0


def add_c_program(stage, case, output, is_failed):
    """One ctest case: a cmocka program says its own numbers, anything else counts as one."""
    name = case.get("name")
    passed = sum(int(count) for count in CMOCKA_PASSED.findall(output))
    names = sorted(set(CMOCKA_FAILED_NAME.findall(output)))
    stage.passed += passed if passed or names else int(not is_failed)
    stage.failures += [f"{name}: {failed}" for failed in names]
    if is_failed and not names:
        stage.failures.append(name)
    for skipped in sorted(set(CMOCKA_SKIPPED_NAME.findall(output))):
        stage.skips.append((f"{name}: {skipped}", "skipped itself"))


def add_case(stage, case):
    problem = case.find("failure") if case.find("failure") is not None else case.find("error")
    skipped = case.find("skipped")
    output = case.findtext("system-out") or ""
    is_ctest = case.get("status") is not None
    if is_ctest and case.get("status") in ("notrun", "disabled"):
        stage.skips.append((case.get("name"), "ctest did not run it"))
    elif is_ctest:
        add_c_program(stage, case, output, problem is not None)
    elif problem is not None:
        stage.failures.append(f"{case.get('classname')}::{case.get('name')}")
    elif skipped is not None:
        reason = (skipped.get("message") or "no reason given").strip()
        stage.skips.append((f"{case.get('classname')}::{case.get('name')}", reason))
    else:
        stage.passed += 1
        stage.passed_names.add(f"{case.get('classname')}::{case.get('name')}")


def read_stage(status_file):
    stage = Stage(status_file.stem)
    xml = status_file.with_suffix(".xml")
    try:
        root = ElementTree.parse(xml).getroot()
    except (OSError, ElementTree.ParseError) as problem:
        stage.failures.append(f"{stage.name}: left no readable results ({problem})")
        return stage
    for case in root.iter("testcase"):
        add_case(stage, case)
        stage.seconds += float(case.get("time") or 0)
    status = int(status_file.read_text())
    if status != 0 and not stage.failures:
        stage.failures.append(f"{stage.name}: the runner ended with status {status}")
    if stage.passed == 0 and not stage.failures and not stage.skips:
        stage.failures.append(f"{stage.name}: ran no test")
    return stage


def drop_skips_that_passed_elsewhere(stages):
    """A test may need one kind of binary, and run in the stage that has it."""
    passed = set().union(*(stage.passed_names for stage in stages))
    for stage in stages:
        stage.skips = [(test, reason) for test, reason in stage.skips if test not in passed]


def print_skips(stages):
    by_reason = collections.defaultdict(list)
    for stage in stages:
        for test, reason in stage.skips:
            by_reason[(stage.name, reason)].append(test)
    if by_reason:
        print("\nCould not run here:")
    for (stage, reason), tests in sorted(by_reason.items()):
        print(f"  {stage}: {reason}")
        for test in tests[:8]:
            print(f"      {test}")
        if len(tests) > 8:
            print(f"      ... and {len(tests) - 8} more")


def main(folder):
    stages = [read_stage(path) for path in sorted(pathlib.Path(folder).glob("*.status"))]
    drop_skips_that_passed_elsewhere(stages)
    for stage in stages:
        print(
            f"  {stage.name:<16} {stage.passed:5d} passed {len(stage.failures):4d} failed"
            f" {len(stage.skips):4d} could not run {stage.seconds:8.1f} s"
        )
    failures = [failure for stage in stages for failure in stage.failures]
    if failures:
        print("\nFailed:")
    for failure in failures:
        print(f"  {failure}")
    print_skips(stages)
    skip_count = sum(len(stage.skips) for stage in stages)
    passed = sum(stage.passed for stage in stages)
    print(f"\n{passed} passed, {len(failures)} failed, {skip_count} could not run here")
    return 0 if stages and not failures else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
