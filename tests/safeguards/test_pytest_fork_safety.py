"""The pytest plugin, attacked: right suites pass, wrong ones fail and say why."""

import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from recipes.testing.local_iam import LocalIAM
from tests.evidence.jobs import variants
from tests.evidence.plugin import Stands
from tests.runner import Command, InterpreterRunner, Run
from tests.safeguards.test_fork_guard import STREAMS

FILE = "safeguards/pytest_fork_safety"
ROOT = Path(__file__).parents[2]
PLUGIN = ROOT / "recipes" / f"{FILE}.py"
PAGE = (
    "https://iam-concurrency-cookbook.readthedocs.io/en/latest/safeguards/pytest-fork-safety.html"
)
DEADLINE = 120.0
MODES = ((), ("-n", "2", "--dist", "loadfile"))  # the tests of a suite share one local IAM

PRELUDE = """\
import asyncio
import gc
import os
import subprocess
import sys
import threading
import time
import unittest
from contextlib import contextmanager
from functools import lru_cache
from multiprocessing import get_context

import google.auth
import grpc
import grpc.aio
import pytest
from google.cloud.iam_credentials_v1 import IAMCredentialsAsyncClient, IAMCredentialsClient
from google.cloud.iam_credentials_v1.types import SignBlobRequest
from recipes.testing.local_iam import LocalIAMControl

credentials, project = google.auth.default()
NAME = f"projects/-/serviceAccounts/{credentials.service_account_email}"
REQUEST = SignBlobRequest(name=NAME, payload=b"text")
control = LocalIAMControl.from_environment()


def sign(client):
    return client.sign_blob(name=NAME, payload=b"text", timeout=60)


def fork():
    if (pid := os.fork()) == 0:
        os._exit(0)
    assert os.waitpid(pid, 0) == (pid, 0)


@contextmanager
def call_in_flight():
    "A thread is in a call that does not end before the block does."
    control.forget()
    control.slow(60, method="sign_blob")

    def call():
        with pytest.raises(Exception):
            sign(client)

    with IAMCredentialsClient() as client:
        thread = threading.Thread(target=call, name="caller")
        thread.start()
        while not control.observe().most_in_flight:
            time.sleep(0.01)
        try:
            yield client
        finally:
            client.transport.close()
            thread.join()
            control.heal()


@contextmanager
def future_in_flight():
    control.slow(60, method="sign_blob")
    with IAMCredentialsClient() as client:
        account = [("x-goog-request-params", f"name={NAME}")]
        future = client.transport.sign_blob.future(REQUEST, metadata=account, timeout=60)
        yield
        assert not future.done()
    control.heal()
"""

Suite = Callable[..., Run]


@pytest.fixture
def suite(local_iam: LocalIAM, recipe_runner: InterpreterRunner, tmp_path: Path) -> Suite:
    """Run a suite with the plugin, in a process of its own, for a bounded time."""

    def run(text: str, *arguments: str, prelude: str = PRELUDE, **variables: str) -> Run:
        (tmp_path / "test_suite.py").write_text(prelude + text, "utf-8")
        options = ["-p", "no:cacheprovider", "-W", "ignore", "-rA", "--color=no", *arguments]
        command = Command(
            PLUGIN,
            options,
            deadline=DEADLINE,
            environment={
                **local_iam.environment,
                "PYTHONPATH": str(ROOT),
                "COLUMNS": "200",
                **variables,
            },
            cwd=tmp_path,
        )
        return recipe_runner.run(command)

    return run


def reported(run: Run) -> dict[str, str]:
    """Return how each test of a suite ended; what failed last counts."""
    assert "hang" != str(run.outcome), run.stderr
    found = re.findall(r"^(PASSED|FAILED|ERROR) test_suite\.py::(\S+)", run.stdout, re.MULTILINE)
    assert found, run.stdout + run.stderr
    return {name: word for word, name in sorted(found, reverse=True)}


@pytest.mark.parametrize(("file", "start_method"), variants(FILE))
def test_verdict_stands(stands: Stands, file: str, start_method: str) -> None:
    """A right suite passes, and mints a token for every account exactly once."""
    stands(file, start_method)


