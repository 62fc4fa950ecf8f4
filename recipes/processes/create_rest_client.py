# /// script
# requires-python = ">=3.10"
# dependencies = ["google-cloud-iam>=2.19"]
# ///
"""Mint an access token for each service account, in processes that each own a REST client.

Usage: gcloud iam service-accounts list --format='value(email)' |
           python create_rest_client.py
"""

import json
import os
import signal
import sys
from base64 import urlsafe_b64decode
from collections.abc import Iterator
from datetime import datetime, timezone
from multiprocessing import Pipe, Process, active_children, parent_process
from multiprocessing.connection import Connection, wait
from threading import Thread

import google.auth
from google.auth.exceptions import DefaultCredentialsError
from google.cloud import iam_credentials_v1

PROCESSES = 4
LIMIT = 90  # seconds, longer than a call takes: by REST its timeout bounds each of its waits
AUDIENCE = "https://example.com"

Client = iam_credentials_v1.IAMCredentialsClient


def mint_all(emails: list[str], answers: Connection) -> None:
    """Runs in a process of its own, after the fork: client and connections are created here."""
    Thread(target=end_with_parent, daemon=True).start()
    with Client(transport="rest") as client:
        for email in emails:
            answers.send((email, *mint(client, email)))


def mint(client: Client, email: str) -> tuple[str, str]:
    """Runs in a process of its own. The token is used there; only its expiry leaves."""
    name = f"projects/-/serviceAccounts/{email}"
    request = {"name": name, "audience": AUDIENCE, "include_email": True}
    try:
        token = client.generate_id_token(request, timeout=10).token  # 10 s a wait
        claims = json.loads(urlsafe_b64decode(token.split(".")[1] + "=="))
        expiry = datetime.fromtimestamp(claims["exp"], timezone.utc)
        if claims["email"] != email:
            return "", f"received the token of {claims['email']}"
        return f"valid until {expiry:%Y-%m-%d %H:%M} UTC", ""
    except Exception as error:  # errors of calls do not pickle, their text does
        return "", " ".join(str(error).split()) or type(error).__name__


def end_with_parent() -> None:
    """Leave no worker behind, however the program ends."""
    if parent := parent_process():
        parent.join()
        os._exit(1)


def start_process(emails: list[str]) -> Connection:
    reader, writer = Pipe(duplex=False)
    Process(target=mint_all, args=(emails, writer)).start()
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


def main() -> int:
    google.auth.default()  # raises here, once, and not in each process
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # ends the program at once, as SIGTERM does
    failed = dict.fromkeys(sys.stdin.read().split(), "its process died, or hangs")
    shards = [list(failed)[i::PROCESSES] for i in range(PROCESSES)]
    for email, validity, error in receive([start_process(shard) for shard in shards]):
        if error:
            failed[email] = error
        else:
            del failed[email]
            print(email, validity, sep="\t")
    for email, error in failed.items():
        print(email, error, sep="\t", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except DefaultCredentialsError as error:
        sys.exit(str(error))
