# /// script
# requires-python = ">=3.10"
# dependencies = ["google-cloud-iam>=2.19"]
# ///
"""Mint an access token for each service account, and do not wait for the last calls.

Usage: gcloud iam service-accounts list --format='value(email)' |
           python use_futures_broken.py
"""

import sys
from concurrent.futures import Future
from queue import SimpleQueue
from typing import Any

import grpc
from google.api_core.exceptions import from_grpc_error
from google.api_core.gapic_v1.routing_header import to_grpc_metadata
from google.auth.exceptions import DefaultCredentialsError
from google.cloud import iam_credentials_v1

UNDER_WAY = 100  # calls at a time, on one connection
SCOPE = "https://www.googleapis.com/auth/cloud-platform"

Call = Any  # of gRPC: a future that has `result`, `cancel` and `add_done_callback`


def start(client: iam_credentials_v1.IAMCredentialsClient, email: str) -> Call:
    """Start a call of the transport: retry, routing and deadline are not added by the client."""
    name = f"projects/-/serviceAccounts/{email}"
    method: Any = client.transport.generate_access_token
    try:
        request = iam_credentials_v1.GenerateAccessTokenRequest(name=name, scope=[SCOPE])
        return method.future(request, timeout=10, metadata=[to_grpc_metadata([("name", name)])])
    except Exception as error:  # of a name that cannot be sent
        call: Future[None] = Future()
        call.set_exception(error)
        return call


def report(email: str, call: Call) -> bool:
    """Print what a call that is done came to, and return whether it failed."""
    validity = error = ""
    try:
        validity = f"valid until {call.result().expire_time:%Y-%m-%d %H:%M} UTC"
    except Exception as raised:
        told = from_grpc_error(raised) if isinstance(raised, grpc.RpcError) else raised
        error = " ".join(str(told).split()) or type(raised).__name__
    print(email, error or validity, sep="\t", file=sys.stderr if error else sys.stdout)
    return bool(error)


def main() -> int:
    emails = sys.stdin.read().split()
    done: SimpleQueue[Call] = SimpleQueue()
    calls: dict[Call, str] = {}
    failures = 0
    with iam_credentials_v1.IAMCredentialsClient() as client:
        for email in emails:
            if len(calls) == UNDER_WAY:
                call = done.get()  # comes at the latest with the deadline of the oldest call
                failures += report(calls.pop(call), call)
            call = start(client, email)
            calls[call] = email
            call.add_done_callback(done.put)  # runs in gRPC's one thread, so it only passes on
    return 1 if failures else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except DefaultCredentialsError as error:
        sys.exit(str(error))