RIGHT = (
    STREAMS
    + """
@pytest.fixture
def client():
    return IAMCredentialsClient()

@pytest.fixture(scope="class")
def client_of_class():
    with IAMCredentialsClient() as client:
        yield client

@pytest.fixture(scope="module")
def client_of_module():
    with IAMCredentialsClient() as client:
        yield client

@pytest.fixture(scope="session")
def client_of_session():
    return IAMCredentialsClient()

@pytest.fixture(scope="session")
def anyio_backend():
    return "asyncio"

@pytest.fixture
async def async_client():
    async with IAMCredentialsAsyncClient() as client:
        yield client

def work(number):
    with IAMCredentialsClient() as client:
        return len(sign(client).signed_blob)

def test_fork_between_calls(client_of_session):
    sign(client_of_session)
    fork()
    sign(client_of_session)

def test_pool_makes_clients(client_of_session):
    sign(client_of_session)
    with get_context("fork").Pool(2) as pool:
        assert pool.map(work, [1, 2]) == [256, 256]

def test_closed():
    with IAMCredentialsClient() as client:
        sign(client)

def test_dropped():
    sign(IAMCredentialsClient())

def test_dropped_in_a_cycle():
    cycle = [IAMCredentialsClient()]
    cycle.append(cycle)
    sign(cycle[0])

def test_future_is_done():
    client = IAMCredentialsClient()
    future = client.transport.sign_blob.future(REQUEST, timeout=60)
    with pytest.raises(grpc.RpcError):  # it lacks the header that names the account
        if future.result():
            raise grpc.RpcError
    fork()

def test_stream_is_dropped():
    with grpc.insecure_channel(ADDRESS) as channel:
        stream = channel.unary_stream("/echo/many")(b"text")
        next(stream)
        del stream
        fork()

def test_streams_are_done():
    options = [(grpc.experimental.ChannelOptions.SingleThreadedUnaryStream, 1)]
    with grpc.insecure_channel(ADDRESS, options) as channel:
        assert [b"text"] == [*channel.stream_stream("/echo/each")(iter([b"text"]))]
        assert b"text" == channel.stream_unary("/echo/last")(iter([b"text"]))
        with pytest.raises(grpc.RpcError):
            [*channel.unary_stream("/echo/many")(b"text", timeout=0.5)]
        fork()

def test_closed_channel_ends_its_streams():
    options = [(grpc.experimental.ChannelOptions.SingleThreadedUnaryStream, 1)]
    with grpc.insecure_channel(ADDRESS, options) as channel:
        stream = channel.unary_stream("/echo/many")(b"text")
        next(stream)
    assert not sys.modules["pytest_fork_safety"].calls  # to fork now can freeze gRPC

def test_failed_call_has_ended():
    with IAMCredentialsClient() as client:
        with pytest.raises(Exception, match="404"):
            client.sign_blob(name=NAME + "x", payload=b"text", timeout=60)
        fork()

def test_client_of_fixture(client):
    sign(client)

class TestClass:
    def test_one(self, client_of_class):
        sign(client_of_class)

    def test_two(self, client_of_class):
        sign(client_of_class)

class TestUnit(unittest.TestCase):
    def setUp(self):
        self.client = IAMCredentialsClient()
        self.addCleanup(self.client.transport.close)

    def test_call(self):
        sign(self.client)
        fork()

def test_client_of_module(client_of_module, client_of_session):
    sign(client_of_module)
    sign(client_of_session)

def test_other_programs_during_a_call():
    with call_in_flight():
        subprocess.run([sys.executable, "-c", ""], check=True)
        pid = os.posix_spawn(sys.executable, [sys.executable, "-c", ""], os.environ)
        os.waitpid(pid, 0)

@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_other_start_methods_during_a_call(method):
    with call_in_flight():
        process = get_context(method).Process(target=print)
        process.start()
        process.join()
        assert 0 == process.exitcode

def test_fork_in_thread():
    thread = threading.Thread(target=fork)
    thread.start()
    thread.join()

@pytest.mark.anyio
async def test_async(async_client):
    await async_client.sign_blob(name=NAME, payload=b"text", timeout=60)

def plugins():
    return [it for it in gc.get_objects() if type(it).__module__ == "grpc._plugin_wrapping"]

def test_own_loop():
    others = plugins()
    async def main():
        async with IAMCredentialsAsyncClient() as client:
            await client.sign_blob(name=NAME, payload=b"text", timeout=60)
            own = [it for it in plugins() if it not in others]
            return client, own, sys.getrefcount(own[0])
    client, own, held = asyncio.run(main())
    while sys.getrefcount(own[0]) == held:
        time.sleep(0.001)  # a thread of gRPC has yet to let go of it, and a fork would freeze
    fork()

@pytest.mark.allow_fork_during_call
def test_fork_on_purpose():
    with call_in_flight():
        fork()

@pytest.mark.allow_open_client
def test_open_client_on_purpose():
    global left
    left = IAMCredentialsClient()
"""
)


