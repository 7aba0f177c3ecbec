# SPDX-License-Identifier: Apache-2.0
import pytest


@pytest.fixture(scope="session", autouse=True)
def _binary():
    """These tests read the tree; nothing has to be built."""
