"""Submits accounts to an executor whose process has died."""

import os
from concurrent.futures import ProcessPoolExecutor
from itertools import zip_longest

from recipes.processes.create_on_first_use import answer, submit_all

EMAILS = ["ada@example.com", "bob@example.com"]

if __name__ == "__main__":
    with ProcessPoolExecutor(1) as executor:
        executor.submit(os._exit, 1).exception()
        futures = submit_all(executor, EMAILS)
    for email, future in zip_longest(EMAILS, futures):
        print(email, *answer(future), sep="\t")
