"""Do the job of the recipe that shares a client, by turns with it and with bare loops.

Usage: python -m tests.benchmarks.programs.recipe_and_bare TURNS
Prints as JSON the seconds of CPU of each turn: the recipe's, those of a loop, and those of a loop
in each of as many threads. All create one client, list the accounts, and describe the keys of each
by the same function; the loops have no pool, and drop what the function returns.
"""

import json
import os
import sys
import threading
import time
from contextlib import redirect_stdout
from pathlib import Path

from google.cloud import iam_admin_v1

from recipes.testing.local_iam import LocalIAMControl
from recipes.threads import share_one_client


def recipe(project: str) -> None:
    with Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere):
        if share_one_client.main(project):
            raise RuntimeError("a call failed")


def loop(project: str) -> None:
    client = iam_admin_v1.IAMClient()
    for email in share_one_client.list_emails(client, project):
        share_one_client.describe_keys(client, project, email)


def loop_in_threads(project: str) -> None:
    client = iam_admin_v1.IAMClient()
    emails = share_one_client.list_emails(client, project)

    def describe(own: list[str]) -> None:
        for email in own:
            share_one_client.describe_keys(client, project, email)

    number = share_one_client.THREADS
    parts = [emails[first::number] for first in range(number)]
    threads = [threading.Thread(target=describe, args=(part,)) for part in parts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


JOBS = (recipe, loop, loop_in_threads)


def main() -> None:
    project = LocalIAMControl.from_environment().project
    loop(project)  # what is done once in a process belongs to none of them
    turns = []
    for turn in range(int(sys.argv[1])):
        first = turn % len(JOBS)
        used = {}
        for job in JOBS[first:] + JOBS[:first]:
            begin = time.process_time()
            job(project)
            used[job] = time.process_time() - begin
        turns.append([used[job] for job in JOBS])
    print(json.dumps(turns), flush=True)


if __name__ == "__main__":
    main()
