"""Forks in C, which runs none of Python's handlers."""

import ctypes
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

from google.cloud import iam_credentials_v1

from recipes.safeguards import fork_guard
from tests.safeguards.attacks import say, sign
from tests.safeguards.fork_guard.refusals import answer, forked

fork_guard.install()


def fork_in_c() -> int:
    for thread in threading.enumerate():
        if type(thread).__name__ == "_RegionalAccessBoundaryRefreshThread":
            thread.join()  # it may hold a lock that such a fork never frees in the child
    return int(ctypes.PyDLL(None).fork())


sys.setswitchinterval(1e-6)
client = iam_credentials_v1.IAMCredentialsClient()
sign(client)


def own_in_threads() -> set[int]:
    start = threading.Barrier(8)

    def own() -> int:
        start.wait()
        client = iam_credentials_v1.IAMCredentialsClient()
        return sign(client)

    with ThreadPoolExecutor(8) as threads:
        return {future.result() for future in [threads.submit(own) for _ in range(8)]}


def child() -> str:
    own = iam_credentials_v1.IAMCredentialsClient()
    results = [answer(lambda: sign(client)), str(sign(own))]
    results.append(forked(lambda: sign(own)))
    results.append(forked(lambda: sign(own), fork_in_c))
    return " ".join(results)


say("child", forked(child, fork_in_c))
for _ in range(5):
    say("threads", forked(own_in_threads, fork_in_c))
say("creator", sign(client))
