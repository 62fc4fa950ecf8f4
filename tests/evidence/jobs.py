"""Jobs: the real inputs that each recipe and broken twin is run with."""

from dataclasses import dataclass

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


@dataclass(frozen=True)
class Job:
    """Arguments and standard input of a run; each of `inputs` must be answered exactly once."""

    inputs: tuple[str, ...]
    argv: tuple[str, ...] = ()
    stdin: str = ""


ONE_START_METHOD = {
    "threads/share_one_client": "fork",
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
        return Job(inputs=tuple(service_accounts), argv=(project,))
    if name == "processes/create_in_process":
        return Job(inputs=RELEASE, argv=(service_accounts[0], *RELEASE))
    return Job(inputs=tuple(service_accounts), stdin="\n".join(service_accounts))
