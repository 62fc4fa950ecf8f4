"""The outcome of one run, in the words that pages, tests and evidence share.

A process says only how it ended. That a recipe has lost an input, or that a crash is the crash of
the parent that forked, is judged here, from the answers that it printed and from what it is.
"""

import os
import re
import signal
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NamedTuple, cast

Kind = Literal["ok", "raises", "hang", "crash", "parent crash", "lost"]

_WORDS = re.compile(r"(ok|hang|lost)|(raises) ([A-Za-z_]\w*)|(crash|parent crash) (SIG[A-Z0-9+]+)")


@dataclass(frozen=True)
class Outcome:
    """What one run did; `detail` is the exception's class name or the signal's name."""

    kind: Kind
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.kind} {self.detail}".strip()

    @classmethod
    def parse(cls, text: str) -> "Outcome":
        """Read what `str(outcome)` wrote; ValueError says which outcomes there are."""
        match = _WORDS.fullmatch(text)
        if match is None:
            raise ValueError(
                f"{text!r} is no outcome; write one of: ok, raises TYPE, hang, "
                "crash SIGNAL, parent crash SIGNAL, lost"
            )
        kind, *detail = (word for word in match.groups() if word)
        return cls(cast(Kind, kind), *detail)


class Argument(NamedTuple):
    """One printed value as text, and whether it was a string."""

    text: str
    is_str: bool


class Printed(NamedTuple):
    """One call of `print` by the script's own process: its line, counted from 1, and its values."""

    line: int
    sep: str
    args: list[Argument]


@dataclass(frozen=True)
class Run:
    """One run that is over: nothing of it is running any more.

    `seconds` is wall-clock time until the main process ended, or the deadline.
    `left_behind` holds the command lines of processes that outlived the main one and were killed.
    `printed` is empty unless prints were recorded.
    `new_interpreter` is False when the run was forked from a process that had imported the clients.
    """

    script: Path
    outcome: Outcome
    stdout: str
    stderr: str
    seconds: float
    printed: list[Printed] = field(default_factory=list)
    left_behind: list[str] = field(default_factory=list)
    new_interpreter: bool = False


def outcome_of_process(status: int, raised: str | None) -> Outcome:
    """Return the outcome of a process that ended with a wait status, after raising or not."""
    code = os.waitstatus_to_exitcode(status)
    if code < 0:
        return Outcome("crash", signal_name(-code))
    if raised is not None:
        return Outcome("raises", raised)
    return Outcome("ok") if code == 0 else Outcome("raises", "SystemExit")


def outcome_of_recipe(
    run: Run, inputs: Iterable[str], failing: Iterable[str] = (), *, forks: bool
) -> Outcome:
    r"""Return the outcome of a recipe that prints a line `INPUT\tRESULT` for each input.

    A recipe that ends by itself with an input missing or answered twice has `lost`.
    Of inputs that are failing it prints a line on the standard error, and ends with exit code 1.
    A main process that dies by a signal is a `parent crash` where it `forks`.
    """
    outcome = run.outcome
    if outcome.kind == "crash" and forks:
        return Outcome("parent crash", outcome.detail)
    ended = outcome in (Outcome("ok"), Outcome("raises", "SystemExit"))
    answered = Counter(name for name, _ in answers(run.stdout))
    if ended and answered != Counter(set(inputs)):
        return Outcome("lost")
    if failing and ended:
        named = Counter(name for name, _ in answers(run.stderr))
        reported = outcome.kind == "raises" and named == Counter(set(failing))
        return Outcome("ok" if reported else "lost")
    return outcome


def answers(text: str) -> list[tuple[str, str]]:
    r"""Return input and result of each line `INPUT\tRESULT`; other lines are somebody else's."""
    parts = (line.partition("\t") for line in text.splitlines())
    return [(name, result) for name, tab, result in parts if tab]


def signal_name(number: int) -> str:
    """Return a signal's name, of which real-time signals have none of their own."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"SIGRTMIN+{number - signal.SIGRTMIN}"
