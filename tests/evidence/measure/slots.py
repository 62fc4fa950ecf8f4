"""A slot makes one trial at a time, with a local IAM and a runner that no other trial uses.

The runner stays at a place, an interpreter with a value of GRPC_ENABLE_FORK_SUPPORT: its process
has imported the clients, and each trial there is a fork of it.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timezone

from recipes.testing.local_iam import LocalIAM
from tests.evidence.measure.interpreters import Interpreter
from tests.evidence.measure.processors import (
    LONGER_LOOK,
    LOOK,
    TOO_MUCH,
    Load,
    wait_for_idle_processors,
)
from tests.evidence.measure.run_job import Done, run_job
from tests.evidence.record.limits import FORKED_KEY_BITS, KEY_BITS
from tests.evidence.record.plan import Variant
from tests.evidence.record.store import Record
from tests.evidence.record.trials import Trial
from tests.runner import ForkRunner, InterpreterRunner, Run, Runner, RunnerError

AGAIN = 3
"""How often a trial under too much load is made again before it is given up."""
Place = tuple[Interpreter, str]
"""Where runs are forked: an interpreter with a value of GRPC_ENABLE_FORK_SUPPORT."""
Todo = tuple[Interpreter, Variant]
"""A cell of which a trial is to be made."""

Tried = tuple[Trial, Run] | RunnerError
"""A trial to store with its run, or why there is none."""


def place_of(todo: Todo) -> Place:
    """Return where the trials of a cell are forked."""
    interpreter, variant = todo
    return interpreter, variant.fork_support


class TooMuchLoadError(RunnerError):
    """The processors were too busy each time, with other work than the trials."""


@dataclass(frozen=True)
class Slots:
    """Opens slots that take turns to start, of one measurement; `load` looks while they run.

    `run` makes a run, and `wait` returns when there is room for one; it is given the seconds of a
    look at the processors.
    """

    record: Record
    load: Load
    forked: bool
    run: Callable[..., Done] = run_job
    wait: Callable[[float], None] = wait_for_idle_processors
    starting: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def open(self) -> Iterator[Callable[[Todo], Tried]]:
        """Yield what tries one cell once."""
        with ExitStack() as stack:
            bits = FORKED_KEY_BITS if self.forked else KEY_BITS
            local_iam = stack.enter_context(LocalIAM(caller_key_bits=bits))
            slot = _Slot(self, local_iam)
            stack.callback(slot.leave)
            yield slot.attempt


class _Slot:
    def __init__(self, slots: Slots, local_iam: LocalIAM) -> None:
        self._slots = slots
        self._local_iam = local_iam
        self._place: Place | None = None
        self._runner: Runner | None = None

    def attempt(self, todo: Todo) -> Tried:
        """Make a trial, again where the processors were too busy with other work."""
        interpreter, variant = todo
        try:
            for _ in range(1 + AGAIN):
                done, load = self._once(interpreter, variant)
                if load <= TOO_MUCH:
                    return trial_of(self._slots.record, todo, done, load), done.run
        except RunnerError as error:
            self.leave()
            return error
        return TooMuchLoadError(
            f"{variant.file}: {load:g} runnable threads for each processor; end what else computes"
        )

    def _once(self, interpreter: Interpreter, variant: Variant) -> tuple[Done, float]:
        self._local_iam.heal()
        place = place_of((interpreter, variant))
        with self._slots.starting:  # what computes most at a start, the imports, is done in turn
            self._slots.wait(LOOK if place == self._place else LONGER_LOOK)
            runner = self._runner_at(place)
        started = time.monotonic()
        done = self._slots.run(
            variant.file,
            self._local_iam,
            runner,
            start_method=variant.start_method,
            fork_support=variant.fork_support,
            book=self._slots.record.book,
        )
        return done, self._slots.load.since(started)

    def _runner_at(self, place: Place) -> Runner:
        if self._runner is None or self._place != place:
            self.leave()
            interpreter, support = place
            variables = {} if support == "unset" else {"GRPC_ENABLE_FORK_SUPPORT": support}
            kind = ForkRunner if self._slots.forked else InterpreterRunner
            self._runner = kind(interpreter.path, environment=variables)
            self._place = place
        return self._runner

    def leave(self) -> None:
        """End the process that runs are forked from."""
        if self._runner is not None:
            self._runner.close()
            self._runner = self._place = None


def trial_of(record: Record, todo: Todo, done: Done, load: float) -> Trial:
    """Return what a run is stored as."""
    interpreter, variant = todo
    identity = record.identity(variant.file)
    return Trial(
        file=variant.file,
        program=identity.program,
        job=identity.job,
        environment=interpreter.environment(variant.start_method, variant.fork_support),
        process="new" if done.run.new_interpreter else "forked",
        outcome=done.outcome,
        seconds=round(done.run.seconds, 2),
        load=load,
        date=now(),
    )


def now() -> str:
    """Return the time in UTC, to the millisecond."""
    time = datetime.now(timezone.utc).isoformat(timespec="milliseconds")
    return time.replace("+00:00", "Z")
