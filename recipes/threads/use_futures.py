# /// script
# requires-python = ">=3.10"
# dependencies = ["google-cloud-iam>=2.19"]
# ///
"""Mint an access token for each service account, with many calls under way in one thread.

Usage: gcloud iam service-accounts list --format='value(email)' |
           python use_futures.py
"""

import sys
from queue import SimpleQueue
from typing import Any

import grpc
from google.api_core.exceptions import from_grpc_error
from google.api_core.gapic_v1.routing_header import to_grpc_metadata
from google.cloud import iam_credentials_v1

UNDER_WAY = 100  # calls at a time, on one connection
SCOPE = "https://www.googleapis.com/auth/cloud-platform"

Call = Any  # of gRPC: a future that has `result`, `cancel` and `add_done_callback`


def start(client: iam_credentials_v1.IAMCredentialsClient, email: str) -> Call:
    """Start a call of the transport: retry, routing and deadline are not added by the client."""
    name = f"projects/-/serviceAccounts/{email}"
    request = iam_credentials_v1.GenerateAccessTokenRequest(name=name, scope=[SCOPE])
    routing = [to_grpc_metadata([("name", name)])]
    method: Any = client.transport.generate_access_token
    return method.future(request, timeout=10, metadata=routing)


def report(email: str, call: Call) -> int:
    """Print what became of a call that is done, and return the number of failures."""
    try:
        expiry = call.result().expire_time
    except grpc.RpcError as error:
        message = " ".join(str(from_grpc_error(error)).split())
        print(email, message, sep="\t", file=sys.stderr)
        return 1
    print(email, f"valid until {expiry:%Y-%m-%d %H:%M} UTC", sep="\t")
    return 0


def main() -> int:
    client = iam_credentials_v1.IAMCredentialsClient()
    done: SimpleQueue[Call] = SimpleQueue()
    calls: dict[Call, str] = {}
    failures = 0
    for email in (email for line in sys.stdin for email in line.split()):
        if len(calls) == UNDER_WAY:
            call = done.get()
            failures += report(calls.pop(call), call)
        call = start(client, email)
        calls[call] = email
        call.add_done_callback(done.put)  # runs in gRPC's one thread, so it only passes on
    while calls:  # no thread but this one waits for them
        call = done.get()
        failures += report(calls.pop(call), call)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
