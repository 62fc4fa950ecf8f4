"""Submits an account to an executor whose process has died."""

import os
from concurrent.futures import ProcessPoolExecutor

from recipes.processes.create_on_first_use import answered, submit_all

if __name__ == "__main__":
    with ProcessPoolExecutor(1) as executor:
        executor.submit(os._exit, 1).exception()
        futures = submit_all(executor, ["nobody@example.com"])
    assert [] == list(answered(futures))
