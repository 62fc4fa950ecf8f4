"""Uses an inherited client in the workers of pools."""

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from google.cloud import iam_credentials_v1

from recipes.safeguards import fork_guard
from tests.safeguards.attacks import say, sign
from tests.safeguards.fork_guard.refusals import answer

fork_guard.install()
client = iam_credentials_v1.IAMCredentialsClient()


def work(_: int) -> int:
    return sign(client)


if __name__ == "__main__":
    fork = get_context("fork")
    with fork.Pool(2) as pool:
        say("Pool", answer(lambda: pool.map(work, [1, 2])))
    with ProcessPoolExecutor(2, mp_context=fork) as executor:
        say("ProcessPoolExecutor", answer(lambda: [*executor.map(work, [1, 2])]))
