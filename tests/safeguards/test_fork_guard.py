"""The fork guard, attacked: whatever a fork does with what it inherited, nothing hangs."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from recipes.testing.local_iam import LocalIAM
from tests.evidence.jobs import variants
from tests.evidence.plugin import Cook, Stands
from tests.runner import START_METHODS, Command, InterpreterRunner, Run, answers

FILE = "safeguards/fork_guard"
RECIPES = Path(__file__).parents[2] / "recipes" / "safeguards"
PAGE = "https://iam-concurrency-cookbook.readthedocs.io/en/latest/safeguards/fork-guard.html"
DEADLINE = 90.0
REFUSED = "refused"

PRELUDE = """\
import asyncio
import copy
import gc
import os
import pickle
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from multiprocessing import get_context

import fork_guard
import google.auth
import grpc
import grpc.aio
from fork_guard import InheritedClientError
from google.auth.transport.requests import AuthorizedSession, Request
from google.cloud import iam_admin_v1, iam_credentials_v1, iam_v2, iam_v3
from google.cloud.iam_credentials_v1.types import SignBlobRequest

credentials, project = google.auth.default()
NAME = f"projects/-/serviceAccounts/{credentials.service_account_email}"


def sign(client):
    return len(client.sign_blob(name=NAME, payload=b"text", timeout=10).signed_blob)


async def sign_async(client):
    return len((await client.sign_blob(name=NAME, payload=b"text", timeout=10)).signed_blob)


def answer(use):
    try:
        return str(use())
    except InheritedClientError:
        return "refused"
    except BaseException as error:
        return repr(error)


def forked(use, fork=os.fork):
    "Return what a forked child answered; the whole program hangs if it does."
    reader, writer = os.pipe()
    pid = fork()
    if pid == 0:
        os.write(writer, answer(use).encode())
        os._exit(0)
    os.close(writer)
    with open(reader) as file:
        text = file.read()
    status = os.waitpid(pid, 0)[1]
    return text if status == 0 else f"ended with status {status}"


def keep_busy(use, threads=8):
    "Return when so many threads had an answer each; they go on."
    warm = threading.Barrier(threads + 1)

    def run():
        use()
        warm.wait()
        while True:
            use()

    for _ in range(threads):
        threading.Thread(target=run, daemon=True).start()
    warm.wait()


def end():
    "End without the threads that are still calling."
    sys.stdout.flush()
    os._exit(0)
