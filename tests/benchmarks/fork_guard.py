"""Benchmark: what the fork guard costs a call.

On its own path: a method that does nothing, guarded and not, times the guarded methods that one
call goes through. And real calls to the local IAM, by processes with and without it in turn.
"""

import os
import statistics
import subprocess
import sys
import timeit
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from recipes.testing.local_iam import LocalIAM
from tests.benchmarks.results import Row, store

CALLS = 50
BLOCKS = 10
ROUNDS = 7
REPEATS = 500
LOOPS = 2_000
MOST_MICROSECONDS = 2.0
RECIPES = Path(__file__).parents[2] / "recipes" / "safeguards"


KINDS = {
    "checked": "a method that is checked",
    "passing_on": "a method that makes a stub, checked",
    "started": "the start of a call, noted",
    "skipped": "the end of a call, checked",
}


class Client:
    """Does nothing, as fast as Python can."""

    def __init__(self, origin: object) -> None:
        self.fork_guard = origin

    def do(self) -> None:
        pass

    def make(self) -> "Client":
        return OTHER


OTHER = Client(None)


def microseconds(statement: Callable[[], object]) -> float:
    return min(timeit.repeat(statement, number=LOOPS, repeat=REPEATS)) / LOOPS * 1e6


def costs_of_the_guard() -> dict[str, float]:
    """Time each kind of guarded method that a call goes through, less the method itself."""
    sys.path.insert(0, str(RECIPES))
    fork_guard = __import__("fork_guard")
    client = Client(fork_guard.Origin(fork_guard.here, "here"))
    costs = {}
    for kind in KINDS:
        method = Client.make if kind == "passing_on" else Client.do
        guarded = getattr(fork_guard, kind)(method)
        costs[kind] = microseconds(lambda: guarded(client)) - microseconds(lambda: method(client))  # noqa: B023
    return costs


def guarded_methods() -> Counter[str]:
    """Count the guarded methods that one call of a client goes through, by kind."""
    program = """
import sys
import fork_guard, google.auth
from google.cloud import iam_credentials_v1
fork_guard.install()
client = iam_credentials_v1.IAMCredentialsClient()
name = "projects/-/serviceAccounts/" + google.auth.default()[0].service_account_email
client.sign_blob(name=name, payload=b"text", timeout=10)
kinds = {
    getattr(fork_guard, kind)(len).__code__: kind
    for kind in ("checked", "passing_on", "created", "started", "skipped")
}
def profile(frame, event, _):
    if event == "call" and frame.f_code in kinds:
        seen.append(kinds[frame.f_code])
seen = []
sys.setprofile(profile)
client.sign_blob(name=name, payload=b"text", timeout=10)
sys.setprofile(None)
print(*seen)
"""
    return Counter(run(program).split())


def seconds_of_calls(guarded: bool) -> float:
    """Return the seconds of the fastest block of calls, in a process of its own."""
    program = f"""
import time
import fork_guard, google.auth
from google.cloud import iam_credentials_v1
if {guarded}:
    fork_guard.install()
client = iam_credentials_v1.IAMCredentialsClient()
name = "projects/-/serviceAccounts/" + google.auth.default()[0].service_account_email
def sign(calls):
    for _ in range(calls):
        client.sign_blob(name=name, payload=b"text", timeout=10)
def seconds():
    begin = time.perf_counter()
    sign({CALLS})
    return time.perf_counter() - begin
print(min(seconds() for _ in range({BLOCKS})))
"""
    return float(run(program))


def run(program: str) -> str:
    environment = {**os.environ, "PYTHONPATH": str(RECIPES), "PYTHONWARNINGS": "ignore"}
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    return done.stdout


def main() -> int:
    """Measure, store, compare with the target."""
    with LocalIAM() as local_iam:
        os.environ.update(local_iam.environment)
        passed = guarded_methods()
        pairs = [(seconds_of_calls(True), seconds_of_calls(False)) for _ in range(ROUNDS)]
    costs = costs_of_the_guard()
    assert set(passed) <= set(costs), passed
    overhead = sum(costs[kind] * times for kind, times in passed.items())
    rows: list[Row] = [
        {"part of a call": KINDS[kind], "times": times, "cost of each (µs)": round(costs[kind], 2)}
        for kind, times in passed.items()
    ]
    ratio = statistics.median(guarded / plain for guarded, plain in pairs)
    call = statistics.median(plain for _, plain in pairs) / CALLS * 1e6
    figures: dict[str, str | int | float] = {
        "microseconds": round(overhead, 2),
        "call": round(call),
        "share": f"{overhead / call:.2%}",
        "ratio": round(ratio, 2),
        "calls": CALLS * BLOCKS * ROUNDS,
        "getpid": round(microseconds(os.getpid), 2),
    }
    store("fork_guard", rows, figures)
    print(f"the guard costs {overhead:.2f} µs of a call of {call:.0f} µs")
    print(f"calls with the guard take {ratio:.2f} times as long as without")
    print(f"(target: below {MOST_MICROSECONDS} µs)")
    return int(overhead >= MOST_MICROSECONDS)


if __name__ == "__main__":
    sys.exit(main())
