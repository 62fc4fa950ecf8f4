"""What a trial ran in: releases, settings and system, apart from who installs them.

Two trials of equal environments may be counted together, so this is a value and nothing more.
"""

import platform
import re
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

from packaging.version import Version

from tests.book import ROOT

FORK_SUPPORT = ("unset", "0", "1")
"""What GRPC_ENABLE_FORK_SUPPORT may be; gRPC reads it when it is imported and started."""
REQUIREMENTS = ROOT / "requirements.txt"
MACHINE = Path(__file__).with_name("machine.json")
"""The description of what the trials ran on."""
Newness = tuple[Version, Version, Version]


@dataclass(frozen=True)
class Environment:
    """What a trial ran in; two trials of equal environments may be counted together."""

    python: str
    grpcio: str
    google_cloud_iam: str
    start_method: str
    fork_support: str
    system: str

    @classmethod
    def here(cls, start_method: str, fork_support: str = "unset") -> "Environment":
        """Describe this interpreter and its packages, for a run with these two settings."""
        return cls(
            python=platform.python_version(),
            grpcio=version("grpcio"),
            google_cloud_iam=version("google-cloud-iam"),
            start_method=start_method,
            fork_support=fork_support,
            system=platform.system(),
        )


class Wanted(NamedTuple):
    """Releases to install; None for the newest that the others admit."""

    python: str
    grpcio: str | None = None
    google_cloud_iam: str | None = None

    @property
    def requirements(self) -> list[str]:
        """Say it in pip's words."""
        named = {"grpcio": self.grpcio, "google-cloud-iam": self.google_cloud_iam}
        return [f"{name}=={release}" if release else name for name, release in named.items()]


@cache
def newness(environment: Environment) -> Newness:
    """Return what sorts environments by their releases: Python, grpcio, google-cloud-iam."""
    releases = (environment.python, environment.grpcio, environment.google_cloud_iam)
    python, grpcio, iam = map(Version, releases)
    return python, grpcio, iam


def minor(release: str) -> str:
    """Return `3.10` of `3.10.13`."""
    return ".".join(release.split(".")[:2])


@cache
def pinned(package: str, requirements: Path = REQUIREMENTS) -> str:
    """Return the release of a package that requirements.txt installs, which the tests run with."""
    text = requirements.read_text("utf-8")
    found = re.search(rf"^{package}==(\S+)", text, re.MULTILINE)
    if found is None:
        raise LookupError(f"{requirements.name} pins no {package}")
    return found[1]


def is_pinned(environment: Environment) -> bool:
    """Tell whether the packages are those that the tests run with, on whichever Python."""
    releases = environment.grpcio, environment.google_cloud_iam
    return releases == (pinned("grpcio"), pinned("google-cloud-iam"))
