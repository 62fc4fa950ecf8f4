"""Faults by request: latency, errors and quotas, of every method or of one."""

import asyncio
import math
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from google.rpc import error_details_pb2
from grpc import StatusCode

from ..api.methods import METHODS
from ..api.rejections import Rejection, error_info, exhausted, retry_info

MINUTE = 60.0
RETRY_LATER = {StatusCode.UNAVAILABLE, StatusCode.RESOURCE_EXHAUSTED}


def paths_of(method: str | None) -> frozenset[str]:
    """Return the paths that a method's name means; ValueError when there is none.

    The name is `generate_access_token`, `GenerateAccessToken` or a full path; None is every method.
    """
    if method is None:
        return frozenset(METHODS)
    camel = "".join(word[:1].upper() + word[1:] for word in method.split("_"))
    found = frozenset(m.path for m in METHODS.values() if method == m.path or camel == m.name)
    if not found:
        raise ValueError(f"the local IAM serves no method named {method!r}")
    return found


@dataclass(frozen=True)
class Slow:
    """Seconds that a share of calls takes longer, give or take the spread."""

    paths: frozenset[str]
    seconds: float
    spread: float
    rate: float

    async def apply(self) -> None:
        """Wait, or not."""
        if random.random() >= self.rate:  # noqa: S311
            return
        seconds = self.seconds + random.uniform(-self.spread, self.spread)  # noqa: S311
        if seconds > 0:
            await asyncio.sleep(seconds)


@dataclass(frozen=True)
class Fail:
    """A share of calls that ends with an error."""

    paths: frozenset[str]
    code: StatusCode
    rate: float

    async def apply(self) -> None:
        """Raise the error, or not."""
        if random.random() < self.rate:  # noqa: S311
            details: list[Any] = [error_info("INJECTED_FAULT")]
            if self.code in RETRY_LATER:
                details.append(retry_info(1))
            raise Rejection(self.code, f"{self.code.name} was asked for.", details)


@dataclass
class Quota:
    """A number of calls in the minute, of so many seconds, that begins with the first of them."""

    paths: frozenset[str]
    per_minute: int
    minute: float = MINUTE
    clock: Callable[[], float] = time.monotonic
    _begin: float = field(default=-math.inf)
    _calls: int = 0

    async def apply(self) -> None:
        """Count the call; raise RESOURCE_EXHAUSTED when it is one too many."""
        now = self.clock()
        if now - self._begin >= self.minute:
            self._begin, self._calls = now, 0
        self._calls += 1
        if self._calls > self.per_minute:
            violation = error_details_pb2.QuotaFailure.Violation(
                subject="per minute", description=f"{self.per_minute} calls per minute"
            )
            raise exhausted(
                f"Quota exceeded: {self.per_minute} calls per minute.",
                max(0.001, self._begin + self.minute - now),
                error_info("RATE_LIMIT_EXCEEDED", quota_limit_value=str(self.per_minute)),
                error_details_pb2.QuotaFailure(violations=[violation]),
            )


def _share(rate: float) -> float:
    if not 0 <= rate <= 1:
        raise ValueError("rate must be between 0 and 1")
    return rate


class Faults:
    """The faults that are in force; of each kind the latest for a method counts."""

    def __init__(self) -> None:
        self._rules: list[Slow | Fail | Quota] = []

    def slow(self, seconds: float, spread: float, method: str | None, rate: float) -> None:
        """Make calls take longer."""
        if seconds < 0 or spread < 0:
            raise ValueError("seconds and spread must not be negative")
        self._rules.append(Slow(paths_of(method), seconds, spread, _share(rate)))

    def fail(self, code: str, rate: float, method: str | None) -> None:
        """Make calls fail."""
        if code not in StatusCode.__members__ or code == "OK":
            raise ValueError(f"{code!r} is not the name of a gRPC status code that is an error")
        self._rules.append(Fail(paths_of(method), StatusCode[code], _share(rate)))

    def quota(self, per_minute: int, method: str | None, minute: float) -> None:
        """Limit calls."""
        if per_minute < 0 or minute <= 0:
            raise ValueError("per_minute must not be negative, and minute must be positive")
        self._rules.append(Quota(paths_of(method), per_minute, minute))

    def heal(self) -> None:
        """Take every fault away."""
        self._rules.clear()

    async def apply(self, path: str) -> None:
        """Do to a call what the faults demand: latency first, then the quota, then the error."""
        if not self._rules:
            return
        for kind in (Slow, Quota, Fail):
            rules = [rule for rule in self._rules if isinstance(rule, kind) and path in rule.paths]
            if rules:
                await rules[-1].apply()
