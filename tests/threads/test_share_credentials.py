"""Letting threads share credentials."""

import os
import subprocess
import sys
import textwrap

import pytest

from recipes.testing.local_iam import LocalIAM
from tests.book import BOOK, ROOT
from tests.runner import answers
from tests.support.recipes import Cook, Stands

FILE = "threads/share_credentials"
MINT = "GenerateAccessToken"
READ = "GetIamPolicy"


@pytest.mark.parametrize(("file", "start_method"), BOOK.variants(FILE, f"{FILE}_broken"))
def test_verdict_stands(stands: Stands, file: str, start_method: str) -> None:
    """The recipe answers for every account with one token; the broken twin asks for too many."""
    stands(file, start_method)


def test_one_token_serves_all_threads(cook: Cook, local_iam: LocalIAM) -> None:
    """One token is minted, however long that takes, and one connection carries all calls."""
    local_iam.slow(1, method=MINT)
    local_iam.slow(0.5, method=READ)
    cook(FILE)
    seen = local_iam.observe()

    assert {MINT: 1, READ: len(local_iam.service_accounts)} == seen.calls
    assert 1 == seen.token_requests
    assert 1 < seen.most_in_flight <= 8


def test_cold_threads_fetch_a_token_each(cook: Cook, local_iam: LocalIAM) -> None:
    """Without a quota the twin answers all the same, for a token of each thread."""
    local_iam.slow(5, method=MINT)
    run = cook(f"{FILE}_broken", faults=False)

    assert "ok" == str(run.outcome)
    assert 8 == local_iam.observe().calls[MINT]


def test_members_are_named(cook: Cook, local_iam: LocalIAM) -> None:
    """Who has a role on an account is in its line, once; the others say nobody."""
    account = local_iam.service_accounts[3]
    members = ["user:ann@example.com", "user:bob@example.com"]
    set_policy(local_iam, account, {"roles/iam.serviceAccountUser": members})
    try:
        found = dict(answers(cook(FILE).stdout))
    finally:
        set_policy(local_iam, account, {})

    assert "user:ann@example.com, user:bob@example.com" == found.pop(account)
    assert {"nobody"} == set(found.values())


def set_policy(local_iam: LocalIAM, account: str, members: dict[str, list[str]]) -> None:
    """Set the policy of an account, by a client in a process of its own."""
    bindings = [{"role": role, "members": names} for role, names in members.items()]
    program = f"""
        from google.cloud import iam_admin_v1

        name = "projects/-/serviceAccounts/{account}"
        request = {{"resource": name, "policy": {{"bindings": {bindings}}}}}
        iam_admin_v1.IAMClient().set_iam_policy(request, timeout=30)
    """
    subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        env={**os.environ, **local_iam.environment},
        cwd=ROOT,
        check=True,
    )


def test_failed_call_is_reported_with_its_account(cook: Cook, local_iam: LocalIAM) -> None:
    """Each account whose call fails is named with the error, and the exit code is 1."""
    local_iam.fail("PERMISSION_DENIED", method=READ)
    run = cook(FILE)

    assert "raises SystemExit" == str(run.outcome)
    assert "" == run.stdout
    assert sorted(local_iam.service_accounts) == sorted(email for email, _ in answers(run.stderr))


def test_auditor_who_cannot_be_impersonated_is_named(cook: Cook, local_iam: LocalIAM) -> None:
    """Where no token is minted no call is made, and the auditor is named with the reason."""
    local_iam.fail("PERMISSION_DENIED", method=MINT)
    run = cook(FILE)
    seen = local_iam.observe()

    assert "raises SystemExit" == str(run.outcome)
    assert [local_iam.service_accounts[0]] == [email for email, _ in answers(run.stderr)]
    assert {MINT: 1} == seen.calls