"""

INSTALLED = PRELUDE + "\nfork_guard.install()\n"

STREAMS = f"""
environment = {{name: value for name, value in os.environ.items() if name != "grpc_proxy"}}
server = subprocess.Popen(
    [sys.executable, {str(Path(__file__).with_name("stream_server.py"))!r}],
    stdin=subprocess.PIPE,
    stdout=subprocess.PIPE,
    env=environment,
    text=True,
)
ADDRESS = f"127.0.0.1:{{server.stdout.readline().strip()}}"
"""

Attack = Callable[..., Run]


@pytest.fixture
def attack(local_iam: LocalIAM, recipe_runner: InterpreterRunner, tmp_path: Path) -> Attack:
    """Run a program that has the guard at hand, in a process of its own, for a bounded time."""

    def attack(program: str, start_method: str | None = None, **variables: str) -> Run:
        script = tmp_path / "program.py"
        script.write_text(program, "utf-8")
        command = Command(
            script,
            deadline=DEADLINE,
            start_method=start_method,
            environment={
                **local_iam.environment,
                "PYTHONPATH": str(RECIPES),
                "PYTHONWARNINGS": "ignore",
                **variables,
            },
            cwd=tmp_path,
        )
        return recipe_runner.run(command)

    return attack


def said(run: Run) -> dict[str, str]:
    r"""Return the lines `NAME\tANSWER` of a program that ended by itself."""
    assert "ok" == str(run.outcome), run.stderr
    found = dict(answers(run.stdout))
    assert found, "the program said nothing"
    return found


@pytest.mark.parametrize(("file", "start_method"), variants(FILE, f"{FILE}_broken"))
def test_verdict_stands(stands: Stands, file: str, start_method: str) -> None:
    """With the guard each account is answered exactly once; without it the workers hang."""
    stands(file, start_method)


def test_program_reports_each_refusal_and_answers_each_account(
    cook: Cook, local_iam: LocalIAM
) -> None:
    """The workers are refused the inherited client, and the parent answers for them."""
    run = cook(FILE)
    refusals = [line for line in run.stderr.splitlines() if PAGE in line]
    processes = re.findall(r"process (\d+) created .* used in process (\d+)", run.stderr)

    assert "ok" == str(run.outcome)
    assert sorted(local_iam.service_accounts) == sorted(name for name, _ in answers(run.stdout))
    assert len(local_iam.service_accounts) == len(refusals) == len(processes)
    assert 1 == len({creator for creator, _ in processes})
    assert all(creator != user for creator, user in processes)


def test_failed_call_is_reported_with_its_account(cook: Cook, local_iam: LocalIAM) -> None:
    """Each account whose call fails is named with the error, and the exit code is 1."""
    local_iam.fail("PERMISSION_DENIED")
    run = cook(FILE)

    assert "raises SystemExit" == str(run.outcome)
    assert "" == run.stdout
    assert set(local_iam.service_accounts) == set(dict(answers(run.stderr)))


def test_every_use_of_a_busy_client_is_refused(attack: Attack) -> None:
    """Whatever way leads to a call of an inherited client ends with the guard's error."""
    run = attack(
        INSTALLED
        + """
class Client(iam_credentials_v1.IAMCredentialsClient):
    pass

@lru_cache
def cached():
    return Client()

client = cached()
admin = iam_admin_v1.IAMClient()
policies = iam_v2.PoliciesClient()
bindings = iam_v3.PolicyBindingsClient()
made_from_file = iam_credentials_v1.IAMCredentialsClient.from_service_account_file(
    os.environ["GOOGLE_APPLICATION_CREDENTIALS"]
)
copied = copy.copy(client)
shared = iam_credentials_v1.IAMCredentialsClient(transport=client.transport)
request = SignBlobRequest(name=NAME, payload=b"text")
stub = client.transport.sign_blob
raw = client.transport.grpc_channel
raw_stub = raw.unary_unary("/any/any")
raw_streams = raw.stream_stream("/any/any")
pager = admin.list_service_accounts(name=f"projects/{project}", timeout=10)
keep_busy(lambda: sign(client))
uses = {
    "method": lambda: sign(client),
    "cached": lambda: sign(cached()),
    "copy": lambda: sign(copied),
    "same transport": lambda: sign(shared),
    "factory": lambda: sign(made_from_file),
    "admin": lambda: admin.get_service_account(name=NAME, timeout=10),
    "iam_v2": lambda: policies.get_policy(name="policies/any", timeout=10),
    "operations of iam_v2": lambda: policies.transport.operations_client.get_operation("any"),
    "iam_v3": lambda: bindings.get_policy_binding(name="any", timeout=10),
    "pager": lambda: admin.list_service_accounts(name=f"projects/{project}", timeout=10),
    "stub": lambda: client.transport.sign_blob(request, timeout=10),
    "kept stub": lambda: stub(request, timeout=10),
    "with_call": lambda: stub.with_call(request, timeout=10),
    "future": lambda: stub.future(request, timeout=10).result(timeout=10),
    "channel": lambda: raw.unary_unary("/google.iam.admin.v1.IAM/any"),
    "raw stub": lambda: raw_stub(b"", timeout=10),
    "raw with_call": lambda: raw_stub.with_call(b"", timeout=10),
    "raw future": lambda: raw_stub.future(b"", timeout=10),
    "raw stream": lambda: raw_streams(iter([b""]), timeout=10),
    "unary stream": lambda: next(raw.unary_stream("/any/any")(b"", timeout=10)),
    "stream unary": lambda: raw.stream_unary("/any/any")(iter([b""]), timeout=10),
    "stream stream": lambda: next(raw.stream_stream("/any/any")(iter([b""]), timeout=10)),
    "subscribe": lambda: raw.subscribe(print),
    "ready": lambda: grpc.channel_ready_future(raw).result(timeout=10),
    "intercepted": lambda: grpc.intercept_channel(raw).unary_unary("/any/any")(b"", timeout=10),
}
for name, use in uses.items():
    for _ in range(3):
        print(name, forked(use), sep="\\t")
print("creator", sign(client), sep="\\t")
end()
"""
    )
    found = said(run)

    assert "256" == found.pop("creator")
    assert dict.fromkeys(found, REFUSED) == found
    assert 25 == len(found)
    assert 76 == len(answers(run.stdout))


