"""Starting other programs while a client is open and threads call."""

import os
import signal
from pathlib import Path

import pytest

from recipes.testing.local_iam import LocalIAM
from tests.book import BOOK, ROOT
from tests.evidence.jobs.processes import RELEASE
from tests.evidence.measure.run_job import run_job
from tests.runner import Command, Runner, answers
from tests.support.live import live, wait_until
from tests.support.recipes import Cook, Stands
from tests.support.signatures import verify

FILE = "processes/start_other_programs"
TWIN = f"{FILE}_broken"


@pytest.mark.parametrize(("file", "start_method"), BOOK.variants(FILE, TWIN))
def test_verdict_stands(stands: Stands, file: str, start_method: str) -> None:
    """The recipe signs every file exactly once; the broken twin does not."""
    stands(file, start_method)


@pytest.mark.parametrize("fork_support", ["0", "1"])
def test_verdict_stands_with_fork_support(stands: Stands, fork_support: str) -> None:
    """The broken twin works with GRPC_ENABLE_FORK_SUPPORT=0 and hangs with 1."""
    stands(TWIN, "fork", fork_support)


def test_threads_share_one_connection(cook: Cook, local_iam: LocalIAM) -> None:
    """All files are signed over one connection, which no started program has disturbed."""
    run = cook(FILE)
    observation = local_iam.observe()

    assert "ok" == str(run.outcome)
    assert 1 == observation.connections
    assert {"SignBlob": len(answers(run.stdout))} == observation.calls
    assert [] == run.left_behind


def test_signature_verifies_with_the_listed_key(cook: Cook, local_iam: LocalIAM) -> None:
    """A signature is of the file's SHA-256 digest, made with a key that the account lists."""
    account = local_iam.service_accounts[0]
    run = cook(FILE, account, "LICENSE")

    verify(local_iam, account, ROOT / "LICENSE", dict(answers(run.stdout))["LICENSE"])


def test_unreadable_file_is_reported_and_the_others_are_signed(
    cook: Cook, local_iam: LocalIAM
) -> None:
    """A file that is not there ends as an error with its name; the rest ends signed."""
    run = cook(FILE, local_iam.service_accounts[0], "README.md", "no-such-file", "noxfile.py")

    assert "raises SystemExit" == str(run.outcome)
    assert {"README.md", "noxfile.py"} == set(dict(answers(run.stdout)))
    assert {"no-such-file"} == set(dict(answers(run.stderr)))


def test_failed_call_is_reported_with_its_file(cook: Cook, local_iam: LocalIAM) -> None:
    """Each file that is not signed is named with the error."""
    local_iam.fail("PERMISSION_DENIED", method="SignBlob")
    run = cook(FILE, local_iam.service_accounts[0], *RELEASE)

    assert "raises SystemExit" == str(run.outcome)
    assert sorted(RELEASE) == sorted(name for name, _ in answers(run.stderr))
    assert len(RELEASE) == run.stderr.count("was asked for")


def put_in_place(folder: Path, program: str) -> str:
    """Write a program that is found as `sha256sum`; return the PATH that has it so."""
    path = folder / "sha256sum"
    path.write_text(f"#!/bin/sh\n{program}\n", "utf-8")
    path.chmod(0o755)
    return f"{folder}:{os.environ['PATH']}"


def test_program_that_fails_is_reported_with_its_file(
    cook: Cook, local_iam: LocalIAM, tmp_path: Path
) -> None:
    """Each file is named with the exit code and the last words of the program."""
    path = put_in_place(tmp_path, "echo it is too dark >&2; exit 3")
    run = cook(FILE, local_iam.service_accounts[0], *RELEASE, PATH=path)

    assert "raises SystemExit" == str(run.outcome)
    assert "" == run.stdout
    assert dict.fromkeys(RELEASE, "sha256sum ended with 3: it is too dark") == dict(
        answers(run.stderr)
    )


def test_program_at_its_limit_is_killed_with_what_it_started(
    local_iam: LocalIAM, recipe_runner: Runner, tmp_path: Path
) -> None:
    """A program that does not end is reported, and nothing that it started is left."""
    text = BOOK.path(FILE).read_text("utf-8")
    impatient = tmp_path / "impatient.py"
    impatient.write_text(text.replace("LIMIT = 60", "LIMIT = 1"), "utf-8")
    command = Command(
        impatient,
        [local_iam.service_accounts[0], *RELEASE],
        deadline=60,
        environment={
            **local_iam.environment,
            "PATH": put_in_place(tmp_path, "sleep 600 & wait"),
        },
        cwd=ROOT,
    )
    run = recipe_runner.run(command)

    assert "raises SystemExit" == str(run.outcome)
    assert sorted(RELEASE) == sorted(name for name, _ in answers(run.stderr))
    assert "timed out after 1 seconds" in run.stderr
    assert [] == run.left_behind


def test_ctrl_c_does_not_reach_the_program(
    local_iam: LocalIAM, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A SIGINT to the recipe's process group interrupts the recipe, not what it has started."""
    started, interrupted, ended = (tmp_path / name for name in ("started", "interrupted", "ended"))
    program = f"trap 'touch {interrupted}' INT; touch {started}; sleep 2; touch {ended}; exit 3"
    monkeypatch.setenv("PATH", put_in_place(tmp_path, program))
    with live(FILE, local_iam.service_accounts[0], "LICENSE") as running:
        wait_until(started.exists)
        running.signal_all(signal.SIGINT)
        _, failed = running.finish()

    assert "KeyboardInterrupt" in failed
    assert ended.exists()
    assert not interrupted.exists()


def test_twin_hangs_in_the_fork(local_iam: LocalIAM, recipe_runner: Runner) -> None:
    """Where the twin hangs, a thread stands where `subprocess` forks."""
    for _ in range(20):
        outcome, run = run_job(TWIN, local_iam, recipe_runner, start_method="fork")
        if outcome == "hang":
            break

    assert "hang" == outcome
    assert "in _execute_child" in run.stderr
