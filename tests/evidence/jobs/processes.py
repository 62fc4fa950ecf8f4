"""Jobs of the chapter on processes: parents that are busy while they fork, and files to sign."""

from tests.evidence.jobs.base import ACCOUNTS, Files, Job, Lines, fault
from tests.evidence.jobs.busy import BUSY, FAULTS, LATER

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
PROGRAMS = 100
"""Other programs to start: enough that some start while others' calls are under way."""
AHEAD = 8
"""Lines that a writer who waits for answers sends ahead of them."""
SIGNED = ("{account}", "{inputs}")

JOBS = {
    "create_in_executor_worker": BUSY,
    "create_in_pool_worker": BUSY,
    "create_in_process": Job(Files(RELEASE), SIGNED, stdin=False, faults=FAULTS, later=LATER),
    "create_on_first_use": BUSY,
    # answers are under way for a while, as they are from any real service
    "create_rest_client": Job(faults=(fault("far", 0.05),)),
    "fork_directly": BUSY,
    "list_first_then_fork": Job(ACCOUNTS, ("{project}",), stdin=False, faults=FAULTS, later=LATER),
    "recycle_workers": Job(argv=("1",)),
    "start_other_programs": Job(Files(small=PROGRAMS), SIGNED, stdin=False),
    "stream_results": Job(ahead=AHEAD),
    "stop_pool": Job(Lines(ORDERS), ("{account}", "1")),
    "survive_worker_death": Job(Files(RELEASE, large=True), SIGNED, stdin=False),
}