def test_call_in_flight_is_refused(attack: Attack) -> None:
    """A future, a stream or an awaitable that the parent started is nothing for the child."""
    run = attack(
        INSTALLED
        + STREAMS
        + """
def in_loop(use):
    async def run():
        return await use()
    return lambda: asyncio.run(run())

channel = grpc.insecure_channel(ADDRESS)
stop = threading.Event()

def requests():
    yield b"text"
    stop.wait()

future = channel.stream_unary("/echo/last").future(requests())
stream = channel.unary_stream("/echo/many")(b"text")
both = channel.stream_stream("/echo/each")(requests())
options = [(grpc.experimental.ChannelOptions.SingleThreadedUnaryStream, 1)]
other = grpc.insecure_channel(ADDRESS, options)
single = other.unary_stream("/echo/many")(b"text")
assert [b"text"] * 3 == [next(stream), next(both), next(single)]
uses = {
    "result": lambda: future.result(timeout=10),
    "exception": lambda: future.exception(timeout=10),
    "callback": lambda: future.add_done_callback(print),
    "cancel": lambda: future.cancel(),
    "next": lambda: next(stream),
    "for": lambda: [*stream],
    "code": lambda: stream.code(),
    "both": lambda: next(both),
    "single": lambda: next(single),
}
for name, use in uses.items():
    print(name, forked(use), sep="\\t")

def dropped():
    global future, stream, both, single
    del future, stream, both, single
    uses.clear()
    gc.collect()
    return "dropped"

print("dropped", forked(dropped), sep="\\t")
stop.set()
print("creator", future.result(timeout=10).decode(), sep="\\t")

async def main():
    channel = grpc.aio.insecure_channel(ADDRESS)
    one = channel.unary_unary("/echo/one")(b"text")
    stream = channel.stream_stream("/echo/each")()
    await stream.write(b"text")
    await stream.done_writing()
    assert b"text" == await one == await stream.read()
    assert grpc.StatusCode.OK == await stream.code()
    return channel, one, stream

loop = asyncio.new_event_loop()
channel, one, stream = loop.run_until_complete(main())
uses = {
    "await": in_loop(lambda: one),
    "read": in_loop(stream.read),
    "write": in_loop(lambda: stream.write(b"text")),
    "async code": in_loop(stream.code),
    "async cancel": stream.cancel,
}
for name, use in uses.items():
    print(name, forked(use), sep="\\t")
server.kill()
server.wait()
"""
    )
    found = said(run)

    assert "text" == found.pop("creator")
    assert "dropped" == found.pop("dropped")
    assert dict.fromkeys(found, REFUSED) == found
    assert 14 == len(found)


def test_message_names_processes_place_and_page(attack: Attack) -> None:
    """The error names both processes, the line that constructed the client, and the page."""
    run = attack(
        INSTALLED
        + """
def make():
    return iam_credentials_v1.IAMCredentialsClient(
        transport="grpc"
    )

client = make()
rest = iam_credentials_v1.IAMCredentialsClient(transport="rest")  # the other

def message(client):
    try:
        sign(client)
    except InheritedClientError as error:
        return f"{os.getpid()} {error}"

for each in (client, rest):
    print(os.getpid(), forked(lambda: message(each)), sep="\\t")
"""
    )
    lines = (run.script).read_text("utf-8").splitlines()
    constructed = lines.index("    return iam_credentials_v1.IAMCredentialsClient(") + 1
    other = next(number for number, line in enumerate(lines, 1) if line.endswith("# the other"))

    assert "ok" == str(run.outcome), run.stderr
    for (parent, answer), line in zip(answers(run.stdout), (constructed, other), strict=True):
        child, _, message = answer.partition(" ")
        assert parent != child
        assert message == (
            f"the client that process {parent} created at {run.script}:{line} is used in process "
            f"{child}, which inherited it: create a client in each process, see {PAGE}"
        )


