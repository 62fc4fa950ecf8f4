"""Forks that tests store, count and draw."""

import sys
from datetime import datetime, timezone
from pathlib import Path

from tests.evidence.fork_matrix.forker import Machine
from tests.evidence.fork_matrix.situations import Situation
from tests.evidence.fork_matrix.trials import PROBE, ForkTrial, fork_environment
from tests.evidence.measure.interpreters import Interpreter
from tests.evidence.record.environment import Environment
from tests.evidence.record.identity import program_of
from tests.evidence.record.not_installed import NotInstalled

_ITS = Environment.here("fork")
HERE = Interpreter(Path(sys.executable), _ITS.python, _ITS.grpcio, _ITS.google_cloud_iam)
"""The interpreter that runs the tests."""
HANG = ForkTrial(
    probe=program_of(PROBE),
    environment=fork_environment("3.10.1", "1.85.1", "2.27.0", "unset", "Linux"),
    situation=Situation("busy", "reuse"),
    child_outcome="hang",
    child_error="",
    parent_outcome="ok",
    parent_error="",
    calls=12,
    errors=0,
    fork_seconds=0.002,
    load=1.5,
    date="2026-11-24T16:24:48.123Z",
)
REFUSED = NotInstalled("3.11", "1.48.2", "newest", "no wheel", "2026-11-24")
_NOON = datetime(2026, 11, 24, 12, 30, 1, 5000, timezone.utc)
QUIET = Machine(wait=lambda: None, load_since=lambda started: 0.5, now=lambda: _NOON)
"""A machine that has nothing else to do, at noon."""
