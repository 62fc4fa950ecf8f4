"""The parts of a job, which describe themselves.

The description is what a trial is identified by: whatever a program could notice stands in it, and
nothing that differs between two machines.
"""

import hashlib
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, fields, replace
from pathlib import Path
from threading import Timer
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from recipes.testing.local_iam import LocalIAM

DIGITS = 12
LARGE = 512 * 1024**2
"""Bytes of a file that takes longer to read than a worker is given."""
NUMBER_OF_ACCOUNTS = 20
"""Of the local IAM that a job is done against."""


@dataclass(frozen=True)
class Fault:
    """What the local IAM is told to do to its callers: `Fault("slow", 0.2)` calls `slow(0.2)`."""

    action: str
    value: float
    options: tuple[tuple[str, object], ...] = ()

    def make(self, local_iam: "LocalIAM") -> None:
        """Tell it."""
        getattr(local_iam, self.action)(self.value, **dict(self.options))

    def __str__(self) -> str:
        told = [_number(self.value), *(f"{name}={value}" for name, value in self.options)]
        return f"{self.action}({', '.join(told)})"


def fault(action: str, value: float, **options: object) -> Fault:
    """Make a fault of what the local IAM's method of this name takes."""
    return Fault(action, value, tuple(options.items()))


@dataclass(frozen=True)
class Accounts:
    """The service accounts of the local IAM; `deleted` puts one that there is not among them."""

    deleted: str = ""

    def resolve(self, project: str, accounts: Sequence[str]) -> tuple[str, ...]:
        """Return those that must be answered."""
        return tuple(accounts)

    def lines(self, project: str, accounts: Sequence[str]) -> tuple[str, ...]:
        """Return what is written to the standard input."""
        if not self.deleted:
            return tuple(accounts)
        return (*accounts[:5], address(self.deleted, project), *accounts[5:])

    def __str__(self) -> str:
        return "accounts" + (f" and {self.deleted}, which is deleted" if self.deleted else "")


@dataclass(frozen=True)
class Lines:
    """So many numbered lines."""

    number: int

    def resolve(self, project: str, accounts: Sequence[str]) -> tuple[str, ...]:
        """Return the lines."""
        return tuple(f"order-{number:04}" for number in range(self.number))

    lines = resolve

    def __str__(self) -> str:
        return f"{self.number} lines"


@dataclass(frozen=True)
class Names:
    """Words that the program is to look up."""

    what: str
    words: tuple[str, ...]

    def resolve(self, project: str, accounts: Sequence[str]) -> tuple[str, ...]:
        """Return the words."""
        return self.words

    lines = resolve

    def __str__(self) -> str:
        return f"{len(self.words)} {self.what}, {_digest(_words(self.words))}"


@dataclass(frozen=True)
class Files:
    """Files to sign: some of the checkout's root, some of equal size, at first a large one."""

    of_checkout: tuple[str, ...] = ()
    small: int = 0
    large: bool = False

    def resolve(self, project: str, accounts: Sequence[str]) -> tuple[str, ...]:
        """Make the files where there are none, and return their paths."""
        small = (small_file(number) for number in range(self.small))
        return (*([large_file()] if self.large else []), *self.of_checkout, *small)

    lines = resolve

    def __str__(self) -> str:
        told = [
            f"a file of {LARGE} bytes" if self.large else "",
            "files of the checkout " + _words(self.of_checkout) if self.of_checkout else "",
            f"{self.small} small files" if self.small else "",
        ]
        return ", ".join(filter(None, told))


Inputs = Accounts | Lines | Names | Files
ACCOUNTS = Accounts()


class Work(NamedTuple):
    """A job as one local IAM has it: each of `inputs` is to be answered exactly once."""

    inputs: tuple[str, ...]
    argv: tuple[str, ...]
    stdin: str
    failing: tuple[str, ...]