def test_place_in_an_installed_program(
    local_iam: LocalIAM, recipe_runner: InterpreterRunner, tmp_path: Path
) -> None:
    """Where the program itself is installed, its line is named, not one of Google's packages."""
    program = tmp_path / "site-packages" / "program.py"
    program.parent.mkdir()
    program.write_text(
        INSTALLED
        + """
def message():
    try:
        sign(client)
    except InheritedClientError as error:
        return error

def make():
    return iam_credentials_v1.IAMCredentialsClient()

with ThreadPoolExecutor(1) as thread:
    client = thread.submit(lambda: make()).result()
print("message", forked(message), sep="\\t")
"""
    )
    environment = {**local_iam.environment, "PYTHONPATH": str(RECIPES), "PYTHONWARNINGS": "ignore"}
    run = recipe_runner.run(
        Command(program, deadline=DEADLINE, environment=environment, cwd=tmp_path)
    )
    lines = program.read_text("utf-8").splitlines()
    line = next(number for number, text in enumerate(lines, 1) if "return iam" in text)

    assert f"created at {program}:{line} is used" in said(run)["message"]


def test_error_travels_from_a_worker(attack: Attack) -> None:
    """Pools hand the guard's error to the parent as it is."""
    run = attack(
        INSTALLED
        + """
from concurrent.futures import ProcessPoolExecutor

client = iam_credentials_v1.IAMCredentialsClient()

def work(_):
    return sign(client)

if __name__ == "__main__":
    fork = get_context("fork")
    with fork.Pool(2) as pool:
        print("Pool", answer(lambda: pool.map(work, [1, 2])), sep="\\t")
    with ProcessPoolExecutor(2, mp_context=fork) as pool:
        print("ProcessPoolExecutor", answer(lambda: [*pool.map(work, [1, 2])]), sep="\\t")
"""
    )

    assert {"Pool": REFUSED, "ProcessPoolExecutor": REFUSED} == said(run)


def test_rest_client_and_its_credentials_are_refused(attack: Attack) -> None:
    """An inherited session shares its connection, so neither it nor a copy of it is used."""
    run = attack(
        INSTALLED
        + """
credentials = credentials.with_scopes(["https://www.googleapis.com/auth/cloud-platform"])
rest = iam_credentials_v1.IAMCredentialsClient(transport="rest")
sign(rest)
session = AuthorizedSession(credentials)
request = Request()
shallow = copy.copy(request)
pickled = pickle.dumps(request)
address = f"https://iamcredentials.googleapis.com/v1/{NAME}:signBlob"

class Session(AuthorizedSession):
    def __init__(self, credentials):
        super().__init__(credentials)

own = Session(credentials)
def post(session):
    return session.post(address, json={"payload": "dGV4dA=="}, timeout=10).status_code

def call(request):
    return request("https://www.googleapis.com/oauth2/v1/certs").status

uses = {
    "client": lambda: sign(rest),
    "session": lambda: post(session),
    "subclass": lambda: post(own),
    "request": lambda: call(request),
    "copy": lambda: call(shallow),
    "refresh": lambda: credentials.refresh(request),
}
for name, use in uses.items():
    print(name, forked(use), sep="\\t")
pools = session.get_adapter("https://").poolmanager.pools
locked, done = threading.Event(), threading.Event()

def hold_lock():
    with pools.lock:
        locked.set()
        done.wait()

threading.Thread(target=hold_lock).start()
locked.wait()  # to close the session would now be to wait for this thread
print("closed", forked(lambda: (rest.transport.close(), session.close())), sep="\\t")
done.set()
print("unpickled", forked(lambda: call(pickle.loads(pickled))), sep="\\t")
print("deep copy", forked(lambda: call(copy.deepcopy(request))), sep="\\t")
print("own", forked(
    lambda: sign(iam_credentials_v1.IAMCredentialsClient(transport="rest"))
), sep="\\t")
print("creator", sign(rest), post(session), call(request), sep="\\t")
"""
    )
    found = said(run)

    assert "256\t200\t200" == found.pop("creator")
    assert "(None, None)" == found.pop("closed")
    assert "256" == found.pop("own")
    assert "200" == found.pop("unpickled") == found.pop("deep copy")
    assert dict.fromkeys(found, REFUSED) == found
    assert 6 == len(found)


