"""What the programs that attack the fork guard share: what a use of an inherited client is."""

from collections.abc import Callable, Mapping

from recipes.safeguards.fork_guard import InheritedClientError
from tests.safeguards import attacks
from tests.safeguards.attacks import Busy, answer_of, say, wait_until_threads_rest

REFUSED = "refused"


def answer(use: Callable[[], object]) -> str:
    """Return what a call returned, the error that it raised, or that the guard refused it."""

    def refusable() -> object:
        try:
            return use()
        except InheritedClientError:
            return REFUSED

    return answer_of(refusable)


def forked(use: Callable[[], object], fork: Callable[[], int] | None = None) -> str:
    """Return what a child answered that a parent at rest, or a busy one, forked."""
    if not Busy.at_work:
        wait_until_threads_rest()
    return attacks.forked(lambda: answer(use), fork)


def try_all(uses: Mapping[str, Callable[[], object]], times: int = 1) -> None:
    """Say of each use what comes of it in a child."""
    for name, use in uses.items():
        for _ in range(times):
            say(name, forked(use))
