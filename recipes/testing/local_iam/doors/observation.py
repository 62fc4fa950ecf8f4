"""What the local IAM saw: calls by method, client connections, calls in flight."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(frozen=True)
class Observation:
    """What happened since the last `forget`.

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
        self._in_flight = 0
        self.forget()

    def forget(self) -> None:
        """Start again; calls that are in flight stay in flight."""
        self._calls: Counter[str] = Counter()
        self._by_connection: Counter[str] = Counter()
        self._most_in_flight = self._in_flight
        self._token_requests = 0

    def token_request(self) -> None:
        """Count a request to the token endpoint."""
        self._token_requests += 1

    @contextmanager
    def call(self, method: str, connection: str) -> Iterator[None]:
        """Count a call, which is in flight while the block runs."""
        self._calls[method] += 1
        self._by_connection[connection] += 1
        self._in_flight += 1
        self._most_in_flight = max(self._most_in_flight, self._in_flight)
        try:
            yield
        finally:
            self._in_flight -= 1

    def observe(self) -> Observation:
        """Return the counts."""
        return Observation(
            dict(sorted(self._calls.items())),
            len(self._by_connection),
            list(self._by_connection.values()),
            self._most_in_flight,
            self._token_requests,
        )
