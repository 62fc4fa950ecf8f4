# /// script
# requires-python = ">=3.10"
# dependencies = ["google-cloud-iam>=2.19"]
# ///
"""Sign files with the key of a service account, in processes that each create their own client.

Usage: python create_in_process.py SERVICE_ACCOUNT FILE...
"""

import hashlib
import os
import signal
import sys
from base64 import b64encode
from collections.abc import Iterator
from multiprocessing import Pipe, Process, active_children, parent_process
from multiprocessing.connection import Connection, wait
from pathlib import Path
from threading import Thread

import google.auth
from google.auth.exceptions import DefaultCredentialsError
from google.cloud import iam_credentials_v1

PROCESSES = 4
LIMIT = 90  # seconds, longer than a call may take

Client = iam_credentials_v1.IAMCredentialsClient


def sign_files(account: str, files: list[str], answers: Connection) -> None:
    """Runs in a process of its own, after the fork: the client is created here."""
    Thread(target=end_with_parent, daemon=True).start()
    with Client() as client:
        for file in files:
            answers.send((file, *sign(client, account, file)))


def sign(client: Client, account: str, file: str) -> tuple[str, str]:
    """Return the signature, and the error: one of them is empty."""
    name = f"projects/-/serviceAccounts/{account}"
    try:
        digest = hashlib.sha256(Path(file).read_bytes()).digest()
        response = client.sign_blob(name=name, payload=digest, timeout=10)  # at most 70 s
        return f"{response.key_id} {b64encode(response.signed_blob).decode()}", ""
    except Exception as error:  # errors of calls do not pickle, their text does
        return "", " ".join(str(error).split()) or type(error).__name__


def end_with_parent() -> None:
    """Leave no worker behind, however the program ends."""
    if parent := parent_process():
        parent.join()
        os._exit(1)


def start_process(account: str, files: list[str]) -> Connection:
    reader, writer = Pipe(duplex=False)
    Process(target=sign_files, args=(account, files, writer)).start()
    writer.close()  # now the process holds the only writer, and its end is the end of the pipe
    return reader


def receive(readers: list[Connection]) -> Iterator[tuple[str, str, str]]:
    """Yield each answer, until every process has ended or nothing has come for too long."""
    while readers and (ready := wait(readers, LIMIT)):
        for reader in [each for each in readers if each in ready]:
            try:
                yield reader.recv()
            except (EOFError, OSError):  # this process has ended, or died amid an answer
                readers.remove(reader)
    for process in active_children():
        process.kill()  # it hangs, or is about to end


def main(account: str, *files: str) -> int:
    google.auth.default()  # raises here, once, and not in each process
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # ends the program at once, as SIGTERM does
    failed = dict.fromkeys(files, "its process died, or hangs")
    shards = [list(failed)[i::PROCESSES] for i in range(PROCESSES)]
    for file, signature, error in receive([start_process(account, shard) for shard in shards]):
        if error:
            failed[file] = error
        else:
            del failed[file]
            print(file, signature, sep="\t")
    for file, error in failed.items():
        print(file, error, sep="\t", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    try:
        sys.exit(main(*sys.argv[1:]))
    except DefaultCredentialsError as error:
        sys.exit(str(error))
