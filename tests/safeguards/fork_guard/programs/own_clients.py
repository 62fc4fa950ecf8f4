"""Uses a client of each process's own, in children, grandchildren and their threads."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from google.cloud import iam_credentials_v1

from recipes.safeguards import fork_guard
from tests.safeguards.attacks import say, sign
from tests.safeguards.fork_guard.refusals import answer, forked

fork_guard.install()
Client = iam_credentials_v1.IAMCredentialsClient
client = Client()
sign(client)


def in_threads(use: Callable[[], object]) -> str:
    with ThreadPoolExecutor(8) as threads:
        found = {future.result() for future in [threads.submit(answer, use) for _ in range(8)]}
    return " ".join(sorted(found))


def child() -> str:
    global client
    results = [answer(lambda: sign(client)), in_threads(lambda: sign(client))]
    client = Client()
    results += [str(sign(client)), in_threads(lambda: sign(client))]
    results += [forked(lambda: sign(client)), forked(lambda: sign(Client()))]
    return " ".join(results)


def in_thread(use: Callable[[], str]) -> str:
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(use).result()


say("main thread", forked(child))
say("thread", in_thread(lambda: forked(child)))
say("creator", in_threads(lambda: sign(client)))
