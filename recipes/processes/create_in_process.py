# /// script
# requires-python = ">=3.10"
# dependencies = ["google-cloud-iam>=2.19"]
# ///
"""Sign files with the key of a service account, in processes that each create their own client.

Usage: python create_in_process.py SERVICE_ACCOUNT FILE...
"""

import hashlib
import sys
from base64 import b64encode
from collections.abc import Iterator
from multiprocessing import Pipe, Process
from multiprocessing.connection import Connection, wait
from pathlib import Path

from google.api_core.exceptions import GoogleAPIError
from google.cloud import iam_credentials_v1

PROCESSES = 4


def sign(client: iam_credentials_v1.IAMCredentialsClient, account: str, file: str) -> str:
    digest = hashlib.sha256(Path(file).read_bytes()).digest()
    name = f"projects/-/serviceAccounts/{account}"
    response = client.sign_blob(name=name, payload=digest, timeout=10)  # at most 70 s
    return f"{response.key_id} {b64encode(response.signed_blob).decode()}"


def sign_files(account: str, files: list[str], answers: Connection) -> None:
    """Runs in a process of its own, after the fork: the client is created here."""
    client = iam_credentials_v1.IAMCredentialsClient()
    for file in files:
        try:
            answers.send((file, sign(client, account, file), None))
        except (GoogleAPIError, OSError) as error:
            answers.send((file, None, " ".join(str(error).split())))


def start_process(account: str, files: list[str]) -> Connection:
    reader, writer = Pipe(duplex=False)
    Process(target=sign_files, args=(account, files, writer)).start()
    writer.close()  # now the process holds the only writer, and its end is the end of the pipe
    return reader


def receive(readers: list[Connection]) -> Iterator[tuple[str, str | None, str | None]]:
    while readers:
        ready = wait(readers)
        for reader in [each for each in readers if each in ready]:
            try:
                yield reader.recv()
            except (EOFError, OSError):  # this process has ended, or died amid an answer
                readers.remove(reader)


def main(account: str, *files: str) -> int:
    unsigned = dict.fromkeys(files, "its process died before it answered")
    shards = [list(unsigned)[i::PROCESSES] for i in range(PROCESSES)]
    for file, signature, error in receive([start_process(account, shard) for shard in shards]):
        if error is None:
            print(file, signature, sep="\t")
            del unsigned[file]
        else:
            unsigned[file] = error
    for file, error in unsigned.items():
        print(file, error, sep="\t", file=sys.stderr)
    return 1 if unsigned else 0


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
