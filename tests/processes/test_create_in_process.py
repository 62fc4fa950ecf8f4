"""Creating a client in each process."""

import base64
import hashlib
import json
import subprocess
import sys
import time
from pathlib import Path
from subprocess import PIPE
from urllib.parse import urljoin
from urllib.request import urlopen

import psutil
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256

from recipes.testing.local_iam import LocalIAM
from tests.book import BOOK, ROOT
from tests.evidence.jobs.processes import RELEASE
from tests.runner import answers
from tests.support.recipes import Cook, Stands

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
    key_id, signature = dict(answers(run.stdout))["LICENSE"].split()
    key = listed_key(local_iam, account, key_id)

    assert isinstance(key, rsa.RSAPublicKey)
    digest = hashlib.sha256(Path(ROOT, "LICENSE").read_bytes()).digest()
    key.verify(base64.b64decode(signature), digest, padding.PKCS1v15(), SHA256())


def listed_key(local_iam: LocalIAM, account: str, key_id: str) -> object:
    """Fetch a public key as any verifier of signatures does."""
    caller = json.loads(Path(local_iam.environment["GOOGLE_APPLICATION_CREDENTIALS"]).read_text())
    certificates = f"/service_accounts/v1/metadata/x509/{account}"
    with urlopen(urljoin(caller["token_uri"], certificates)) as answer:  # noqa: S310 - on loopback
        certificate = x509.load_pem_x509_certificate(json.load(answer)[key_id].encode())
    return certificate.public_key()


def test_killed_process_loses_no_file(local_iam: LocalIAM) -> None:
    """Files whose process was killed end as errors with their names, the others as signed."""
    local_iam.slow(5, method=SIGN)
    command = [sys.executable, str(BOOK.path(FILE)), local_iam.service_accounts[0], *RELEASE]
    with subprocess.Popen(command, cwd=ROOT, stdout=PIPE, stderr=PIPE, text=True) as running:
        try:
            wait_for_calls(local_iam)
            psutil.Process(running.pid).children(recursive=True)[-1].kill()
            signed, failed = running.communicate(timeout=60)
        finally:
            running.kill()
    names = [name for name, _ in answers(signed) + answers(failed)]

    assert 1 == running.returncode
    assert sorted(RELEASE) == sorted(names)
    assert "its process died" in failed


def wait_for_calls(local_iam: LocalIAM) -> None:
    """Wait until each of the four processes has a call under way."""
    deadline = time.monotonic() + 60
    while local_iam.observe().calls.get(SIGN, 0) < 4:
        assert time.monotonic() < deadline
        time.sleep(0.05)
