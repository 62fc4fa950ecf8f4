"""Closing a client after the threads that share it."""

import subprocess
import sys
from collections import Counter

import pytest

from recipes.testing.local_iam import LocalIAM
from tests.book import BOOK
from tests.runner import answers
from tests.support.live import live
from tests.support.recipes import Cook, Stands

FILE = "threads/close_after_threads"
TEST = "TestIamPermissions"
GRANT = """
import sys

import google.auth
from google.cloud import iam_admin_v1

credentials, _ = google.auth.default()
member = f"serviceAccount:{credentials.service_account_email}"
grants = [{"role": role, "members": [member]} for role in sys.argv[2:]]
name = f"projects/-/serviceAccounts/{sys.argv[1]}"
request = {"resource": name, "policy": {"bindings": grants}}
iam_admin_v1.IAMClient().set_iam_policy(request=request, timeout=60)
"""


@pytest.mark.parametrize(("file", "start_method"), BOOK.variants(FILE, f"{FILE}_broken"))
def test_verdict_stands(stands: Stands, file: str, start_method: str) -> None:
    """The recipe answers for every account exactly once; the broken twin does not."""
    stands(file, start_method)


def test_threads_use_one_connection(cook: Cook, local_iam: LocalIAM) -> None:
    """No thread closes the client: all calls arrive on one connection, several at a time."""
    local_iam.slow(0.2, method=TEST)
    cook(FILE)
    observation = local_iam.observe()

    assert len(local_iam.service_accounts) == observation.calls[TEST]
    assert 1 == observation.connections
    assert observation.most_in_flight > 1


def test_failed_call_is_reported_with_its_account(cook: Cook, local_iam: LocalIAM) -> None:
    """Each account whose call fails is named with the error, and the exit code is 1."""
    local_iam.fail("PERMISSION_DENIED", method=TEST)
    run = cook(FILE)

    assert "raises SystemExit" == str(run.outcome)
    assert "" == run.stdout
    assert sorted(local_iam.service_accounts) == sorted(email for email, _ in answers(run.stderr))


def test_granted_permissions_are_named(cook: Cook, local_iam: LocalIAM) -> None:
    """What the caller was granted on an account is what is printed of it."""
    account = local_iam.service_accounts[3]
    role = "roles/iam.serviceAccountTokenCreator"
    subprocess.run([sys.executable, "-c", GRANT, account, role], check=True)
    try:
        found = dict(answers(cook(FILE).stdout))
    finally:
        subprocess.run([sys.executable, "-c", GRANT, account], check=True)

    assert "iam.serviceAccounts.getAccessToken" == found.pop(account)
    assert {"none"} == set(found.values())


def test_first_thread_of_the_twin_cancels_the_calls_of_the_others(local_iam: LocalIAM) -> None:
    """The broken twin answers the first account; the calls under way end as cancelled."""
    local_iam.slow(4, spread=3, method=TEST)
    accounts = local_iam.service_accounts[:4]
    with live(f"{FILE}_broken") as running:
        running.send(accounts)
        stdout, stderr = running.finish()
    found, failed = answers(stdout), answers(stderr)

    assert 1 == running.process.returncode
    assert found
    assert {"499 Channel closed!"} == {error for _, error in failed}
    assert Counter(accounts) == Counter(email for email, _ in found + failed)
