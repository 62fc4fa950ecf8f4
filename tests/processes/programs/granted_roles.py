"""Reads the policies of accounts in threads; the first account has one of its own meanwhile.

Usage: granted_roles.py EMAIL...
"""

import sys
from concurrent.futures import ThreadPoolExecutor

from google.iam.v1 import policy_pb2  # type: ignore[import-untyped]

from recipes.processes.create_on_first_use import answer, client, submit_all

emails = sys.argv[1:]
binding = policy_pb2.Binding(
    role="roles/iam.serviceAccountUser", members=["user:ada@example.com", "user:bob@example.com"]
)


def set_policy(policy: policy_pb2.Policy) -> None:
    name = f"projects/-/serviceAccounts/{emails[0]}"
    client().set_iam_policy(request={"resource": name, "policy": policy}, timeout=10)


set_policy(policy_pb2.Policy(bindings=[binding]))
with ThreadPoolExecutor(8) as threads:
    futures = submit_all(threads, emails)
for email, future in zip(emails, futures, strict=True):
    granted, error = answer(future)
    print(email, granted or error, sep="\t")
set_policy(policy_pb2.Policy())
