"""Jobs of the chapter on safeguards."""

import os

from tests.evidence.jobs.base import Job
from tests.evidence.jobs.busy import BUSY

SUITE = (
    *("-c", os.devnull, "--noconftest", "-p", "no:cacheprovider", "-p", "no:terminal"),
    *("-s", "tests/safeguards/suite_of_mints.py"),
)
"""Arguments of pytest."""

JOBS = {
    "fork_while_calling": BUSY,
    "refuse_inherited_client": BUSY,
    "pytest_fork_safety": Job(argv=SUITE),
}
