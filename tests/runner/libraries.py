"""What the process that forks the runs imports first, and what it reads of its environment then.

Imports are most of what a small run costs, and a fork gets them for nothing. But a variable that
was read by an import cannot be changed after it: such a run gets an interpreter of its own.
"""

import re
from collections.abc import Mapping

IMPORTED = (
    "asyncio",
    "collections",
    "concurrent.futures.process",
    "concurrent.futures.thread",
    "contextlib",
    "dataclasses",
    "datetime",
    "functools",
    "json",
    "logging",
    "multiprocessing",
    "multiprocessing.connection",
    "multiprocessing.forkserver",
    "multiprocessing.pool",
    "multiprocessing.popen_fork",
    "multiprocessing.popen_forkserver",
    "multiprocessing.popen_spawn_posix",
    "multiprocessing.queues",
    "multiprocessing.resource_tracker",
    "multiprocessing.shared_memory",
    "multiprocessing.synchronize",
    "pathlib",
    "queue",
    "random",
    "subprocess",
    "tempfile",
    "threading",
    "traceback",
    "typing",
    "urllib.request",
    "grpc",
    "grpc._channel",
    "grpc._interceptor",
    "grpc._plugin_wrapping",
    "grpc.aio",
    "google.api_core.exceptions",
    "google.api_core.retry",
    "google.auth.transport.grpc",
    "google.auth.transport.requests",
    "google.iam.v1.policy_pb2",
    "google.oauth2.reauth",
    "google.oauth2.service_account",
    "google.cloud.iam_admin_v1",
    "google.cloud.iam_credentials_v1",
)

# Read by gRPC, Python, libc or protobuf when they start or are imported, which was before the fork.
_READ_EARLY = re.compile(
    r"(GRPC|PYTHON|LD|LC|LANG|TZ|MALLOC|GLIBC|PROTOCOL_BUFFERS|OPENSSL)(_?[A-Z_]*)"
)
# Read by gRPC when the first channel is made, which is after the fork.
_READ_LATE = {"GRPC_DEFAULT_SSL_ROOTS_FILE_PATH"}


def read_early(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that have no effect any more when they are changed after the imports."""
    return {
        name: value
        for name, value in environment.items()
        if _READ_EARLY.fullmatch(name) and name not in _READ_LATE
    }
