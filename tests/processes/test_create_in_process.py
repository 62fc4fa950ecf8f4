"""Creating a client in each process."""

import subprocess
import sys
from subprocess import PIPE

import psutil
import pytest

from recipes.testing.local_iam import LocalIAM
from tests.book import BOOK, ROOT
from tests.evidence.jobs.processes import RELEASE
from tests.runner import answers
from tests.support.live import SECONDS, wait_until
from tests.support.recipes import Cook, Stands
from tests.support.signatures import verify

FILE = "processes/create_in_process"
SIGN = "SignBlob"


@pytest.mark.parametrize(("file", "start_method"), BOOK.variants(FILE, f"{FILE}_broken"))
def test_verdict_stands(stands: Stands, file: str, start_method: str) -> None:
    """The recipe signs every file exactly once; the broken twin does not."""
    stands(file, start_method)


def test_each_process_has_a_connection_of_its_own(cook: Cook, local_iam: LocalIAM) -> None:
    """Four processes make four connections, and no process uses another's."""
    cook(FILE)

    assert 4 == local_iam.observe().connections


def test_unreadable_file_is_reported_and_the_others_are_signed(
    cook: Cook, local_iam: LocalIAM
) -> None:
    """A file that is not there ends as an error with its name; the rest ends signed."""
    account = local_iam.service_accounts[0]
    run = cook(FILE, account, "README.md", "no-such-file", "noxfile.py")
    signed = dict(answers(run.stdout))

    assert "raises SystemExit" == str(run.outcome)
    assert {"README.md", "noxfile.py"} == set(signed)
    assert {"no-such-file"} == set(dict(answers(run.stderr)))


def test_signature_verifies_with_the_listed_key(cook: Cook, local_iam: LocalIAM) -> None:
    """A signature is of the file's SHA-256 digest, made with a key that the account lists."""
    account = local_iam.service_accounts[0]
    run = cook(FILE, account, "LICENSE")

    verify(local_iam, account, ROOT / "LICENSE", dict(answers(run.stdout))["LICENSE"])


def test_killed_process_loses_no_file(local_iam: LocalIAM) -> None:
    """Files whose process was killed end as errors with their names, the others as signed."""
    local_iam.slow(5, method=SIGN)
    command = [sys.executable, str(BOOK.path(FILE)), local_iam.service_accounts[0], *RELEASE]
    with subprocess.Popen(command, cwd=ROOT, stdout=PIPE, stderr=PIPE, text=True) as running:
        try:
            wait_until(lambda: local_iam.observe().calls.get(SIGN, 0) >= 4)
            psutil.Process(running.pid).children(recursive=True)[-1].kill()
            signed, failed = running.communicate(timeout=SECONDS)
        finally:
            running.kill()
    names = [name for name, _ in answers(signed) + answers(failed)]

    assert 1 == running.returncode
    assert sorted(RELEASE) == sorted(names)
    assert "its process died" in failed
