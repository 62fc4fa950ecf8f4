"""Benchmark: what a forked child can do, by what its parent had done about an async client.

Each row is `RUNS` new programs. One whose fork or child has not ended after `LIMIT` seconds counts
as frozen, and is killed.
"""

import asyncio
import os
import subprocess
import sys
from collections import Counter

from google.cloud import iam_credentials_v1

from recipes.testing.local_iam import LocalIAM, LocalIAMControl
from tests.benchmarks.results import store
from tests.book import ROOT

RUNS = 6
LIMIT = 8.0

AsyncClient = iam_credentials_v1.IAMCredentialsAsyncClient
kept: list[AsyncClient] = []


async def sign(client: AsyncClient) -> None:
    name = f"projects/-/serviceAccounts/{email()}"
    await client.sign_blob(name=name, payload=b"text", timeout=5)


def email() -> str:
    return LocalIAMControl.from_environment().service_accounts[0]


async def sign_and_keep() -> None:
    kept.append(AsyncClient())
    await sign(kept[0])


async def sign_and_close() -> None:
    async with AsyncClient() as client:
        await sign(client)


def sign_without_loop() -> None:
    name = f"projects/-/serviceAccounts/{email()}"
    iam_credentials_v1.IAMCredentialsClient().sign_blob(name=name, payload=b"text", timeout=5)


PARENTS = {
    "left it open": lambda: asyncio.run(sign_and_keep()),
    "closed it, and forked at once": lambda: asyncio.run(sign_and_close()),
    "never had one": lambda: None,
}
CHILDREN = {
    "async": lambda: asyncio.run(sign_and_close()),
    "sync": sign_without_loop,
}


def fork(parent: str, child: str) -> int:
    """Do what the parent does, fork, and do what the child does; return how the child ended."""
    PARENTS[parent]()
    print("forks", flush=True)
    pid = os.fork()
    if pid == 0:
        CHILDREN[child]()
        os._exit(0)
    print("forked", flush=True)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def outcome(parent: str, child: str) -> str:
    """Run a program with these two, and say what became of it."""
    command = [sys.executable, "-m", __spec__.name, parent, child]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == "forks\n"
        try:
            output, _ = process.communicate(timeout=LIMIT)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, 9)
            output, _ = process.communicate()
            return "child hung" if "forked" in output else "fork froze"
    return {"0": "ok"}.get(output.split()[-1], "child died")


def main() -> int:
    """Measure each pair, print and store the table."""
    rows: list[dict[str, str | int | float]] = []
    with LocalIAM() as local_iam:
        os.environ.update(local_iam.environment)
        for parent in PARENTS:
            for child in CHILDREN:
                seen = Counter(outcome(parent, child) for _ in range(RUNS))
                rows.append(
                    {
                        "before the fork, the parent": parent,
                        "client of the child": child,
                        "runs": RUNS,
                        "ok": seen["ok"],
                        "child died": seen["child died"],
                        "child hung": seen["child hung"],
                        "fork froze": seen["fork froze"],
                    }
                )
                print(*rows[-1].values(), sep="\t", flush=True)
    store("async_client_at_fork", rows)
    return 0


if __name__ == "__main__":
    if len(sys.argv) == 3:
        print(fork(*sys.argv[1:]))
        sys.exit()
    sys.exit(main())
