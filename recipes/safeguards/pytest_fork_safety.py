# /// script
# requires-python = ">=3.10"
# dependencies = ["google-cloud-iam>=2.19", "pytest>=8"]
# ///
"""pytest plugin: a test fails if it forks while a gRPC call is in flight, or leaves a client open.

Copy this file beside your top conftest.py, and let that say
`pytest_plugins = ["pytest_fork_safety"]`. The fixture `local_iam` gives a test an IAM service.

Usage: python pytest_fork_safety.py [ARGUMENTS OF PYTEST]
"""

import functools
import gc
import importlib
import os
import signal
import sys
import sysconfig
import threading
import time
import types
import weakref
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest

PAGE = (
    "https://iam-concurrency-cookbook.readthedocs.io/en/latest/safeguards/pytest-fork-safety.html"
)
PATIENCE = 1.0
"""Seconds in which a client that nobody holds any more must be gone."""

ALLOW = {
    "allow_fork_during_call": "the test may fork while a gRPC call is in flight",
    "allow_open_client": "the test may leave a client open",
}
"""Markers of tests; as options with hyphens they are for the whole run."""

LOCAL_IAM = ("local_iam", "recipes.testing.local_iam")

Method = Callable[..., Any]
UNARY = (grpc.UnaryUnaryMultiCallable, grpc.StreamUnaryMultiCallable)
OTHERS = (
    *(grpc.UnaryStreamMultiCallable, grpc.StreamStreamMultiCallable),
    *(grpc.aio.UnaryUnaryMultiCallable, grpc.aio.StreamUnaryMultiCallable),
    *(grpc.aio.UnaryStreamMultiCallable, grpc.aio.StreamStreamMultiCallable),
)
PYTHON = (sysconfig.get_path("stdlib"), sysconfig.get_path("scripts"), "<frozen ")


class UnsafeForkError(RuntimeError):
    """A test forks while a gRPC call is in flight; there is no child."""


@dataclass(eq=False)
class Call:
    """A call in flight; `handle` is the future, stream or awaitable that stands for it."""

    method: str
    channel: object
    stack: list[str]
    thread: str
    handle: "weakref.ref[Any] | None" = None


@dataclass(eq=False)
class Channel:
    """A channel, and the lines of the reader's code that led to its construction."""

    state: "weakref.ref[Any]"
    stack: list[str]
    closed: bool = False

    @property
    def left_open(self) -> bool:
        return not self.closed and self.state() is not None


@dataclass(eq=False)
class Running:
    """The test that runs, or a fixture of a wider scope that is being set up."""

    channels: list[Channel] = field(default_factory=list)
    forks: list[str] = field(default_factory=list)
    allowed: set[str] = field(default_factory=set)
    failed: bool = False


calls: dict[object, Call] = {}  # those in flight: one atomic operation each, and no lock to inherit
current: Running | None = None
fixtures: dict[Any, list[Channel]] = {}
stderr: int | None = None
fork_of_thread = threading.local()


def stack() -> list[str]:
    """Return the lines of the test and of the code under it that led here, the innermost last."""
    frame, lines = sys._getframe(1), list[str]()
    while frame is not None:
        path = frame.f_code.co_filename
        library = "site-packages" in path or "dist-packages" in path or path.startswith(PYTHON)
        if lines and frame.f_globals.get("__name__", "").startswith("_pytest."):
            break
        if not library and frame.f_globals is not globals():
            lines.append(f"  {path}:{frame.f_lineno} in {frame.f_code.co_name}")
        frame = frame.f_back  # type: ignore[assignment]
    return lines[::-1] or ["  (a line of a library)"]


# gRPC: what is in flight, what is open


def watch_grpc() -> None:
    """Count the calls of each client, and note each channel, from now on."""
    for name in ("grpc._channel", "grpc.aio._channel"):
        module: Any = importlib.import_module(name)
        wrap(module.Channel, noted, "__init__")
        wrap(module.Channel, closing_async if "aio" in name else closing, "close")
        wrap(module.Channel, closing_async if "aio" in name else closing, "__exit__", "__aexit__")
        for stub in vars(module).values():
            if isinstance(stub, type) and issubclass(stub, (*UNARY, *OTHERS)):
                blocking = issubclass(stub, UNARY)
                wrap(stub, counted if blocking else counted_until_done, "__call__", "with_call")
                wrap(stub, counted_until_done, "future")