@pytest.mark.parametrize("arguments", MODES, ids=["one process", "xdist"])
def test_right_suite_passes(suite: Suite, arguments: tuple[str, ...]) -> None:
    """What is safe passes, whatever the scope of its fixtures and the way that it starts others."""
    run = suite(RIGHT, *arguments)

    assert {"PASSED"} == set(reported(run).values()), run.stdout
    assert "ok" == str(run.outcome)
    assert RIGHT.count("def test_") + 1 == len(reported(run))
    assert "a fork while" not in run.stderr


FORKS = (
    STREAMS
    + """
@pytest.fixture
def fixture_that_forks():
    with future_in_flight():
        fork()

def test_fork():
    with call_in_flight():
        fork()

def test_pool():
    with call_in_flight() as client:
        with get_context("fork").Pool(2) as pool:
            pool.map(sign, [client, client])

def test_future():
    with future_in_flight():
        fork()

def test_stream():
    with grpc.insecure_channel(ADDRESS) as channel:
        stream = channel.unary_stream("/echo/many")(b"text")
        next(stream)
        fork()

def test_single_threaded_stream():
    options = [(grpc.experimental.ChannelOptions.SingleThreadedUnaryStream, 1)]
    with grpc.insecure_channel(ADDRESS, options) as channel:
        stream = channel.unary_stream("/echo/many")(b"text")
        next(stream)
        fork()

def test_async():
    control.slow(60, method="sign_blob")
    async def main():
        async with IAMCredentialsAsyncClient() as client:
            call = asyncio.ensure_future(client.sign_blob(name=NAME, payload=b"text", timeout=60))
            while not control.observe().most_in_flight:
                await asyncio.sleep(0.01)
            try:
                fork()
            finally:
                call.cancel()
    control.forget()
    try:
        asyncio.run(main())
    finally:
        control.heal()

def test_fork_in_thread():
    with call_in_flight():
        thread = threading.Thread(target=fork)
        thread.start()
        thread.join()

def test_preexec_fn():
    with call_in_flight():
        subprocess.run([sys.executable, "-c", ""], preexec_fn=lambda: None)

def test_forkpty():
    with call_in_flight():
        pid, terminal = os.forkpty()
        if pid == 0:
            os._exit(0)
        os.waitpid(pid, 0)
        os.close(terminal)

def test_error_is_swallowed():
    with call_in_flight():
        try:
            fork()
        except Exception:
            pass

def test_fixture(fixture_that_forks):
    pass
"""
)


@pytest.mark.parametrize("arguments", MODES, ids=["one process", "xdist"])
def test_fork_during_a_call_fails(suite: Suite, arguments: tuple[str, ...]) -> None:
    """A fork amid a call of any kind fails its test, wherever it happens, and the suite goes on."""
    run = suite(FORKS, *arguments)
    found = reported(run)

    assert "raises SystemExit" == str(run.outcome)
    assert "ERROR" == found.pop("test_fixture")
    assert {"FAILED"} == set(found.values()), run.stdout
    assert FORKS.count("def test_") == len(found) + 1
    assert FORKS.count("def test_") <= run.stdout.count(f"see {PAGE}")