@dataclass(frozen=True)
class Job:
    """Inputs, arguments, faults and limits of a run.

    Each of `inputs` must be answered exactly once; they are on the standard input if `stdin`.
    In `argv` the word `{project}` stands for the local IAM's project, `{account}` for its first
    account, `{inputs}` for all inputs.
    Of inputs that cannot be answered each must be named on the standard error exactly once, and
    the exit code be 1.
    `later` is a fault that comes some seconds after the first.
    With `ahead`, who writes the input waits for answers while so many of its lines have none.
    `descriptors` limits the open files of the process, as `ulimit -n` does.
    """

    inputs: Inputs = ACCOUNTS
    argv: tuple[str, ...] = ()
    stdin: bool = True
    faults: tuple[Fault, ...] = ()
    later: tuple[float, Fault] | None = None
    ahead: int | None = None
    descriptors: int | None = None

    @property
    def description(self) -> str:
        """Say all that is not as in the plainest job, in one line."""
        told = {
            "inputs": self.inputs,
            "argv": _words(self.argv),
            "stdin": "yes" if self.stdin else "",
            "faults": ", ".join(map(str, self.faults)),
            "later": self.later and f"{self.later[1]} after {_number(self.later[0])} s",
            "ahead": self.ahead,
            "descriptors": self.descriptors,
        }
        assert {*told} == {part.name for part in fields(self)}
        return "; ".join(
            f"{name}: {value}" for name, value in told.items() if value not in (None, "")
        )

    @property
    def name(self) -> str:
        """Return the digits that name the job."""
        return _digest(self.description)

    @property
    def alone(self) -> "Job":
        """Return the job without its faults, for who makes others."""
        return replace(self, faults=(), later=None)

    def work(self, project: str, accounts: Sequence[str]) -> Work:
        """Return the job as the local IAM of this project and with these accounts has it."""
        inputs = self.inputs.resolve(project, accounts)
        words = {"{project}": (project,), "{account}": (accounts[0],), "{inputs}": inputs}
        argv = tuple(part for word in self.argv for part in words.get(word, (word,)))
        lines = self.inputs.lines(project, accounts) if self.stdin else ()
        failing = tuple(line for line in lines if line not in inputs)
        return Work(inputs, argv, "\n".join(lines), failing)

    @contextmanager
    def prepared(self, local_iam: "LocalIAM") -> Iterator[None]:
        """Make the faults for the block, and heal the local IAM after it."""
        with ExitStack() as stack:
            if self.faults or self.later:
                stack.callback(local_iam.heal)
            for each in self.faults:
                each.make(local_iam)
            if self.later is not None:
                seconds, later = self.later
                timer = Timer(seconds, later.make, (local_iam,))
                stack.callback(timer.join)
                stack.callback(timer.cancel)
                timer.start()
            yield


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:DIGITS]


def _number(value: float) -> str:
    return f"{value:.15g}"


def _words(words: Sequence[str]) -> str:
    """Join words so that no others read alike: what is empty or has a blank is quoted."""
    return " ".join(word if word.split() == [word] else repr(word) for word in words)


def address(name: str, project: str) -> str:
    """Return the address of an account."""
    return f"{name}@{project}.iam.gserviceaccount.com"


def large_file() -> str:
    """Return the path of a file of LARGE zeros, which takes no room on the disk."""
    path = _folder() / "large"
    with path.open("ab") as file:
        file.truncate(LARGE)
    return str(path)


def small_file(number: int) -> str:
    """Return the path of a file of a few thousand bytes, which are always the same."""
    path = _folder() / f"{number:03}"
    text = f"file {number}\n" * 500
    if not (path.exists() and path.stat().st_size == len(text)):
        complete = path.with_name(f"{path.name}.{os.getpid()}")
        complete.write_text(text, "utf-8")
        complete.replace(path)
    return str(path)


def _folder() -> Path:
    folder = Path(tempfile.gettempdir(), f"iam-cookbook-files-{os.getuid()}")
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder
