"""Do the job of the recipe that shares a client, by turns with it and with a bare loop.

Usage: python -m tests.benchmarks.programs.recipe_and_bare PAIRS
Prints as JSON the seconds of CPU of each turn, the recipe's and the bare loop's. Both create one
client, list the accounts, and in as many threads describe the keys of each by the same function;
the bare loop has no pool, drops what the function returns, and would lose the error of a call.
"""

import json
import os
import sys
import threading
import time
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path

from google.cloud import iam_admin_v1

from recipes.testing.local_iam import LocalIAMControl
from recipes.threads import share_one_client


def bare(project: str) -> None:
    client = iam_admin_v1.IAMClient()
    emails = share_one_client.list_emails(client, project)

    def loop(own: list[str]) -> None:
        for email in own:
            share_one_client.describe_keys(client, project, email)

    number = share_one_client.THREADS
    threads = [threading.Thread(target=loop, args=(emails[i::number],)) for i in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def recipe(project: str) -> None:
    with Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere):
        if share_one_client.main(project):
            raise RuntimeError("a call failed")


def cpu_seconds(job: Callable[[str], None], project: str) -> float:
    begin = time.process_time()
    job(project)
    return time.process_time() - begin


def main() -> None:
    project = LocalIAMControl.from_environment().project
    bare(project)  # what is done once in a process belongs to neither
    pairs = []
    for turn in range(int(sys.argv[1])):
        jobs = (recipe, bare) if turn % 2 else (bare, recipe)
        used = {job: cpu_seconds(job, project) for job in jobs}
        pairs.append((used[recipe], used[bare]))
    print(json.dumps(pairs), flush=True)


if __name__ == "__main__":
    main()
