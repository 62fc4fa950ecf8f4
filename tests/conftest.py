"""What all tests share."""

import os
import signal
import sys
from hashlib import sha256

import pytest

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # so a shell starts its background jobs, and what a test starts and interrupts would be, too
    signal.signal(signal.SIGINT, signal.default_int_handler)
if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # and so does nohup

if sys.version_info < (3, 11):
    # said by Google's packages of a Python that they no longer support, in each program
    ignored = "ignore:You are using a non-supported Python version:FutureWarning"
    os.environ.setdefault("PYTHONWARNINGS", ignored)

pytest_plugins = [
    "recipes.testing.local_iam.pytest_plugin",
    "tests.blocks.plugin",
    "tests.support.admission",
    "tests.support.built_site",
    "tests.support.recipes",
]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark what the book runs: each block of a page, each recipe and each broken twin.

    In parallel, files are mixed: the tests of one folder wait alike or compute alike, and together
    they would leave the processors idle, or have too little of them.
    """
    for item in items:
        if {"block", "page", "stands"} & {*getattr(item, "fixturenames", ())}:
            item.add_marker("book")
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: sha256(item.location[0].encode()).digest())
