# /// script
# requires-python = ">=3.10"
# dependencies = ["google-cloud-iam>=2.19", "requests>=2.20"]
# ///
"""Mint an ID token for each service account, in processes that inherit a REST client.

Usage: gcloud iam service-accounts list --format='value(email)' |
           python create_rest_client_broken.py
"""

import json
import sys
from base64 import urlsafe_b64decode
from collections.abc import Iterator
from datetime import datetime, timezone
from multiprocessing import Pipe, Process
from multiprocessing.connection import Connection, wait

from google.api_core.exceptions import GoogleAPIError
from google.auth.exceptions import GoogleAuthError
from google.cloud import iam_credentials_v1
from requests.exceptions import RequestException

PROCESSES = 4
AUDIENCE = "https://example.com"

Answer = tuple[str, str | None, str | None]

client: iam_credentials_v1.IAMCredentialsClient


def mint(client: iam_credentials_v1.IAMCredentialsClient, email: str) -> Answer:
    """Runs in a process of its own. The token is used there; only its expiry leaves."""
    name = f"projects/-/serviceAccounts/{email}"
    try:
        response = client.generate_id_token(
            name=name,
            audience=AUDIENCE,
            include_email=True,
            timeout=10,  # at most 70 s
        )
    except (GoogleAPIError, GoogleAuthError, RequestException) as error:
        return email, None, " ".join(str(error).split())  # such errors do not pickle
    claims = json.loads(urlsafe_b64decode(response.token.split(".")[1] + "=="))
    if claims["email"] != email:
        return email, None, f"received the token of {claims['email']}"
    expiry = datetime.fromtimestamp(claims["exp"], timezone.utc)
    return email, f"valid until {expiry:%Y-%m-%d %H:%M} UTC", None


def mint_all(emails: list[str], answers: Connection) -> None:
    """Runs in a process of its own: client and connections are those that the fork left here."""
    for email in emails:
        answers.send(mint(client, email))


def start_process(emails: list[str]) -> Connection:
    reader, writer = Pipe(duplex=False)
    Process(target=mint_all, args=(emails, writer)).start()
    writer.close()  # now the process holds the only writer, and its end is the end of the pipe
    return reader


def receive(readers: list[Connection]) -> Iterator[Answer]:
    while readers:
        ready = wait(readers)
        for reader in [each for each in readers if each in ready]:
            try:
                yield reader.recv()
            except (EOFError, OSError):  # this process has ended, or died amid an answer
                readers.remove(reader)


def main() -> int:
    global client
    client = iam_credentials_v1.IAMCredentialsClient(transport="rest")
    failed = dict.fromkeys(sys.stdin.read().split(), "its process died before it answered")
    for email in list(failed)[:1]:
        mint(client, email)  # the parent uses its client, and the connection stays open
    shards = [list(failed)[i::PROCESSES] for i in range(PROCESSES)]
    for email, validity, error in receive([start_process(shard) for shard in shards]):
        if error is None:
            print(email, validity, sep="\t")
            del failed[email]
        else:
            failed[email] = error
    for email, error in failed.items():
        print(email, error, sep="\t", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
