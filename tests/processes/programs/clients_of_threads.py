"""Asks for the client from many threads at once, in three processes one after the other.

Usage: clients_of_threads.py START_METHOD
"""

import os
import sys
from multiprocessing import get_context
from threading import Barrier, Thread

from google.cloud import iam_admin_v1

from recipes.processes.create_on_first_use import client

THREADS = 32


def answers_of_many_threads() -> None:
    barrier = Barrier(THREADS)
    answers: list[iam_admin_v1.IAMClient] = []

    def ask() -> None:
        barrier.wait()
        answers.append(client())

    threads = [Thread(target=ask) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(f"{os.getpid()}\t{len(answers)} answers, {len(set(answers))} clients", flush=True)


if __name__ == "__main__":
    for _ in range(3):
        context = get_context(sys.argv[1])
        process = context.Process(target=answers_of_many_threads)  # type: ignore[attr-defined]
        process.start()
        process.join()
