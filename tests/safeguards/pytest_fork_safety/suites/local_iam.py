"""Uses the fixture of a local IAM, each test as if it were the first."""

from typing import Any

from google.cloud.iam_credentials_v1 import IAMCredentialsClient


def sign(local_iam: Any) -> Any:
    with IAMCredentialsClient() as client:
        name = f"projects/-/serviceAccounts/{local_iam.service_accounts[0]}"
        return client.sign_blob(name=name, payload=b"text", timeout=60)


def test_one(local_iam: Any) -> None:
    local_iam.fail("UNAVAILABLE", rate=0)
    sign(local_iam)
    assert {"SignBlob": 1} == local_iam.observe().calls


def test_two(local_iam: Any) -> None:
    assert {} == local_iam.observe().calls
    sign(local_iam)