def test_message_of_a_fork(suite: Suite, tmp_path: Path) -> None:
    """It names the method, the thread, the lines of the call and of the fork, and the page."""
    run = suite(FORKS, "-k", "test_fork_in_thread")
    file = tmp_path / "test_suite.py"
    lines = file.read_text("utf-8").split("\n")
    message = [
        "a fork while a gRPC call is in flight: a child that uses its client hangs",
        "/google.iam.credentials.v1.IAMCredentials/SignBlob in caller, called at",
        f"  {file}:{lines.index('            sign(client)') + 1} in call",
        f"  {file}:{lines.index('def sign(client):') + 2} in sign",
        "the fork",
        f"  {file}:{lines.index('def fork():') + 2} in fork",
        f"see {PAGE}",
    ]

    assert "\n".join(message) in run.stdout
    assert "\n".join(message) in run.stderr  # at once, whatever becomes of the test


def test_child_of_another_fork_function_is_ended(suite: Suite, tmp_path: Path) -> None:
    """Where somebody has replaced os.fork, which might have waited, the child is ended at once."""
    (tmp_path / "sitecustomize.py").write_text(
        "import os\nbuiltin = os.fork\nos.fork = lambda: builtin()\n"
    )
    path = f"{tmp_path}:{ROOT}"
    run = suite(FORKS, "-k", "test_pool or test_future", PYTHONPATH=path)

    assert {"test_pool": "FAILED", "test_future": "FAILED"} == reported(run)
    assert 2 <= run.stdout.count("UnsafeForkError")


def test_child_that_was_ended_is_no_zombie(suite: Suite, tmp_path: Path) -> None:
    """Nothing of a fork that another function made is left when its error is raised."""
    (tmp_path / "sitecustomize.py").write_text(
        "import os\nbuiltin = os.fork\nos.fork = lambda: builtin()\n"
    )
    run = suite(
        """
def test_fork():
    with call_in_flight():
        with pytest.raises(RuntimeError, match="a fork while a gRPC call is in flight"):
            os.fork() or time.sleep(60)
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)
    print("nothing is left")
""",
        PYTHONPATH=f"{tmp_path}:{ROOT}",
    )

    assert "nothing is left\n" in run.stdout


def test_no_child_is_left_to_hang(suite: Suite) -> None:
    """A worker that would wait for ever for the lock of a busy client does not come to be."""
    run = suite(
        """
forks = []
os.register_at_fork(before=lambda: forks.append(1))

def test_busy():
    client = IAMCredentialsClient()
    warm, done = threading.Barrier(9), threading.Event()

    def keep_busy():
        sign(client)
        warm.wait()
        while not done.is_set():
            sign(client)

    threads = [threading.Thread(target=keep_busy) for _ in range(8)]
    for thread in threads:
        thread.start()
    warm.wait()
    try:
        for _ in range(10):
            with pytest.raises(RuntimeError, match="a fork while a gRPC call is in flight"):
                with get_context("fork").Pool(1) as pool:
                    pool.map(sign, [client])
    finally:
        done.set()
        for thread in threads:
            thread.join()
    print("forks:", len(forks))
"""
    )

    assert {"test_busy": "FAILED"} == reported(run)
    assert "forks: 0\n" in run.stdout
    assert 10 <= run.stdout.count("a fork while a gRPC call is in flight")


CLIENTS = """
@pytest.fixture(scope="class")
def client_of_class():
    global left_by_class
    left_by_class = IAMCredentialsClient()

@pytest.fixture(scope="module")
def client_of_module():
    global left_by_module
    left_by_module = IAMCredentialsClient()

@lru_cache
def cached():
    return IAMCredentialsClient()

def test_global():
    global left
    left = IAMCredentialsClient()

def test_cached():
    sign(cached())

def test_stub():
    global stub
    stub = grpc.insecure_channel("127.0.0.1:1").unary_unary("/any/any")

def test_raw_channel():
    global channel
    channel = grpc.insecure_channel("127.0.0.1:1")

def test_thread():
    client = IAMCredentialsClient()
    threading.Thread(target=lambda: (threading.Event().wait(), client), daemon=True).start()

def test_async():
    async def main():
        global left_async
        left_async = IAMCredentialsAsyncClient()
    asyncio.run(main())

class TestClass:
    def test_not_to_blame(self, client_of_class):
        pass

    def test_last_of_class(self, client_of_class):
        pass

class TestUnit(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.client = IAMCredentialsClient()

    def test_call(self):
        sign(self.client)

def test_fails_anyway():
    global failing
    failing = IAMCredentialsClient()
    assert not failing

def test_not_to_blame(client_of_module):
    pass

def test_last_of_module(client_of_module):
    pass
"""


