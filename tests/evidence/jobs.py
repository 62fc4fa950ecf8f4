"""Jobs: the real inputs that each recipe and broken twin is run with."""

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from recipes.testing.local_iam import LocalIAM
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
LATENCY = 3.0
"""Seconds that the service takes, where one call is to wait for another."""
ORDERS = 4000
"""Lines of which no machine signs all in a second."""
AHEAD = 8
"""Lines that a writer who waits for answers sends ahead of them."""
BACKLOG = 3000
"""Lines of which no machine signs all in a second and a half."""
DESCRIPTORS = 16
"""Open files: more than a client needs, fewer than there are service accounts."""
LARGE = 512 * 1024**2
"""Bytes of a file that takes longer to read than a worker is given."""


Fault = Callable[[LocalIAM], None]
"""What a run is to meet, where a rule is about a service that is not well."""


@dataclass(frozen=True)
class Job:
    """Arguments and standard input of a run; each of `inputs` must be answered exactly once.

    Each of `failing` must be named on the standard error exactly once, and the exit code be 1.
    With `ahead`, who writes the input waits for answers while so many of its lines have none.
    `descriptors` limits the open files of the process, as `ulimit -n` does.
    """

    inputs: tuple[str, ...]
    argv: tuple[str, ...] = ()
    stdin: str = ""
    fault: Fault | None = None
    failing: tuple[str, ...] = ()
    ahead: int | None = None
    descriptors: int | None = None

    @contextmanager
    def prepared(self, local_iam: LocalIAM) -> Iterator[None]:
        """Make the fault for the block, and heal the local IAM after it."""
        if self.fault is None:
            yield
            return
        self.fault(local_iam)
        try:
            yield
        finally:
            local_iam.heal()


ONE_START_METHOD = {
    "processes/recycle_workers": "forkserver",
    "processes/recycle_workers_broken": "fork",
    "processes/preload_forkserver": "forkserver",
    "processes/choose_start_method": "forkserver",
    "processes/choose_start_method_broken": "fork",
    "processes/create_on_first_use_broken": "fork",
    "threads/bound_backlog": "fork",
    "event_loops/loop_per_thread": "fork",
    "event_loops/use_processes": "forkserver",
    "event_loops/use_processes_broken": "fork",
    "threads/close_after_threads": "fork",
    "threads/keep_every_result": "fork",
    "threads/share_one_client": "fork",
    "threads/share_credentials": "fork",
    "threads/use_futures": "fork",
    "threads/use_rest": "fork",
    "threads/trace_calls": "fork",
    "event_loops/bound_concurrency": "fork",
    "event_loops/one_client_per_loop": "fork",
    "event_loops/use_anyio": "fork",
    "threads/create_client_per_thread": "fork",
    "threads/create_lazily": "fork",
    "threads/share_one_client": "fork",
    "threads/use_more_connections": "fork",
    "processes/close_then_fork_broken": "fork",
    "processes/fork_before_threads_broken": "fork",
    "processes/fork_directly": "fork",
    "processes/start_other_programs": "fork",
    "safeguards/fork_gate": "fork",
    "safeguards/fork_guard": "fork",
    "safeguards/pytest_fork_safety": "fork",
}
"""Programs that start no process, or choose themselves how to, each with the method to set."""


def start_methods(file: str) -> tuple[str, ...]:
    """Return the start methods that make a difference to a recipe or broken twin."""
    name = file.removesuffix("_broken")
    method = ONE_START_METHOD.get(file) or ONE_START_METHOD.get(name)
    return (method,) if method else START_METHODS


def variants(*files: str) -> list[tuple[str, str]]:
    """List each file with each start method that makes a difference to it."""
    return [(file, method) for file in files for method in start_methods(file)]