def test_other_http_clients_are_refused(attack: Attack) -> None:
    """Also what sends by urllib3, or by an asynchronous transport, is its creator's alone."""
    run = attack(
        INSTALLED
        + """
from google.auth.aio.credentials import AnonymousCredentials
from google.auth.aio.transport import Request as Transport
from google.auth.aio.transport.sessions import AsyncAuthorizedSession
from google.auth.transport import urllib3 as transport
from urllib3 import PoolManager

ADDRESS = "https://127.0.0.1:1/"

class Nowhere(Transport):
    async def __call__(self, *args, **kwargs):
        raise ConnectionError("not refused")

    async def close(self):
        pass

def get(session):
    async def run():
        return await session.request("GET", ADDRESS)
    return asyncio.run(run())

async def make():
    return AsyncAuthorizedSession(AnonymousCredentials(), Nowhere())

http = transport.AuthorizedHttp(AnonymousCredentials())
request = transport.Request(PoolManager(retries=False))
session = asyncio.run(make())
uses = {
    "http": lambda: http.urlopen("GET", ADDRESS),
    "request": lambda: request(ADDRESS),
    "session": lambda: get(session),
}
for name, use in uses.items():
    print(name, forked(use), sep="\\t")
own = lambda: transport.Request(PoolManager(retries=False))
print("own request", forked(lambda: own()(ADDRESS)), sep="\\t")
print("own session", forked(lambda: get(asyncio.run(make()))), sep="\\t")
"""
    )
    found = said(run)

    assert "TransportError" in found.pop("own request")
    assert "not refused" in found.pop("own session")
    assert {"http": REFUSED, "request": REFUSED, "session": REFUSED} == found


def test_async_client_is_refused_and_so_is_a_new_one_beside_it(attack: Attack) -> None:
    """A fork of a process that holds an asynchronous client can have none; otherwise it can."""
    run = attack(
        INSTALLED
        + """
Client = iam_credentials_v1.IAMCredentialsAsyncClient
loop = asyncio.new_event_loop()

async def make():
    client = Client()
    await sign_async(client)
    return client

client = loop.run_until_complete(make())

async def fresh():
    return await sign_async(Client())

def drop():
    global client
    del client
    gc.collect()
    return "dropped"

uses = {
    "same loop": lambda: loop.run_until_complete(sign_async(client)),
    "new loop": lambda: asyncio.run(sign_async(client)),
    "new client": lambda: asyncio.run(fresh()),
    "grandchild": lambda: forked(lambda: asyncio.run(fresh())),
    "state": lambda: client.transport.grpc_channel.get_state(),
    "close": lambda: loop.run_until_complete(client.transport.close()),
    "drop": drop,
    "new sync client": lambda: sign(iam_credentials_v1.IAMCredentialsClient()),
}
for name, use in uses.items():
    print(name, forked(use), sep="\\t")
print("creator", loop.run_until_complete(sign_async(client)), sep="\\t")
(plugin,) = (it for it in gc.get_objects() if type(it).__module__ == "grpc._plugin_wrapping")
held = sys.getrefcount(plugin)
loop.run_until_complete(client.transport.close())
while sys.getrefcount(plugin) == held:
    time.sleep(0.001)  # a thread of gRPC has yet to let go of it, and a fork would freeze
print("new client beside a closed one", forked(lambda: asyncio.run(fresh())), sep="\\t")
drop()
print("after drop", forked(lambda: asyncio.run(fresh())), sep="\\t")
"""
    )
    found = said(run)

    assert "256" == found.pop("creator") == found.pop("new sync client")
    assert "256" == found.pop("after drop")
    assert "None" == found.pop("close")
    assert "dropped" == found.pop("drop")
    assert dict.fromkeys(found, REFUSED) == found
    assert 6 == len(found)


def test_async_client_without_the_guard(attack: Attack) -> None:
    """A fork that makes an asynchronous client beside an inherited one hangs or dies.

    So does one that drops the inherited one.
    """
    run = attack(
        PRELUDE
        + """
import signal

Client = iam_credentials_v1.IAMCredentialsAsyncClient

async def make():
    client = Client()
    await sign_async(client)
    return client

client = asyncio.new_event_loop().run_until_complete(make())

async def fresh():
    await sign_async(Client())

def drop():
    global client
    del client
    gc.collect()

def answered(use):
    if (pid := os.fork()) == 0:
        use()
        os._exit(0)
    limit = time.monotonic() + 5
    while time.monotonic() < limit:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            return status == 0
        time.sleep(0.01)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return False

for name, use in {"new": lambda: asyncio.run(fresh()), "drop": drop}.items():
    well = all(answered(use) for _ in range(3))
    print(name, "answered" if well else "hung or died", sep="\\t")
end()
"""
    )

    assert {"new": "hung or died", "drop": "hung or died"} == said(run)


