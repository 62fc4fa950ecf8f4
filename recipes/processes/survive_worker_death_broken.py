# /// script
# requires-python = ">=3.10"
# dependencies = ["google-cloud-iam>=2.19"]
# ///
"""Sign files with the key of a service account, in a pool that does not notice a death.

Usage: python survive_worker_death_broken.py SERVICE_ACCOUNT FILE...
"""

import hashlib
import os
import signal
import sys
from base64 import b64encode
from collections.abc import Iterable, Iterator
from multiprocessing import Pool, parent_process
from pathlib import Path
from threading import Thread

import google.auth
from google.auth.exceptions import DefaultCredentialsError
from google.cloud import iam_credentials_v1

WORKERS = 4
CPU_SECONDS = 0.25  # for a file, among others; a worker that takes longer is killed by the kernel
CPU_SECONDS_ALONE = 60.0
Answer = tuple[str, str]  # the result, and the error: one of them is empty

client: iam_credentials_v1.IAMCredentialsClient
name: str
limit: float


def start_worker(account: str, cpu_seconds: float) -> None:
    """Runs once in each worker, after the fork."""
    global client, name, limit
    Thread(target=end_with_parent, daemon=True).start()
    client = iam_credentials_v1.IAMCredentialsClient()
    name, limit = f"projects/-/serviceAccounts/{account}", cpu_seconds


def sign(file: str) -> Answer:
    """Runs in a worker. To sign a file twice does no harm, so it may be tried again."""
    signal.setitimer(signal.ITIMER_PROF, limit)
    try:
        digest = hashlib.sha512()
        with Path(file).open("rb") as stream:
            while block := stream.read(1 << 20):
                digest.update(block)
        response = client.sign_blob(name=name, payload=digest.digest(), timeout=10)  # at most 70 s
        return f"{response.key_id} {b64encode(response.signed_blob).decode()}", ""
    except Exception as error:  # errors of calls do not pickle, their text does
        return "", " ".join(str(error).split()) or type(error).__name__
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def end_with_parent() -> None:
    """Leave no worker behind, however the program ends."""
    if parent := parent_process():
        parent.join()
        os._exit(1)


def sign_files(
    account: str, files: Iterable[str], workers: int, cpu_seconds: float
) -> Iterator[tuple[str, Answer | None]]:
    """Yield each file with its answer."""
    files = list(files)
    with Pool(workers, start_worker, (account, cpu_seconds)) as pool:
        yield from zip(files, pool.imap(sign, files), strict=True)


def answers(account: str, files: Iterable[str]) -> Iterator[tuple[str, Answer]]:
    """Yield each file with its answer, in the end."""
    suspects: list[str] = []
    for file, answer in sign_files(account, files, WORKERS, CPU_SECONDS):
        if answer is None:
            suspects.append(file)
        else:
            yield file, answer
    for suspect in suspects:  # one after the other, alone, so that no other file dies with it
        for file, answer in sign_files(account, [suspect], 1, CPU_SECONDS_ALONE):
            yield file, answer or ("", "its worker died twice, the second time alone")


def main(account: str, *files: str) -> int:
    google.auth.default()  # raises here, once, and not in each worker
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # ends the program at once, as SIGTERM does
    failures = 0
    for file, (signature, error) in answers(account, dict.fromkeys(files)):
        failures += bool(error)
        print(file, error or signature, sep="\t", file=sys.stderr if error else sys.stdout)
    return 1 if failures else 0


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    try:
        sys.exit(main(*sys.argv[1:]))
    except DefaultCredentialsError as error:
        sys.exit(str(error))
