"""Jobs: the real inputs that each recipe and broken twin is run with."""

from dataclasses import dataclass

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


def job(file: str, project: str, service_accounts: list[str]) -> Job:
    """Give a recipe, or its broken twin, the inputs that its usage line asks for.

    Raises LookupError where the recipe has none yet.
    """
    name = file.removesuffix("_broken")
    if name == "threads/share_one_client":
        return Job(inputs=tuple(service_accounts), argv=(project,))
    if name == "processes/create_in_process":
        return Job(inputs=RELEASE, argv=(service_accounts[0], *RELEASE))
    if name == "processes/create_in_pool_worker":
        return Job(inputs=tuple(service_accounts), stdin="\n".join(service_accounts))
    raise LookupError(f"no job for {file}: give it inputs in tests/evidence/jobs.py")