def test_close_drop_and_exit_end_at_once(attack: Attack) -> None:
    """A child may close, leave or drop a busy client, and end: it does not hang."""
    run = attack(
        INSTALLED
        + """
busy = iam_credentials_v1.IAMCredentialsClient()
idle = iam_credentials_v1.IAMCredentialsClient()
sign(idle)
keep_busy(lambda: sign(busy))

def leave():
    with busy:
        return "left"

def drop():
    global busy, idle
    del busy, idle
    gc.collect()
    return "dropped"

for _ in range(20):
    print("close", forked(busy.transport.close), sep="\\t")
    print("leave", forked(leave), sep="\\t")
    print("drop", forked(drop), sep="\\t")
    sys.stdout.flush()
    if (pid := os.fork()) == 0:
        sys.exit(0)
    print("exit", os.waitpid(pid, 0)[1], sep="\\t")
print("creator", sign(busy), sep="\\t")
end()
"""
    )

    assert {
        "close": "None",
        "leave": "left",
        "drop": "dropped",
        "exit": "0",
        "creator": "256",
    } == said(run)
    assert 81 == len(answers(run.stdout))


def test_each_process_uses_its_own_client(attack: Attack) -> None:
    """Children, grandchildren and their threads call with clients of their own, and no others."""
    run = attack(
        INSTALLED
        + """
Client = iam_credentials_v1.IAMCredentialsClient
client = Client()
sign(client)

def in_threads(use):
    with ThreadPoolExecutor(8) as threads:
        found = {future.result() for future in [threads.submit(answer, use) for _ in range(8)]}
    return " ".join(sorted(found))

def child():
    global client
    results = [answer(lambda: sign(client)), in_threads(lambda: sign(client))]
    client = Client()
    results += [str(sign(client)), in_threads(lambda: sign(client))]
    results += [forked(lambda: sign(client)), forked(lambda: sign(Client()))]
    return " ".join(results)

def in_thread(use):
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(use).result()

print("main thread", forked(child), sep="\\t")
print("thread", in_thread(lambda: forked(child)), sep="\\t")
print("creator", in_threads(lambda: sign(client)), sep="\\t")
"""
    )
    expected = "refused refused 256 256 refused 256"

    assert {"main thread": expected, "thread": expected, "creator": "256"} == said(run)


@pytest.mark.parametrize("start_method", START_METHODS)
def test_start_methods(attack: Attack, start_method: str) -> None:
    """A worker's own client works with each start method; only fork has one to refuse."""
    run = attack(
        PRELUDE.replace("import google.auth\n", "import google.auth\nimport multiprocessing\n")
        + """
fork_guard.install()
client = None

def work(_):
    inherited = "nothing" if client is None else answer(lambda: sign(client))
    return f"{inherited} {sign(iam_credentials_v1.IAMCredentialsClient())}"

if __name__ == "__main__":
    client = iam_credentials_v1.IAMCredentialsClient()
    sign(client)
    with multiprocessing.Pool(2) as pool:
        for result in pool.map(work, [1, 2]):
            print("worker", result, sep="\\t")
    done = subprocess.run([sys.executable, "-c", "print(1)"], capture_output=True, check=True)
    print("subprocess", done.stdout.decode().strip(), sep="\\t")
    print("creator", sign(client), sep="\\t")
""",
        start_method,
    )
    inherited = REFUSED if start_method == "fork" else "nothing"

    assert {
        "worker": f"{inherited} 256",
        "subprocess": "1",
        "creator": "256",
    } == said(run)


def test_fork_in_c_is_noticed(attack: Attack) -> None:
    """A fork that runs none of Python's handlers is noticed, by several threads at once, too."""
    run = attack(
        INSTALLED
        + """
import ctypes

def fork_in_c():
    for thread in threading.enumerate():
        if type(thread).__name__ == "_RegionalAccessBoundaryRefreshThread":
            thread.join()  # it may hold a lock that such a fork never frees in the child
    return ctypes.PyDLL(None).fork()

sys.setswitchinterval(1e-6)
client = iam_credentials_v1.IAMCredentialsClient()
sign(client)

def own_in_threads():
    start = threading.Barrier(8)

    def own():
        start.wait()
        client = iam_credentials_v1.IAMCredentialsClient()
        return sign(client)

    with ThreadPoolExecutor(8) as threads:
        return {future.result() for future in [threads.submit(own) for _ in range(8)]}

def child():
    own = iam_credentials_v1.IAMCredentialsClient()
    results = [answer(lambda: sign(client)), str(sign(own))]
    results.append(forked(lambda: sign(own)))
    results.append(forked(lambda: sign(own), fork_in_c))
    return " ".join(results)

print("child", forked(child, fork_in_c), sep="\\t")
for _ in range(5):
    print("threads", forked(own_in_threads, fork_in_c), sep="\\t")
print("creator", sign(client), sep="\\t")
"""
    )

    assert {
        "child": "refused 256 refused refused",
        "threads": "{256}",
        "creator": "256",
    } == said(run)


