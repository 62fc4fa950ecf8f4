"""Uses an inherited client that is busy, in every way that leads to a call."""

import copy
import os
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import google.auth
import grpc
from google.cloud import iam_admin_v1, iam_credentials_v1, iam_v2, iam_v3
from google.cloud.iam_credentials_v1.types import SignBlobRequest

from recipes.safeguards import fork_guard
from tests.safeguards.attacks import Busy, account, say, sign
from tests.safeguards.fork_guard.refusals import try_all

fork_guard.install()
NAME = account()
PROJECT = f"projects/{google.auth.default()[1]}"


class Client(iam_credentials_v1.IAMCredentialsClient):
    """A client of the program's own kind."""


@lru_cache
def cached() -> Client:
    return Client()


client = cached()
admin = iam_admin_v1.IAMClient()
policies = iam_v2.PoliciesClient()
bindings = iam_v3.PolicyBindingsClient()
made_from_file = iam_credentials_v1.IAMCredentialsClient.from_service_account_file(
    os.environ["GOOGLE_APPLICATION_CREDENTIALS"]
)
copied = copy.copy(client)
shared = iam_credentials_v1.IAMCredentialsClient(transport=client.transport)
request = SignBlobRequest(name=NAME, payload=b"text")
transport: Any = client.transport
stub = transport.sign_blob
raw: Any = transport.grpc_channel
raw_stub = raw.unary_unary("/any/any")
raw_streams = raw.stream_stream("/any/any")


def intercepted() -> Any:
    return grpc.intercept_channel(raw)


CLIENTS: dict[str, Callable[[], object]] = {
    "method": lambda: sign(client),
    "cached": lambda: sign(cached()),
    "copy": lambda: sign(copied),
    "same transport": lambda: sign(shared),
    "factory": lambda: sign(made_from_file),
    "admin": lambda: admin.get_service_account(name=NAME, timeout=10),
    "iam_v2": lambda: policies.get_policy(name="policies/any", timeout=10),
    "operations of iam_v2": lambda: policies.transport.operations_client.get_operation("any"),
    "iam_v3": lambda: bindings.get_policy_binding(name="any", timeout=10),
    "pager": lambda: admin.list_service_accounts(name=PROJECT, timeout=10),
}
STUBS: dict[str, Callable[[], object]] = {
    "stub": lambda: transport.sign_blob(request, timeout=10),
    "kept stub": lambda: stub(request, timeout=10),
    "with_call": lambda: stub.with_call(request, timeout=10),
    "future": lambda: stub.future(request, timeout=10).result(timeout=10),
    "channel": lambda: raw.unary_unary("/google.iam.admin.v1.IAM/any"),
    "raw stub": lambda: raw_stub(b"", timeout=10),
    "raw with_call": lambda: raw_stub.with_call(b"", timeout=10),
    "raw future": lambda: raw_stub.future(b"", timeout=10),
    "raw stream": lambda: raw_streams(iter([b""]), timeout=10),
    "unary stream": lambda: next(raw.unary_stream("/any/any")(b"", timeout=10)),
    "stream unary": lambda: raw.stream_unary("/any/any")(iter([b""]), timeout=10),
    "stream stream": lambda: next(raw.stream_stream("/any/any")(iter([b""]), timeout=10)),
    "subscribe": lambda: raw.subscribe(print),
    "ready": lambda: grpc.channel_ready_future(raw).result(timeout=10),
    "intercepted": lambda: intercepted().unary_unary("/any/any")(b"", timeout=10),
}

with Busy(lambda: sign(client)):
    try_all(CLIENTS | STUBS, times=3)
    say("creator", sign(client))
