"""The job of programs whose broken twins fork while eight threads call without a pause.

At first a call takes what it takes at a real service, so that callers wait and do not compute.
When all that these programs fork is forked, later calls only cost those who wait for a hang.
"""

from tests.evidence.jobs.base import Job, fault

BUSY_SECONDS = 5.0
FAULTS = (fault("slow", 0.2),)
LATER = (BUSY_SECONDS, fault("slow", 2))
BUSY = Job(faults=FAULTS, later=LATER)