def test_process_with_the_creators_pid_is_refused(attack: Attack) -> None:
    """A later process that got the pid of the creator is still not the creator."""
    run = attack(
        INSTALLED
        + """
import time

def fork_as(pid):
    "Fork until the child has this pid; it is free, as its process has ended."
    for _ in range(200):
        try:
            with open("/proc/sys/kernel/ns_last_pid", "w") as file:
                file.write(str(pid - 1))
        except OSError as error:
            return f"not allowed: {error}"
        if (child := os.fork()) == 0:
            if os.getpid() != pid:
                os._exit(1)
            return None
        status = os.waitpid(child, 0)[1]
        if status == 0:
            return "done"
    return "the pid was always taken"

reader, writer = os.pipe()
if os.fork() == 0:  # the creator
    client = iam_credentials_v1.IAMCredentialsClient()
    sign(client)
    creator = os.getpid()
    if os.fork() == 0:  # outlives the creator, which is then waited for by the first process
        while os.path.exists(f"/proc/{creator}"):
            time.sleep(0.01)
        state = fork_as(creator)
        if state is None:
            os.write(writer, f"{os.getpid() == creator} {answer(lambda: sign(client))}".encode())
        elif state != "done":
            os.write(writer, state.encode())
    os._exit(0)
os.close(writer)
os.wait()
with open(reader) as file:
    print("same pid", file.read(), sep="\\t")
"""
    )
    found = said(run)["same pid"]
    if found.startswith("not allowed"):
        pytest.skip(f"this system does not let a process choose pids: {found}")

    assert "True refused" == found


def test_system_that_wipes_no_page(attack: Attack) -> None:
    """Where the kernel wipes no page, the forks that Python makes are noticed all the same."""
    run = attack(
        PRELUDE
        + """
fork_guard.WIPE_ON_FORK = -1
fork_guard.here = fork_guard.Process()
assert bytearray == type(fork_guard.here.page)
fork_guard.install()
client = iam_credentials_v1.IAMCredentialsClient()
sign(client)

def child():
    own = iam_credentials_v1.IAMCredentialsClient()
    uses = lambda: sign(client), lambda: sign(own)
    return " ".join([*map(answer, uses), forked(lambda: " ".join(map(answer, uses)))])

print("child", forked(child), sep="\\t")
print("creator", sign(client), sep="\\t")
"""
    )

    assert {"child": "refused 256 refused refused", "creator": "256"} == said(run)


def test_handlers_after_the_fork_may_create_clients(attack: Attack) -> None:
    """A client that another handler created in the child belongs to the child, in either order."""
    run = attack(
        PRELUDE
        + """
clients = {"before": None, "after": None}

def make(name):
    clients[name] = iam_credentials_v1.IAMCredentialsClient()

os.register_at_fork(after_in_child=lambda: make("before"))
fork_guard.install()
os.register_at_fork(after_in_child=lambda: make("after"))
parent = iam_credentials_v1.IAMCredentialsClient()

def child():
    uses = (lambda: sign(parent), lambda: sign(clients["before"]), lambda: sign(clients["after"]))
    return " ".join([*map(answer, uses), forked(lambda: " ".join(map(answer, uses)))])

print("child", forked(child), sep="\\t")
"""
    )

    assert {"child": "refused 256 256 refused 256 256"} == said(run)