def wrap(kind: Any, how: Callable[[Method], Method], *names: str) -> None:
    for name in names:
        if name in vars(kind):
            setattr(kind, name, how(vars(kind)[name]))


def begin(stub: Any) -> tuple[object, Call]:
    method = getattr(stub, "_method", b"a call")
    text = method.decode() if isinstance(method, bytes) else str(method)
    channel, thread = getattr(stub, "_channel", None), threading.current_thread().name
    key, call = object(), Call(text, channel, stack(), thread)
    calls[key] = call
    return key, call


def counted(method: Method) -> Method:
    @functools.wraps(method)
    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        key, _ = begin(self)
        try:
            return method(self, *args, **kwargs)
        finally:
            calls.pop(key, None)

    return call


def counted_until_done(method: Method) -> Method:
    """A future, a stream or an awaitable is in flight until it is done or dropped."""

    @functools.wraps(method)
    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        key, noted = begin(self)

        def end(_: Any = None) -> None:
            calls.pop(key, None)

        try:
            result = method(self, *args, **kwargs)
            noted.handle = weakref.ref(result, end)
            if isinstance(result, grpc.RpcContext):
                if not result.add_callback(end):
                    end()
            else:
                result.add_done_callback(end)
        except BaseException:
            end()
            raise
        return result

    return call


def noted(method: Method) -> Method:
    @functools.wraps(method)
    def call(self: Any, *args: Any, **kwargs: Any) -> None:
        method(self, *args, **kwargs)
        state = weakref.ref(getattr(self, "_call_state", self))  # which stubs hold, too
        self.fork_safety = Channel(state, stack())
        if current is not None:
            current.channels.append(self.fork_safety)

    return call


def close(channel: Any) -> None:
    """Note that a channel is closed, which ends also those calls whose end nobody looks at."""
    if hasattr(channel, "fork_safety"):  # otherwise it is older than this plugin
        channel.fork_safety.closed = True
    for key, call in calls.copy().items():
        if call.handle is not None and call.channel is channel._channel:
            calls.pop(key, None)


def closing(method: Method) -> Method:
    @functools.wraps(method)
    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        result = method(self, *args, **kwargs)
        close(self)
        return result

    return call


def closing_async(method: Method) -> Method:
    @functools.wraps(method)
    async def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        result = await method(self, *args, **kwargs)
        close(self)
        return result

    return call


# forks


def watch_forks() -> None:
    os.register_at_fork(before=before_fork, after_in_parent=after_fork, after_in_child=calls.clear)
    os.fork = watched(os.fork)


def before_fork() -> None:
    fork_of_thread.calls = calls.copy()
    fork_of_thread.unsafe = None


def after_fork() -> None:
    """What was in flight before the fork and still is, was so during the fork."""
    fork_of_thread.unsafe = tell(
        [call for key, call in fork_of_thread.calls.items() if key in calls]
    )


def tell(held: list[Call]) -> str | None:
    """Note a fork with its calls for the end of the test, and say it at once: the test may hang."""
    if not held or (current and "allow_fork_during_call" in current.allowed):
        return None
    lines = ["a fork while a gRPC call is in flight: a child that uses its client hangs"]
    for call in held:
        lines += [f"{call.method} in {call.thread}, called at", *call.stack]
    text = "\n".join([*lines, "the fork", *stack(), f"see {PAGE}"])
    if current is not None:
        current.forks.append(text)
    if stderr is not None:
        os.write(stderr, f"\n{text}\n".encode())
    return text


def watched(fork: Callable[[], int]) -> Callable[[], int]:
    @functools.wraps(fork)
    def call() -> int:
        __tracebackhide__ = True
        in_test = threading.current_thread() is threading.main_thread()
        builtin = isinstance(fork, types.BuiltinFunctionType)
        if in_test and builtin and (unsafe := tell([*calls.copy().values()])):
            raise UnsafeForkError(unsafe)
        fork_of_thread.unsafe = None
        pid = fork()  # of somebody else, who may hold it until no call is in flight
        if pid and in_test and fork_of_thread.unsafe:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            raise UnsafeForkError(fork_of_thread.unsafe)
        return pid

    return call


# pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("fork safety")
    for name, what in ALLOW.items():
        option = name.replace("_", "-")
        group.addoption(f"--{option}", action="store_true", help=what.replace("the test", "tests"))
    parser.addini("local_iam_package", "the package that has LocalIAM", default="")


def pytest_configure(config: pytest.Config) -> None:
    global stderr
    for name, what in ALLOW.items():
        config.addinivalue_line("markers", f"{name}: {what}")
    if stderr is None:
        stderr = os.dup(2)
        watch_grpc()
        watch_forks()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    global current
    before = current
    current = Running(
        allowed={
            name for name in ALLOW if item.get_closest_marker(name) or item.config.getoption(name)
        }
    )
    try:
        return (yield)
    finally:
        current = before


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(
    fixturedef: pytest.FixtureDef[Any],
) -> Generator[None, object, object]:
    """Let what a fixture of a wider scope constructs be its own, not the test's."""
    global current
    if fixturedef.scope == "function" or current is None:
        return (yield)
    test = current
    current = Running(forks=test.forks, allowed=test.allowed)
    fixtures[fixturedef] = current.channels
    try:
        return (yield)
    finally:
        current = test


def pytest_fixture_post_finalizer(fixturedef: pytest.FixtureDef[Any]) -> None:
    channels = fixtures.pop(fixturedef, [])
    if current is not None and fixturedef.scope != "session":
        current.channels += channels


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtest_setup() -> Generator[None, object, object]:
    return (yield from watched_phase())


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtest_call() -> Generator[None, object, object]:
    return (yield from watched_phase())


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, object, object]:
    result = yield from watched_phase()
    fail_if_open(item)
    return result


def watched_phase() -> Generator[None, object, object]:
    """Fail at the end of a phase in which there was a fork amid a call, unless it failed so."""
    assert current is not None
    try:
        result = yield
    except UnsafeForkError:
        current.failed = True
        current.forks.clear()
        raise
    except BaseException:
        current.failed = True
        raise
    if current.forks:
        texts, current.failed = "\n\n".join(current.forks), True
        current.forks.clear()
        pytest.fail(texts, pytrace=False)
    return result


def fail_if_open(item: pytest.Item) -> None:
    """Fail if a client is open that the test, or a fixture that has ended, constructed."""
    assert current is not None
    if current.failed or "allow_open_client" in current.allowed:  # a failure holds what it saw
        return
    channels = [channel for channel in current.channels if channel.left_open]
    if channels and hasattr(item, "funcargs"):
        item.funcargs.clear()  # pytest does so in a moment
    until = time.monotonic() + PATIENCE
    while channels and time.monotonic() < until:
        gc.collect()
        time.sleep(0.01)
        channels = [channel for channel in channels if channel.left_open]
    if channels:
        lines = [line for each in channels for line in ("a client, constructed at", *each.stack)]
        pytest.fail(
            "\n".join(["the test leaves a client open:", *lines, f"see {PAGE}"]), pytrace=False
        )


# the local IAM


@pytest.fixture(scope="session")
def local_iam_process(pytestconfig: pytest.Config) -> Iterator[Any]:
    """Run one local IAM until the session ends."""
    named = pytestconfig.getini("local_iam_package")
    for name in [named] if named else LOCAL_IAM:
        try:
            package = importlib.import_module(name)
        except ModuleNotFoundError as error:
            if not f"{name}.".startswith(f"{error.name}."):
                raise  # the package is there, what it needs is not
        else:
            with package.LocalIAM() as local_iam:
                yield local_iam
            return
    pytest.fail(
        f"no package {named or LOCAL_IAM[0]}: copy the folder local_iam beside conftest.py, or "
        f"name it in the ini option local_iam_package; see {PAGE}",
        pytrace=False,
    )


@pytest.fixture
def local_iam(local_iam_process: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Give a test the local IAM as new, and the environment that leads to it."""
    local_iam_process.heal()
    local_iam_process.forget()
    for name, value in local_iam_process.environment.items():
        monkeypatch.setenv(name, value)
    yield local_iam_process
    local_iam_process.heal()
    for thread in threading.enumerate():  # google-auth looks something up; later, it would leave
        if type(thread).__name__ == "_RegionalAccessBoundaryRefreshThread":
            thread.join(PATIENCE)


if __name__ == "__main__":
    sys.exit(pytest.main(["-p", Path(__file__).stem, *sys.argv[1:]]))
