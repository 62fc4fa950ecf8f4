"""Jobs: the real inputs that each recipe and broken twin is run with."""

import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Timer

from recipes.testing.local_iam import LocalIAM
from recipes.testing.local_iam.api.catalogue import ROLES
from tests.evidence.trials import ROOT
from tests.runner import START_METHODS

RELEASE = (
    "CONTRIBUTING.md",
    "LICENSE",
    "README.md",
    "conf.py",
    "noxfile.py",
    "pyproject.toml",
    "requirements.in",
    "requirements.txt",
)
"""Files of the checkout that are signed, below its root: two for each process."""
AT_ONCE = 256
"""Lines to sign at the same time."""
STREAMS = 100
"""Calls that a connection carries at a time."""
LATENCY = 3
"""Seconds that the service takes, where one call is to wait for another."""
ORDERS = 4000
"""Lines of which no machine signs all in a second."""
BUSY = (
    "processes/create_in_executor_worker",
    "processes/create_in_pool_worker",
    "processes/create_in_process",
    "processes/create_on_first_use",
    "processes/fork_directly",
    "processes/list_first_then_fork",
    "safeguards/fork_gate",
    "safeguards/fork_guard",
)
"""Whose broken twins fork while eight threads call without a pause, until the deadline."""
BUSY_SECONDS = 5.0
"""In which all that these fork is forked: later calls only cost those who wait for a hang."""
AHEAD = 8
"""Lines that a writer who waits for answers sends ahead of them."""
DESCRIPTORS = 16
"""Open files: more than a client needs, fewer than there are service accounts."""
SUITE = (
    *("-c", os.devnull, "--noconftest", "-p", "no:cacheprovider", "-p", "no:terminal"),
    *("-s", "tests/safeguards/suite_of_mints.py"),
)
"""Arguments of pytest."""
LARGE = 512 * 1024**2
"""Bytes of a file that takes longer to read than a worker is given."""


Fault = Callable[[LocalIAM], None]
"""What a run is to meet, where a rule is about a service that is not well."""


@dataclass(frozen=True)
class Job:
    """Arguments and standard input of a run; each of `inputs` must be answered exactly once.

    Each of `failing` must be named on the standard error exactly once, and the exit code be 1.
    `later` is a fault that comes some seconds after the first.
    With `ahead`, who writes the input waits for answers while so many of its lines have none.
    `descriptors` limits the open files of the process, as `ulimit -n` does.
    """

    inputs: tuple[str, ...]
    argv: tuple[str, ...] = ()
    stdin: str = ""
    fault: Fault | None = None
    later: tuple[float, Fault] | None = None
    failing: tuple[str, ...] = ()
    ahead: int | None = None
    descriptors: int | None = None

    @contextmanager
    def prepared(self, local_iam: LocalIAM) -> Iterator[None]:
        """Make the faults for the block, and heal the local IAM after it."""
        with ExitStack() as stack:
            if self.fault or self.later:
                stack.callback(local_iam.heal)
            if self.fault is not None:
                self.fault(local_iam)
            if self.later is not None:
                seconds, fault = self.later
                timer = Timer(seconds, fault, (local_iam,))
                stack.callback(timer.join)
                stack.callback(timer.cancel)
                timer.start()
            yield


ONE_START_METHOD = {
    "event_loops/": "fork",
    "threads/": "fork",
    "event_loops/use_processes": "forkserver",
    "event_loops/use_processes_broken": "fork",
    "processes/choose_start_method": "forkserver",
    "processes/choose_start_method_broken": "fork",
    "processes/close_then_fork_broken": "fork",
    "processes/create_on_first_use_broken": "fork",
    "processes/fork_before_threads_broken": "fork",
    "processes/fork_directly": "fork",
    "processes/preload_forkserver": "forkserver",
    "processes/recycle_workers": "forkserver",
    "processes/recycle_workers_broken": "fork",
    "processes/start_other_programs": "fork",
    "safeguards/fork_gate": "fork",
    "safeguards/fork_guard": "fork",
    "safeguards/pytest_fork_safety": "fork",
}
"""Programs that start no process, or choose themselves how to, each with the method to set.

A recipe stands for its broken twin, a chapter for all of its programs that are not named.
"""


def start_methods(file: str) -> tuple[str, ...]:
    """Return the start methods that make a difference to a recipe or broken twin."""
    chapter, _, _ = file.partition("/")
    for name in (file, file.removesuffix("_broken"), f"{chapter}/"):
        if name in ONE_START_METHOD:
            return (ONE_START_METHOD[name],)
    return START_METHODS


def variants(*files: str) -> list[tuple[str, str]]:
    """List each file with each start method that makes a difference to it."""
    return [(file, method) for file in files for method in start_methods(file)]