def test_clients_that_exist_already_are_guarded(attack: Attack) -> None:
    """install() also guards what was created before it; only the place is not known then."""
    run = attack(
        PRELUDE
        + """
client = iam_credentials_v1.IAMCredentialsClient()
rest = iam_credentials_v1.IAMCredentialsClient(transport="rest")
loop = asyncio.new_event_loop()

async def make():
    return iam_credentials_v1.IAMCredentialsAsyncClient()

asynchronous = loop.run_until_complete(make())
sign(client), sign(rest)
future = client.transport.sign_blob.future(
    SignBlobRequest(name=NAME, payload=b"text"), timeout=10
)
fork_guard.install()
fork_guard.install()

def message():
    try:
        sign(client)
    except InheritedClientError as error:
        return error

def fresh():
    async def make():
        return iam_credentials_v1.IAMCredentialsAsyncClient()
    return asyncio.run(make())

print("message", forked(message), sep="\\t")
print("sync", forked(lambda: sign(client)), sep="\\t")
print("rest", forked(lambda: sign(rest)), sep="\\t")
print("async", forked(lambda: loop.run_until_complete(sign_async(asynchronous))), sep="\\t")
print("new async", forked(fresh), sep="\\t")
print("future", forked(lambda: future.result(timeout=10)), sep="\\t")
print("creator", sign(client), sign(rest), sep="\\t")
print("async creator", loop.run_until_complete(sign_async(asynchronous)), sep="\\t")
future.exception(timeout=10)
"""
    )
    found = said(run)

    assert "created at an unknown place, before fork_guard.install() is" in found.pop("message")
    assert "256\t256" == found.pop("creator")
    assert "256" == found.pop("async creator")
    assert dict.fromkeys(found, REFUSED) == found
    assert 5 == len(found)


def test_fork_while_clients_are_constructed(attack: Attack) -> None:
    """Forks at any moment of a construction find the client foreign, and construct their own."""
    run = attack(
        INSTALLED
        + """
clients = [iam_credentials_v1.IAMCredentialsClient()]
sessions = [iam_credentials_v1.IAMCredentialsClient(transport="rest")]

def construct():
    while True:  # none is dropped: to fork just then can freeze gRPC, with the guard or without
        clients.append(iam_credentials_v1.IAMCredentialsClient())
        sessions.append(iam_credentials_v1.IAMCredentialsClient(transport="rest"))

sys.setswitchinterval(1e-4)
for _ in range(2):
    threading.Thread(target=construct, daemon=True).start()

def child():
    foreign = [answer(lambda: sign(clients[-1])), answer(lambda: sign(sessions[-1]))]
    return " ".join([*foreign, str(sign(iam_credentials_v1.IAMCredentialsClient()))])

for _ in range(20):
    print("child", forked(child), sep="\\t")
end()
"""
    )

    assert {"child": "refused refused 256"} == said(run)
    assert 20 == len(answers(run.stdout))


@pytest.mark.parametrize("first", ["guard", "gate"])
def test_guard_and_gate_together(attack: Attack, first: str) -> None:
    """With the fork gate, in either order, forks wait for calls and children are still refused."""
    both = ["fork_guard.install()", "import fork_gate; fork_gate.install()"]
    run = attack(
        PRELUDE
        + "\n".join(both if first == "guard" else both[::-1])
        + """
client = iam_credentials_v1.IAMCredentialsClient()
keep_busy(lambda: sign(client))

def child():
    own = iam_credentials_v1.IAMCredentialsClient()
    return f"{answer(lambda: sign(client))} {sign(own)}"

for _ in range(10):
    print("child", forked(child), sep="\\t")
print("creator", sign(client), sep="\\t")
end()
"""
    )

    assert {"child": "refused 256", "creator": "256"} == said(run)
    assert "skipping fork() handlers" not in run.stderr


def test_guard_and_pytest_plugin_together(attack: Attack) -> None:
    """With the pytest plugin the child of a test is still refused the client of the test."""
    run = attack(
        INSTALLED
        + """
import pytest

SUITE = f'''
import pytest
from fork_guard import InheritedClientError
from google.cloud.iam_credentials_v1 import IAMCredentialsClient
from multiprocessing import get_context

def call(_):
    client.sign_blob(name={NAME!r}, payload=b"text", timeout=10)

def test_pool():
    global client
    with IAMCredentialsClient() as client:
        with get_context("fork").Pool(1) as pool, pytest.raises(InheritedClientError):
            pool.map(call, [1])
'''
with open("test_both.py", "w") as file:
    file.write(SUITE)
options = ["-q", "-p", "pytest_fork_safety", "-p", "no:cacheprovider", "test_both.py"]
print("pytest", pytest.main(options).name, sep="\\t")
"""
    )

    assert "OK" == said(run)["pytest"], run.stdout
