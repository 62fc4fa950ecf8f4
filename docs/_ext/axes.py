"""The axes of the plan, in the words of the pages."""

from tests.evidence.record.cells import Strip, axis
from tests.evidence.record.environment import Environment, Wanted, minor
from tests.evidence.record.plan import PYTHON
from tests.evidence.record.store import Record

TITLES = {
    "grpcio": "grpcio",
    "iam": "google-cloud-iam",
    "python": "Python",
    "start-method": "start method",
    "fork-support": "GRPC_ENABLE_FORK_SUPPORT",
}
"""What an axis is called on a page."""
OF_RELEASES = {name: TITLES[name] for name in ("grpcio", "iam", "python")}
"""The axes of releases, by what they are releases of."""
FIELDS = {"grpcio": "grpcio", "iam": "google_cloud_iam", "python": "python"}
"""What an environment calls its release on an axis."""
VARIED = {
    "grpcio": ("the minor releases of grpcio", f"Python {PYTHON}, the newest google-cloud-iam"),
    "iam": ("the releases of google-cloud-iam", f"Python {PYTHON}, the newest grpcio"),
    "python": ("the minor releases of Python", "the newest of both packages"),
    "fork-support": ("`GRPC_ENABLE_FORK_SUPPORT`", f"Python {PYTHON}, the newest of both"),
    "start-method": ("the start method", "the newest releases"),
}
"""What differs along each axis, and what the other releases are."""


def planned(record: Record, file: str, name: str) -> Strip:
    """Return the cells of an axis that the plan has for a file, with their verdicts."""
    strip = axis(record, file, name)
    if name != "start-method":
        return strip
    wanted = record.book.start_methods(file)
    return tuple((method, verdict) for method, verdict in strip if method in wanted)


def release_of(name: str, environment: Wanted | Environment) -> str:
    """Return the release that stands on an axis."""
    release = str(getattr(environment, FIELDS[name]))
    return minor(release) if name == "python" else release
