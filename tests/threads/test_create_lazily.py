"""Creating one client on first use, from many threads."""

import pytest

from recipes.testing.local_iam import LocalIAM
from tests.evidence.jobs import variants
from tests.evidence.plugin import Cook, Stands
from tests.processes.live import live
from tests.runner import answers

FILE = "threads/create_lazily"


@pytest.mark.parametrize(("file", "start_method"), variants(FILE, f"{FILE}_broken"))
def test_verdict_stands(stands: Stands, file: str, start_method: str) -> None:
    """The recipe answers for every account; the twin's threads use what is not there yet."""
    stands(file, start_method)


def test_threads_that_race_create_one_client(cook: Cook, local_iam: LocalIAM) -> None:
    """All calls travel on one connection, several at a time."""
    local_iam.slow(1)
    cook(FILE)
    observation = local_iam.observe()

    assert len(local_iam.service_accounts) == observation.calls["GenerateAccessToken"]
    assert 1 == observation.connections
    assert observation.most_in_flight > 1


def test_nothing_is_created_where_there_is_nothing_to_do(
    local_iam: LocalIAM, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without an account the recipe does well even where no client can be created."""
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "no-such-file.json")
    with live(FILE) as running:
        running.send([])
        stdout, stderr = running.finish()

    assert (0, "", "") == (running.process.returncode, stdout, stderr)


def test_failed_call_is_reported_with_its_account(cook: Cook, local_iam: LocalIAM) -> None:
    """Each account whose call fails is named with the error, and the exit code is 1."""
    local_iam.fail("PERMISSION_DENIED")
    run = cook(FILE)
    named = dict(answers(run.stderr))

    assert "raises SystemExit" == str(run.outcome)
    assert "" == run.stdout
    assert set(local_iam.service_accounts) == set(named)
