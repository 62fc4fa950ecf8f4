"""Trials and verdicts that tests make up, and what a hang writes."""

from collections.abc import Mapping
from dataclasses import replace

from tests.evidence.measure.processors import Load
from tests.evidence.record.environment import Environment, Wanted
from tests.evidence.record.not_installed import NotInstalled
from tests.evidence.record.store import RECORD, Record
from tests.evidence.record.trials import Trial
from tests.evidence.record.verdicts import Verdict

TRIAL = Trial(
    file="threads/share_one_client",
    program="0" * 12,
    job="0" * 12,
    environment=Environment.here("fork"),
    process="new",
    outcome="ok",
    seconds=1.5,
    load=0.5,
    date="2026-11-26T16:24:48.123Z",
)
"""Of a program that is not today's."""
WANTED = Wanted("3.11", "1.48.2")
REFUSED = NotInstalled("3.11", "1.48.2", "newest", "no wheel", "2026-11-26")
"""What became of WANTED."""
HANG = """\
I0000 fork_posix.cc:71] Other threads are currently calling into gRPC
Current thread 0x01 (most recent call first):
  File "multiprocessing/pool.py", line 1 in parent
Thread 0x02 (most recent call first):
  File "grpc/_channel.py", line 2 in a_thread_of_the_parent
Current thread 0x03 (most recent call first):
  File "multiprocessing/queues.py", line 3 in get
  File "multiprocessing/process.py", line 3 in an_idle_worker
Current thread 0x04 (most recent call first):
  File "grpc/_channel.py", line 4 in _blocking
  File "multiprocessing/process.py", line 4 in a_worker
Current thread 0x05 (most recent call first):
  File "grpc/_channel.py", line 5 in _blocking
  File "multiprocessing/process.py", line 5 in another_worker
"""


def idle() -> Load:
    """Make a load that is none: what else computes beside the tests has no say in them."""
    return Load(lambda: 0.0)


def of_today(trial: Trial, record: Record = RECORD) -> Trial:
    """Return the trial as one of today's program with today's job."""
    program, job = record.identity(trial.file)
    return replace(trial, program=program, job=job)


def made(trial: Trial, outcomes: Mapping[str, int]) -> tuple[Trial, ...]:
    """Return the trial so many times with each outcome; `raises_X` stands for `raises X`."""
    return tuple(
        replace(trial, outcome=name.replace("_", " "))
        for name, number in outcomes.items()
        for _ in range(number)
    )


def counted(**outcomes: int) -> Verdict:
    """Make a verdict of so many trials of each outcome; `raises_X` stands for `raises X`."""
    return Verdict("processes/a_broken", made(TRIAL, outcomes))