def job(file: str, project: str, service_accounts: list[str]) -> Job:
    """Give a recipe, or its broken twin, the inputs that its usage line asks for.

    Most recipes read service accounts from standard input; others are named here.
    """
    name = file.removesuffix("_broken")
    if name == "threads/share_one_client":
        accounts = tuple(service_accounts)
        return Job(inputs=accounts, argv=(project,), descriptors=DESCRIPTORS)
    if name in {"event_loops/use_processes", "processes/list_first_then_fork"}:
        return Job(inputs=tuple(service_accounts), argv=(project,))
    if name == "threads/use_rest":
        stdin = "\n".join(service_accounts)
        return Job(inputs=tuple(service_accounts), argv=("https://example.com",), stdin=stdin)
    if name == "processes/create_rest_client":
        stdin = "\n".join(service_accounts)
        return Job(inputs=tuple(service_accounts), stdin=stdin, fault=service_is_far)
    if name == "threads/share_credentials":
        inputs, stdin = tuple(service_accounts), "\n".join(service_accounts)
        return Job(inputs=inputs, argv=inputs[:1], stdin=stdin, fault=two_mints_are_left)
    if name == "processes/create_in_process":
        return Job(inputs=RELEASE, argv=(service_accounts[0], *RELEASE))
    if name == "processes/start_other_programs":
        files = tuple(sorted(str(path.relative_to(ROOT)) for path in ROOT.glob("tests/**/*.py")))
        return Job(inputs=files, argv=(service_accounts[0], *files))
    if name == "processes/survive_worker_death":
        files = (large_file(), *RELEASE)
        return Job(inputs=files, argv=(service_accounts[0], *files))
    if name == "processes/stop_pool":
        lines = tuple(f"order-{number:04}" for number in range(ORDERS))
        return Job(inputs=lines, argv=(service_accounts[0], "1"), stdin="\n".join(lines))
    if name == "threads/bound_backlog":
        stdin = "\n".join(service_accounts)
        return Job(inputs=tuple(service_accounts), stdin=stdin, ahead=AHEAD)
    if name == "event_loops/bound_concurrency":
        lines = tuple(f"order-{number:04}" for number in range(BACKLOG))
        return Job(inputs=lines, argv=(service_accounts[0],), stdin="\n".join(lines))
    if name == "threads/keep_every_result":
        deleted = f"deleted@{project}.iam.gserviceaccount.com"
        lines = (*service_accounts[:5], deleted, *service_accounts[5:])
        return Job(inputs=tuple(service_accounts), stdin="\n".join(lines), failing=(deleted,))
    if name == "threads/use_more_connections":
        lines = tuple(f"order-{number:04}" for number in range(AT_ONCE))
        email, stdin = service_accounts[0], "\n".join(lines)
        return Job(lines, (email,), stdin, fault=connections_are_narrow)
    if name == "processes/recycle_workers":
        stdin = "\n".join(service_accounts)
        return Job(inputs=tuple(service_accounts), argv=("1",), stdin=stdin)
    if name == "event_loops/use_anyio":
        stdin = "\n".join(service_accounts)
        return Job(inputs=tuple(service_accounts), argv=("trio",), stdin=stdin)
    if name == "threads/trace_calls":
        stdin = "\n".join(service_accounts)
        return Job(inputs=tuple(service_accounts), argv=("TICKET-1", os.devnull), stdin=stdin)
    if name == "safeguards/pytest_fork_safety":
        options = ("-c", os.devnull, "--noconftest", "-p", "no:cacheprovider", "-p", "no:terminal")
        argv = (*options, "-s", "tests/safeguards/suite_of_mints.py")
        stdin = "\n".join(service_accounts)
        return Job(inputs=tuple(service_accounts), argv=argv, stdin=stdin)
    return Job(inputs=tuple(service_accounts), stdin="\n".join(service_accounts))


def service_is_far(local_iam: LocalIAM) -> None:
    """Let answers be under way for a while, as they are from any real service."""
    local_iam.far(0.05)


def connections_are_narrow(local_iam: LocalIAM) -> None:
    """Let a connection carry so many calls at a time, each for a while."""
    local_iam.limit_streams(STREAMS)
    local_iam.slow(LATENCY)


def two_mints_are_left(local_iam: LocalIAM) -> None:
    """Let others have used the rest of the quota."""
    local_iam.quota(2, method="generate_access_token")


def large_file() -> str:
    """Return the path of a file of LARGE zeros, which takes no room on the disk."""
    path = Path(tempfile.gettempdir(), "iam-cookbook-large-file")
    with path.open("ab") as file:
        file.truncate(LARGE)
    return str(path)