@pytest.mark.parametrize("arguments", MODES, ids=["one process", "xdist"])
def test_open_client_fails(suite: Suite, arguments: tuple[str, ...]) -> None:
    """A client that is open after its test, or its fixture's scope, fails the last that used it."""
    run = suite(CLIENTS, *arguments)
    found = reported(run)

    assert "raises SystemExit" == str(run.outcome)
    assert {
        "test_global": "ERROR",
        "test_cached": "ERROR",
        "test_stub": "ERROR",
        "test_raw_channel": "ERROR",
        "test_thread": "ERROR",
        "test_async": "ERROR",
        "TestClass::test_not_to_blame": "PASSED",
        "TestClass::test_last_of_class": "ERROR",
        "TestUnit::test_call": "ERROR",
        "test_fails_anyway": "FAILED",
        "test_not_to_blame": "PASSED",
        "test_last_of_module": "ERROR",
    } == {name: "PASSED" if word == "PASSED" else word for name, word in found.items()}, run.stdout


def test_message_of_an_open_client(suite: Suite, tmp_path: Path) -> None:
    """It names the lines that led to the construction, and the page."""
    run = suite(CLIENTS, "-k", "test_cached")
    file = tmp_path / "test_suite.py"
    lines = file.read_text("utf-8").split("\n")
    message = [
        "the test leaves a client open:",
        "a client, constructed at",
        f"  {file}:{lines.index('    sign(cached())') + 1} in test_cached",
        f"  {file}:{lines.index('def cached():') + 2} in cached",
        f"see {PAGE}",
    ]

    assert "\n".join(message) in run.stdout


def test_options_allow_for_the_whole_run(suite: Suite) -> None:
    """What a marker allows for one test, an option allows for all."""
    assert {"test_fork": "PASSED"} == reported(
        suite(FORKS, "-k", "test_fork and not thread and not pty", "--allow-fork-during-call")
    )
    assert {"test_cached": "PASSED"} == reported(
        suite(CLIENTS, "-k", "test_cached", "--allow-open-client")
    )


LOCAL_IAM_SUITE = """
from google.cloud.iam_credentials_v1 import IAMCredentialsClient

def sign(local_iam):
    with IAMCredentialsClient() as client:
        name = f"projects/-/serviceAccounts/{local_iam.service_accounts[0]}"
        return client.sign_blob(name=name, payload=b"text", timeout=60)

def test_one(local_iam):
    local_iam.fail("UNAVAILABLE", rate=0)
    sign(local_iam)
    assert {"SignBlob": 1} == local_iam.observe().calls

def test_two(local_iam):
    assert {} == local_iam.observe().calls
    sign(local_iam)
"""


def test_local_iam_of_this_checkout(suite: Suite) -> None:
    """Without a setting the fixture finds the package in this checkout."""
    run = suite(LOCAL_IAM_SUITE, prelude="")

    assert {"test_one": "PASSED", "test_two": "PASSED"} == reported(run), run.stdout


def test_local_iam_that_was_copied(suite: Suite, tmp_path: Path) -> None:
    """A copy beside the tests is found by its name, and another by the ini option."""
    package = ROOT / "recipes" / "testing" / "local_iam"
    (tmp_path / "local_iam").symlink_to(package)
    (tmp_path / "fake_iam").symlink_to(package)
    named = suite(LOCAL_IAM_SUITE, prelude="", PYTHONPATH=str(tmp_path))
    other = suite(
        LOCAL_IAM_SUITE, "-o", "local_iam_package=fake_iam", prelude="", PYTHONPATH=str(tmp_path)
    )

    assert {"test_one": "PASSED", "test_two": "PASSED"} == reported(named), named.stdout
    assert {"test_one": "PASSED", "test_two": "PASSED"} == reported(other), other.stdout


