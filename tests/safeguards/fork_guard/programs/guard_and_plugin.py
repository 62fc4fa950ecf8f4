"""Runs a suite with the guard and the pytest plugin.

Usage: guard_and_plugin.py SUITE
"""

import sys

import pytest

from recipes.safeguards import fork_guard
from tests.safeguards.attacks import say

fork_guard.install()
options = ["-q", "-p", "recipes.safeguards.pytest_fork_safety", "-p", "no:cacheprovider"]
say("pytest", pytest.ExitCode(pytest.main([*options, *sys.argv[1:]])).name)
