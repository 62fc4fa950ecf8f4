"""Jobs: the real inputs that each recipe and broken twin is run with."""

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

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
ORDERS = 4000
"""Lines of which no machine signs all in a second."""
LARGE = 512 * 1024**2
"""Bytes of a file that takes longer to read than a worker is given."""


@dataclass(frozen=True)
class Job:
    """Arguments and standard input of a run; each of `inputs` must be answered exactly once."""

    inputs: tuple[str, ...]
    argv: tuple[str, ...] = ()
    stdin: str = ""


ONE_START_METHOD = {
    "processes/recycle_workers": "forkserver",
    "processes/recycle_workers_broken": "fork",
    "processes/preload_forkserver": "forkserver",
    "processes/choose_start_method": "forkserver",
    "processes/choose_start_method_broken": "fork",
    "processes/create_on_first_use_broken": "fork",
    "threads/share_one_client": "fork",
    "event_loops/bound_concurrency": "fork",
    "event_loops/call_sync_client": "fork",
    "event_loops/close_async_clients": "fork",
    "event_loops/one_client_per_loop": "fork",
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
    if name in {"threads/share_one_client", "processes/list_first_then_fork"}:
        return Job(inputs=tuple(service_accounts), argv=(project,))
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
    if name == "event_loops/bound_concurrency":
        lines = tuple(f"order-{number:04}" for number in range(200))
        return Job(inputs=lines, argv=(service_accounts[0],), stdin="\n".join(lines))
    if name == "processes/recycle_workers":
        stdin = "\n".join(service_accounts)
        return Job(inputs=tuple(service_accounts), argv=("1",), stdin=stdin)
    if name == "safeguards/pytest_fork_safety":
        options = ("-c", os.devnull, "--noconftest", "-p", "no:cacheprovider", "-p", "no:terminal")
        argv = (*options, "-s", "tests/safeguards/suite_of_mints.py")
        stdin = "\n".join(service_accounts)
        return Job(inputs=tuple(service_accounts), argv=argv, stdin=stdin)
    return Job(inputs=tuple(service_accounts), stdin="\n".join(service_accounts))


def large_file() -> str:
    """Return the path of a file of LARGE zeros, which takes no room on the disk."""
    path = Path(tempfile.gettempdir(), "iam-cookbook-large-file")
    with path.open("ab") as file:
        file.truncate(LARGE)
    return str(path)
