"""Jobs of the chapter on event loops."""

from tests.evidence.jobs.base import ACCOUNTS, Job, Lines, fault

JOBS = {
    # all lines together take longer than the deadline of one, and a few far less
    "bound_concurrency": Job(
        Lines(100), ("{account}",), faults=(fault("limit_streams", 10), fault("slow", 1.5))
    ),
    "use_anyio": Job(argv=("trio",)),
    "use_processes": Job(ACCOUNTS, ("{project}",), stdin=False),
}
