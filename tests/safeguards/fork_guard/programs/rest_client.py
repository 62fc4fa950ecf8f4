"""Uses REST clients, sessions and requests that were inherited, and copies of them."""

import copy
import pickle
import threading
from typing import Any

import google.auth
from google.auth.transport.requests import AuthorizedSession, Request
from google.cloud import iam_credentials_v1

from recipes.safeguards import fork_guard
from tests.safeguards.attacks import account, say, sign
from tests.safeguards.fork_guard.refusals import forked, try_all

fork_guard.install()
SCOPES = ["https://www.googleapis.com/auth/cloud-platform"]
ADDRESS = f"https://iamcredentials.googleapis.com/v1/{account()}:signBlob"
CERTIFICATES = "https://www.googleapis.com/oauth2/v1/certs"

default: Any = google.auth.default()[0]
credentials = default.with_scopes(SCOPES)
rest = iam_credentials_v1.IAMCredentialsClient(transport="rest")
sign(rest)
session: Any = AuthorizedSession(credentials)
request: Any = Request()
shallow = copy.copy(request)
pickled = pickle.dumps(request)


class Session(AuthorizedSession):
    """A session of the program's own kind."""

    def __init__(self, credentials: Any) -> None:
        super().__init__(credentials)  # type: ignore[no-untyped-call]


own = Session(credentials)


def post(session: Any) -> int:
    answer = session.post(ADDRESS, json={"payload": "dGV4dA=="}, timeout=10)
    return int(answer.status_code)


def call(request: Any) -> int:
    return int(request(CERTIFICATES).status)


def hold_lock(lock: Any, locked: threading.Event, done: threading.Event) -> None:
    with lock:
        locked.set()
        done.wait()


def close_while_a_thread_holds_the_lock() -> None:
    """Close in a child; to close the session itself would be to wait for the thread."""
    locked, done = threading.Event(), threading.Event()
    lock = session.get_adapter("https://").poolmanager.pools.lock
    threading.Thread(target=hold_lock, args=(lock, locked, done)).start()
    locked.wait()
    say("closed", forked(lambda: (rest.transport.close(), session.close())))
    done.set()


try_all(
    {
        "client": lambda: sign(rest),
        "session": lambda: post(session),
        "subclass": lambda: post(own),
        "request": lambda: call(request),
        "copy": lambda: call(shallow),
        "refresh": lambda: credentials.refresh(request),
    }
)
close_while_a_thread_holds_the_lock()
say("unpickled", forked(lambda: call(pickle.loads(pickled))))  # noqa: S301 - its own
say("deep copy", forked(lambda: call(copy.deepcopy(request))))
say("own", forked(lambda: sign(iam_credentials_v1.IAMCredentialsClient(transport="rest"))))
say("creator", f"{sign(rest)} {post(session)} {call(request)}")
