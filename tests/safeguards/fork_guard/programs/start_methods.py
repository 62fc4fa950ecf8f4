"""Uses clients in the workers of a pool, by the start method that the runner has set."""

import multiprocessing
import subprocess
import sys
from typing import Any

from google.cloud import iam_credentials_v1

from recipes.safeguards import fork_guard
from tests.safeguards.attacks import say, sign
from tests.safeguards.fork_guard.refusals import answer

fork_guard.install()
client: Any = None


def work(_: int) -> str:
    inherited = "nothing" if client is None else answer(lambda: sign(client))
    return f"{inherited} {sign(iam_credentials_v1.IAMCredentialsClient())}"


if __name__ == "__main__":
    client = iam_credentials_v1.IAMCredentialsClient()
    sign(client)
    with multiprocessing.Pool(2) as pool:
        for result in pool.map(work, [1, 2]):
            say("worker", result)
    done = subprocess.run([sys.executable, "-c", "print(1)"], capture_output=True, check=True)
    say("subprocess", done.stdout.decode().strip())
    say("creator", sign(client))
