"""Verdicts: the counted outcomes of the trials of one file, and what contradicts them.

A race is shown by its frequency: a test that demands a failure tries as often as makes it miss
one in fewer than one of a million runs, and counts with less than was measured, because a race is
lost less often on a loaded machine.
"""

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from itertools import islice

from tests.book import is_twin
from tests.evidence.record.environment import Environment
from tests.evidence.record.statistics import interval
from tests.evidence.record.trials import Trial

RUNS_WITHOUT_A_FALSE_ALARM = 1_000_000
"""A race is tried so often that it is won each time in fewer than one of so many runs."""
WORKER_DIED = "raises BrokenProcessPool"
"""What an executor says of a worker that crashed: it is as much of a race as the crash."""
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
    def is_to_hold(self) -> bool:
        """Tell what held, but for a rare failure of a recipe, from what fails."""
        return not self.failures or (not is_twin(self.file) and self.outcomes["ok"] > self.failures)

    @property
    def environments(self) -> list[Environment]:
        """List each environment that has a trial once."""
        return list(dict.fromkeys(trial.environment for trial in self.trials))

    @property
    def frequency(self) -> tuple[float, float]:
        """The interval of the frequency of failure, from 0 to 1."""
        return interval(self.failures, len(self.trials))

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

    @property
    def trials_to_see_it_hold(self) -> int:
        """How many trials show what is to hold at least once, but for one case in a million.

        More than one only where some failed: a rare failure may come again, twice as often on a
        loaded machine.
        """
        if not self.failures:
            return 1
        often = min(self.frequency[1] / LOADED, 0.5)
        return math.ceil(-math.log(RUNS_WITHOUT_A_FALSE_ALARM) / math.log(often))

    def joined(self, other: "Verdict") -> "Verdict":
        """Count the trials of both together."""
        return Verdict(self.file, self.trials + other.trials)


def contradiction(stored: Verdict, outcomes: Iterable[str]) -> str | None:
    """Say how today's outcomes contradict a stored verdict, or None.

    What is to hold must be `ok` at once, or after failures that are stored, in fewer than
    `trials_to_see_it_hold`. Otherwise takes as many outcomes as it takes to see a stored failure,
    at most `trials_to_see_a_failure`. A race may be lost in another way than before. A plain
    exception must come, though a process that ends with busy threads may crash before.
    """
    holds = stored.is_to_hold
    trials = stored.trials_to_see_it_hold if holds else stored.trials_to_see_a_failure
    seen: Counter[str] = Counter()
    for outcome in islice(outcomes, trials):
        seen[outcome] += 1
        if holds:
            if outcome == "ok":
                return None
            if outcome not in stored.outcomes:
                break
        elif outcome in stored.outcomes and outcome != "ok":
            return None
        elif outcome.startswith("raises") and outcome != WORKER_DIED:
            break
        elif outcome != "ok" and stored.is_race:
            return None
    return f"{stored.file}: stored is {dict(stored.outcomes)}, today it is {dict(seen)}"