def job(file: str, project: str, service_accounts: list[str]) -> Job:
    """Give a recipe, or its broken twin, the inputs that its usage line asks for.

    Most recipes read service accounts from standard input; others are named here.
    """
    inputs = tuple(service_accounts)
    account = service_accounts[0]
    on_stdin = Job(inputs, stdin="\n".join(inputs))
    listed = Job(inputs, (project,))
    jobs: dict[str, Callable[[], Job]] = {
        "event_loops/bound_concurrency": lambda: replace(
            lines(100, account), fault=ten_calls_at_a_time
        ),
        "event_loops/use_anyio": lambda: replace(on_stdin, argv=("trio",)),
        "event_loops/use_processes": lambda: listed,
        "processes/create_in_process": lambda: files(account, RELEASE),
        "processes/create_rest_client": lambda: replace(on_stdin, fault=service_is_far),
        "processes/list_first_then_fork": lambda: listed,
        "processes/recycle_workers": lambda: replace(on_stdin, argv=("1",)),
        "processes/start_other_programs": lambda: files(account, all_tests()),
        "processes/stop_pool": lambda: lines(ORDERS, account, "1"),
        "processes/survive_worker_death": lambda: files(account, (large_file(), *RELEASE)),
        "safeguards/pytest_fork_safety": lambda: replace(on_stdin, argv=SUITE),
        "threads/bound_backlog": lambda: replace(on_stdin, ahead=AHEAD),
        "threads/keep_every_result": lambda: with_a_deleted_account(inputs, project),
        "threads/respect_quota": lambda: replace(on_stdin, argv=("600",), fault=small_quota),
        "threads/set_deadlines_and_retries": lambda: Job(
            tuple(ROLES), stdin="\n".join(ROLES), fault=silent_calls
        ),
        "threads/share_credentials": lambda: replace(
            on_stdin, argv=(account,), fault=two_mints_are_left
        ),
        "threads/share_one_client": lambda: replace(listed, descriptors=DESCRIPTORS),
        "threads/stop_cleanly": lambda: replace(lines(1000, account, "2"), fault=slow_calls),
        "threads/trace_calls": lambda: replace(on_stdin, argv=("TICKET-1", os.devnull)),
        "threads/use_more_connections": lambda: replace(
            lines(AT_ONCE, account), fault=connections_are_narrow
        ),
        "threads/use_rest": lambda: replace(on_stdin, argv=("https://example.com",)),
    }
    recipe = file.removesuffix("_broken")
    work = jobs.get(recipe, lambda: on_stdin)()
    if recipe not in BUSY:
        return work
    return replace(work, fault=service_takes_its_time, later=(BUSY_SECONDS, service_is_slow))


def lines(number: int, *argv: str) -> Job:
    """Give a program numbered lines on its standard input."""
    orders = tuple(f"order-{order:04}" for order in range(number))
    return Job(orders, argv, stdin="\n".join(orders))


def files(account: str, paths: Iterable[str]) -> Job:
    """Name an account and files as arguments."""
    return Job(tuple(paths), (account, *paths))


def with_a_deleted_account(inputs: tuple[str, ...], project: str) -> Job:
    """Put an account that there is not among those that there are."""
    deleted = f"deleted@{project}.iam.gserviceaccount.com"
    stdin = "\n".join((*inputs[:5], deleted, *inputs[5:]))
    return Job(inputs, stdin=stdin, failing=(deleted,))


def all_tests() -> tuple[str, ...]:
    """List the files of the tests."""
    return tuple(sorted(str(path.relative_to(ROOT)) for path in ROOT.glob("tests/**/*.py")))


def service_takes_its_time(local_iam: LocalIAM) -> None:
    """Let a call take what it takes at a real service, so that callers wait and do not compute."""
    local_iam.slow(0.2)


def service_is_slow(local_iam: LocalIAM) -> None:
    """Let a call take so long that a process which goes on calling costs little."""
    local_iam.slow(2)


def service_is_far(local_iam: LocalIAM) -> None:
    """Let answers be under way for a while, as they are from any real service."""
    local_iam.far(0.05)


def connections_are_narrow(local_iam: LocalIAM) -> None:
    """Let a connection carry so many calls at a time, each for a while."""
    local_iam.limit_streams(STREAMS)
    local_iam.slow(LATENCY)


def ten_calls_at_a_time(local_iam: LocalIAM) -> None:
    """Let all lines together take longer than the deadline of one, and a few far less."""
    local_iam.limit_streams(10)
    local_iam.slow(1.5)


def two_mints_are_left(local_iam: LocalIAM) -> None:
    """Let others have used the rest of the quota."""
    local_iam.quota(2, method="generate_access_token")


def silent_calls(local_iam: LocalIAM) -> None:
    """Let a share of the calls go without an answer."""
    local_iam.slow(600, rate=1 / 7, method="get_role")


def small_quota(local_iam: LocalIAM) -> None:
    """Let the quota suffice for half of the accounts, then again for the others."""
    local_iam.quota(len(local_iam.service_accounts) // 2, minute=10)


def slow_calls(local_iam: LocalIAM) -> None:
    """Let a thousand calls of a few threads take far longer than a few seconds."""
    local_iam.slow(0.1, method="sign_blob")


def large_file() -> str:
    """Return the path of a file of LARGE zeros, which takes no room on the disk."""
    path = Path(tempfile.gettempdir(), "iam-cookbook-large-file")
    with path.open("ab") as file:
        file.truncate(LARGE)
    return str(path)
