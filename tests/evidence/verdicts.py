"""Verdicts: the counted outcomes of the trials of one file."""

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import islice

from scipy.stats import binomtest

from tests.evidence.trials import ROOT, Environment, Trial, read_trials, record_of, sha256

CONFIDENCE = 0.95
"""Of the interval of a frequency."""
RUNS_WITHOUT_A_FALSE_ALARM = 1_000_000
"""A race is tried so often that it is won each time in fewer than one of so many runs."""
LOADED = 0.5
"""A race is lost less often on a loaded machine; trials are planned for half the frequency."""


@dataclass(frozen=True)
class Verdict:
    """The trials of one file, counted by outcome."""

    file: str
    trials: tuple[Trial, ...]

    @cached_property
    def outcomes(self) -> Counter[str]:
        """Count the trials of each outcome."""
        return Counter(trial.outcome for trial in self.trials)

    @property
    def failures(self) -> int:
        """Count the trials that were not ok."""
        return len(self.trials) - self.outcomes["ok"]

    @property
    def is_race(self) -> bool:
        """Tell a failure that takes luck (a hang, a crash, a loss) from a plain exception."""
        return any(not outcome.startswith(("ok", "raises")) for outcome in self.outcomes)

    @property
    def environments(self) -> list[Environment]:
        """List each environment that has a trial once."""
        return list(dict.fromkeys(trial.environment for trial in self.trials))

    @property
    def frequency(self) -> tuple[float, float]:
        """The Wilson interval of the frequency of failure, from 0 to 1."""
        return _interval(self.failures, len(self.trials))

    @property
    def trials_to_see_a_failure(self) -> int:
        """How many trials show a failure at least once, but for one case in a million.

        Raises ValueError where no trial failed: nothing can be demanded then.
        """
        if not self.failures:
            raise ValueError(f"{self.file}: no trial failed; it is no broken twin")
        return math.ceil(
            -math.log(RUNS_WITHOUT_A_FALSE_ALARM) / math.log(1 - LOADED * self.frequency[0])
        )


@cache
def _interval(failures: int, trials: int) -> tuple[float, float]:
    interval = binomtest(failures, trials).proportion_ci(CONFIDENCE, method="wilson")
    return float(interval.low), float(interval.high)


@cache
def pinned(package: str) -> str:
    """Return the release of a package that requirements.txt installs, which the tests run with."""
    text = (ROOT / "requirements.txt").read_text("utf-8")
    found = re.search(rf"^{package}==(\S+)", text, re.MULTILINE)
    if found is None:
        raise LookupError(f"requirements.txt pins no {package}")
    return found[1]


def is_pinned(environment: Environment) -> bool:
    """Tell whether the packages are those that the tests run with, on whichever Python."""
    releases = environment.grpcio, environment.google_cloud_iam
    return releases == (pinned("grpcio"), pinned("google-cloud-iam"))


def trials_of_today(file: str) -> list[Trial]:
    """Return the stored trials of today's text of a file, in every environment."""
    wanted = sha256(file)
    return [trial for trial in read_trials(file) if trial.sha256 == wanted]


def verdict(file: str, start_method: str | None = None, fork_support: str = "unset") -> Verdict:
    """Count the stored trials of today's text of a file with the pinned releases.

    Raises LookupError with the command that makes the trials where there are none.
    """
    trials = tuple(
        trial
        for trial in trials_of_today(file)
        if is_pinned(trial.environment)
        and start_method in (None, trial.environment.start_method)
        and fork_support == trial.environment.fork_support
    )
    if not trials:
        option = "" if fork_support == "unset" else f" --fork-support {fork_support}"
        command = f"python3 noxfile.py evidence -- --recipe {file}{option}"
        raise LookupError(f"no stored trial of today's text of recipes/{file}.py; run: {command}")
    return Verdict(file, trials)


def verdicts_by_environment(file: str) -> dict[Environment, Verdict]:
    """Count the stored trials of today's text of a file in each environment."""
    record = record_of(file)
    state = record.stat() if record.exists() else None
    version = None if state is None else (state.st_size, state.st_mtime_ns)
    return dict(_by_environment(file, sha256(file), version))


@cache
def _by_environment(
    file: str, digest: str, version: tuple[int, int] | None
) -> dict[Environment, Verdict]:
    """Count again only where the file or its record has changed: many directives ask for this."""
    trials: dict[Environment, list[Trial]] = defaultdict(list)
    for trial in trials_of_today(file):
        trials[trial.environment].append(trial)
    return {environment: Verdict(file, tuple(these)) for environment, these in trials.items()}


def contradiction(stored: Verdict, outcomes: Iterable[str]) -> str | None:
    """Say how today's outcomes contradict a stored verdict, or None.

    Takes one outcome where no stored trial failed, otherwise as many as it takes to see a stored
    failure, at most `trials_to_see_a_failure`. A race may be lost in another way than before. A
    plain exception must come, though a process that ends with busy threads may crash before.
    """
    seen: Counter[str] = Counter()
    for outcome in islice(outcomes, stored.trials_to_see_a_failure if stored.failures else 1):
        seen[outcome] += 1
        if outcome == "ok" and stored.failures:
            continue
        if outcome in stored.outcomes:
            return None
        if outcome.startswith("raises"):
            break
        if stored.is_race:
            return None
    return f"{stored.file}: stored is {dict(stored.outcomes)}, today it is {dict(seen)}"
