# /// script
# requires-python = ">=3.10"
# dependencies = ["google-cloud-iam>=2.19"]
# ///
"""Sign files with the key of a service account, each by the digest that another program computes.

Usage: python start_other_programs.py SERVICE_ACCOUNT FILE...
"""

import os
import signal
import subprocess
import sys
from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import suppress
from pathlib import Path

from google.api_core.exceptions import GoogleAPIError
from google.cloud import iam_credentials_v1

THREADS = 8
LIMIT = 60  # seconds for one run of the program


def sha256_of(file: str) -> bytes:
    """Have a program compute a digest; raise if it fails, or still runs at the limit."""
    with (
        Path(file).open("rb") as content,
        subprocess.Popen(
            ["sha256sum"],
            stdin=content,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,  # a setting, which needs no Python between fork and exec
        ) as program,
    ):
        try:
            output, complaint = program.communicate(timeout=LIMIT)
        except BaseException:
            with suppress(ProcessLookupError):  # its session ends, with all that it has started
                os.killpg(program.pid, signal.SIGKILL)
            raise
    if program.returncode != 0:
        raise ChildProcessError(f"sha256sum ended with {program.returncode}: {complaint}")
    return bytes.fromhex(output.split()[0])


def sign(client: iam_credentials_v1.IAMCredentialsClient, account: str, file: str) -> str:
    """Runs in a thread: it starts a program while other threads are in calls."""
    digest = sha256_of(file)
    name = f"projects/-/serviceAccounts/{account}"
    response = client.sign_blob(name=name, payload=digest, timeout=10)  # at most 70 s
    return f"{response.key_id} {b64encode(response.signed_blob).decode()}"


def main(account: str, *files: str) -> int:
    client = iam_credentials_v1.IAMCredentialsClient()
    failures = 0
    with ThreadPoolExecutor(THREADS) as threads:
        signed = {threads.submit(sign, client, account, file): file for file in {*files}}
        for future in as_completed(signed):
            try:
                print(signed[future], future.result(), sep="\t")
            except (GoogleAPIError, OSError, subprocess.TimeoutExpired) as error:
                failures += 1
                print(signed[future], " ".join(str(error).split()), sep="\t", file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