def test_local_iam_that_is_missing(suite: Suite) -> None:
    """One line says that there is no such package, and what to do."""
    run = suite(LOCAL_IAM_SUITE, "-o", "local_iam_package=iam.on_mars", prelude="")

    assert {"test_one": "ERROR", "test_two": "ERROR"} == reported(run)
    assert (
        "no package iam.on_mars: copy the folder local_iam beside conftest.py, or name it in the "
        f"ini option local_iam_package; see {PAGE}\n"
    ) in run.stdout
    assert "Traceback" not in run.stdout


def test_conftest_loads_the_plugin(suite: Suite, tmp_path: Path) -> None:
    """A copy beside conftest.py is loaded by the line that the page shows."""
    (tmp_path / "pytest_fork_safety.py").write_bytes(PLUGIN.read_bytes())
    (tmp_path / "conftest.py").write_text('pytest_plugins = ["pytest_fork_safety"]\n')
    (tmp_path / "run.py").write_text("import sys, pytest\nsys.exit(pytest.main(sys.argv[1:]))\n")
    with InterpreterRunner(sys.executable) as runner:
        (tmp_path / "test_suite.py").write_text(PRELUDE + FORKS)
        command = Command(
            tmp_path / "run.py",
            ["-p", "no:cacheprovider", "-rA", "-k", "test_future", "--markers"],
            deadline=DEADLINE,
            environment={"PYTHONPATH": str(ROOT)},
            cwd=tmp_path,
        )
        run = runner.run(command)

    assert "@pytest.mark.allow_fork_during_call: the test may fork while" in run.stdout
    assert "@pytest.mark.allow_open_client: the test may leave a client open" in run.stdout


@pytest.mark.parametrize("order", ["gate first", "plugin first"])
def test_gate_is_no_reason_to_fail(suite: Suite, tmp_path: Path, order: str) -> None:
    """A fork that the fork gate held until the call had ended is a safe fork, in either order."""
    install = "import fork_gate\nfork_gate.install()\n"
    if order == "gate first":
        (tmp_path / "sitecustomize.py").write_text(install)
    run = suite(
        ("" if order == "gate first" else install)
        + """
def test_fork():
    control.slow(0.3, method="sign_blob")
    with IAMCredentialsClient() as client:
        sign(client)
        control.forget()
        thread = threading.Thread(target=sign, args=(client,))
        thread.start()
        while not control.observe().most_in_flight:
            time.sleep(0.01)
        fork()
        thread.join()
    control.heal()
""",
        PYTHONPATH=f"{tmp_path}:{ROOT}:{PLUGIN.parent}",
    )

    assert {"test_fork": "PASSED"} == reported(run), run.stdout


OWN_GATE = """
import os
import threading

asked, no_call = threading.Event(), threading.Event()
os.register_at_fork(before=lambda: (asked.set(), no_call.wait()))
"""


def test_call_that_ended_just_before_the_fork(suite: Suite, tmp_path: Path) -> None:
    """A call that was in flight when the fork was asked for, and not when it came, is no harm."""
    (tmp_path / "own_gate.py").write_text(OWN_GATE)
    (tmp_path / "sitecustomize.py").write_text("import own_gate\n")
    run = suite(
        """
import own_gate

def test_fork():
    control.forget()
    control.slow(60, method="sign_blob")
    with IAMCredentialsClient() as client:
        account = [("x-goog-request-params", f"name={NAME}")]
        future = client.transport.sign_blob.future(REQUEST, metadata=account, timeout=60)
        while not control.observe().most_in_flight:
            time.sleep(0.01)
        thread = threading.Thread(target=fork)
        thread.start()
        own_gate.asked.wait()
        future.cancel()
        while sys.modules["pytest_fork_safety"].calls:
            time.sleep(0.01)
        own_gate.no_call.set()
        thread.join()
    control.heal()
""",
        PYTHONPATH=f"{tmp_path}:{ROOT}",
    )

    assert {"test_fork": "PASSED"} == reported(run), run.stdout
