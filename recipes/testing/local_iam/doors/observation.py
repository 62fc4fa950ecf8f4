"""What the local IAM saw: calls by method, client connections, calls in flight."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Observation:
    """What began since the last `forget`.

    A connection counts when it carried a call; `calls_per_connection` has one number for each.
    `token_requests` counts what came to the token endpoint, which is no call.
    """

    calls: dict[str, int]
    connections: int
    calls_per_connection: list[int]
    most_in_flight: int
    token_requests: int


class Recorder:
    """Counts on the server's side."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Start again: a call that is in flight is one of before, whose program may be gone."""
        self._seen = _Seen()

    def token_request(self) -> None:
        """Count a request to the token endpoint."""
        self._seen.token_requests += 1

    @contextmanager
    def call(self, method: str, connection: str) -> Iterator[None]:
        """Count a call, which is in flight while the block runs."""
        seen = self._seen
        seen.calls[method] += 1
        seen.by_connection[connection] += 1
        seen.in_flight += 1
        seen.most_in_flight = max(seen.most_in_flight, seen.in_flight)
        try:
            yield
        finally:
            seen.in_flight -= 1

    def observe(self) -> Observation:
        """Return the counts."""
        seen = self._seen
        return Observation(
            dict(sorted(seen.calls.items())),
            len(seen.by_connection),
            list(seen.by_connection.values()),
            seen.most_in_flight,
            seen.token_requests,
        )


@dataclass
class _Seen:
    """The counts since one `forget`."""

    calls: Counter[str] = field(default_factory=Counter)
    by_connection: Counter[str] = field(default_factory=Counter)
    in_flight: int = 0
    most_in_flight: int = 0
    token_requests: int = 0
