"""Jobs of the chapter on threads: services that are narrow, slow, silent, or have a quota.

What one client for all threads gains shows where many calls are under way, and what a deadline or
a quota asks of them where the service is not well.
"""

import os

from recipes.testing.local_iam.api.catalogue import ROLES
from tests.evidence.jobs.base import (
    ACCOUNTS,
    NUMBER_OF_ACCOUNTS,
    Accounts,
    Job,
    Lines,
    Names,
    fault,
)

AT_ONCE = 256
"""Lines to sign at the same time."""
STREAMS = 100
"""Calls that a connection carries at a time."""
LATENCY = 3
"""Seconds that the service takes, where one call is to wait for another."""
AHEAD = 8
"""Lines that a writer who waits for answers sends ahead of them."""
DESCRIPTORS = 12
"""Open files: more than a client needs, fewer than there are service accounts."""

# half of the accounts at once, the others when the quota's minute of ten seconds is over
HALF_OF_THEM = (fault("quota", NUMBER_OF_ACCOUNTS // 2, minute=10),)
NARROW = (fault("limit_streams", STREAMS), fault("slow", LATENCY))
# a thousand calls of a few threads take far longer than a few seconds
SLOW = (fault("slow", 0.1, method="sign_blob"),)

JOBS = {
    "bound_backlog": Job(ahead=AHEAD),
    "keep_every_result": Job(Accounts(deleted="deleted")),
    "respect_quota": Job(argv=("600",), faults=HALF_OF_THEM),
    # a share of the calls goes without an answer
    "set_deadlines_and_retries": Job(
        Names("roles", tuple(ROLES)), faults=(fault("slow", 600, rate=1 / 7, method="get_role"),)
    ),
    # others have used the rest of the quota
    "share_credentials": Job(
        argv=("{account}",), faults=(fault("quota", 2, method="generate_access_token"),)
    ),
    "share_one_client": Job(ACCOUNTS, ("{project}",), stdin=False, descriptors=DESCRIPTORS),
    # a thousand calls of a few threads take far longer than a few seconds
    "stop_cleanly": Job(
        Lines(1000), ("{account}", "2"), faults=(fault("slow", 0.1, method="sign_blob"),)
    ),
    "trace_calls": Job(argv=("TICKET-1", os.devnull)),
    "use_more_connections": Job(
        Lines(AT_ONCE),
        ("{account}",),
        faults=NARROW,
    ),
    "use_rest": Job(argv=("https://example.com",)),
}
