# SPDX-License-Identifier: Apache-2.0
"""Tests of what has a fixed time of its own, on machines that may not give it.

    at_pace(attempt, within=2.5)

A test that can do without a time does; what remains are constants of the server that nobody sets."""
import threading
import time

import pytest

from support.registry import wait_until

REST_S = 1.0
TICK_S = 0.01
ATTEMPTS = 8


class Pace:
    """How this machine treats a thread that wants to run a hundred times a second."""

    def __init__(self):
        self.longest = 0.0  # seconds it was late
        self._late = 0.0
        self._began = time.monotonic()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._tick, daemon=True)
        self._thread.start()

    def _tick(self):
        while not self._ended.is_set():
            began = time.monotonic()
            self._ended.wait(TICK_S)
            late = time.monotonic() - began - TICK_S
            self.longest = max(self.longest, late)
            self._late += late

    def end(self, within):
        """Whether it got most of the time, and never had to wait for a fair part of @within seconds."""
        self._ended.set()
        self._thread.join()
        return self.longest < within / 4 and self._late < (time.monotonic() - self._began) / 3


def at_pace(attempt, within):
    """attempt(number); a failure counts if the machine has kept pace meanwhile, else it is made
    again. On a machine that never does so the test says that it cannot tell."""
    for number in range(ATTEMPTS):
        pace = Pace()
        try:
            return attempt(number)
        except Exception:  # of any kind: what comes too late breaks anything
            if pace.end(within):
                raise
        finally:
            pace.end(within)
    pytest.skip(f"this machine is too busy to tell what takes {within} s")


def wait_until_it_rests(registry):
    """Until the server uses next to no CPU for a second; what it had to do before may take its time."""

    def rests():
        before = registry.cpu_seconds()
        time.sleep(REST_S)
        return registry.cpu_seconds() - before < REST_S / 3

    wait_until(rests, what="the server rests")
