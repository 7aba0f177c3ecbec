# SPDX-License-Identifier: Apache-2.0
"""SIGHUP, and what the server says when it has read its configuration again."""
import signal

from support.registry import wait_until

DONE = "the configuration has been read again"


def reload(registry, text=None, says=DONE, **settings):
    """Writes the configuration (or @text) and waits until the server has read it."""
    for key, value in settings.items():
        parents = key.split("__")
        section = registry.config
        for parent in parents[:-1]:
            section = section.setdefault(parent, {})
        section[parents[-1]] = value
    if text is None:
        registry.write_config()
    else:
        registry.config_path.write_text(text)
    before = registry.stderr().count(says)
    registry.signal(signal.SIGHUP)
    wait_until(lambda: registry.stderr().count(says) > before, what=says)
