# /// script
# requires-python = ">=3.10"
# dependencies = ["grpcio"]
# ///
"""Fork guard: a client that is used in a process which did not create it raises at once.

Copy this file, and call `fork_guard.install()` where your program starts. Calls stay as they are.
"""

import functools
import gc
import importlib
import inspect
import mmap
import os
import sys
import sysconfig
import weakref
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import grpc
import grpc.aio

PAGE = "https://iam-concurrency-cookbook.readthedocs.io/en/latest/safeguards/fork-guard.html"

GRPC = (
    *("grpc._channel", "grpc._interceptor"),
    *("grpc.aio._channel", "grpc.aio._interceptor", "grpc.aio._call"),
)
HTTP = (
    ("google.auth.transport.requests", "AuthorizedSession", "request"),
    ("google.auth.transport.requests", "Request", "__call__"),
    ("google.auth.transport.urllib3", "AuthorizedHttp", "urlopen"),
    ("google.auth.transport.urllib3", "Request", "__call__"),
    ("google.auth.transport._aiohttp_requests", "AuthorizedSession", "_request"),
    ("google.auth.aio.transport.sessions", "AsyncAuthorizedSession", "request"),
    ("google_auth_httplib2", "AuthorizedHttp", "request"),
)
"""What REST clients send their requests with: module, class, method."""

STUBS = ("unary_unary", "unary_stream", "stream_unary", "stream_stream")
STATE = ("subscribe", "unsubscribe", "get_state", "wait_for_state_change", "channel_ready")
UNARY = (grpc.UnaryUnaryMultiCallable, grpc.StreamUnaryMultiCallable)
OTHERS = (
    *(grpc.UnaryStreamMultiCallable, grpc.StreamStreamMultiCallable),
    *(grpc.aio.UnaryUnaryMultiCallable, grpc.aio.StreamUnaryMultiCallable),
    *(grpc.aio.UnaryStreamMultiCallable, grpc.aio.StreamStreamMultiCallable),
)
CALL = (
    *("result", "exception", "traceback", "cancel", "cancelled", "running", "done", "code"),
    *("details", "debug_error_string", "initial_metadata", "trailing_metadata", "is_active"),
    *("add_callback", "add_done_callback", "time_remaining", "next", "__next__", "__aiter__"),
    *("__await__", "read", "write", "done_writing", "wait_for_connection"),
)

PYTHON = (sysconfig.get_path("stdlib"), sysconfig.get_path("scripts"), "<frozen ")
PACKAGES = {"google", "google_auth_httplib2", "googleapiclient", "grpc", "requests", "urllib3"}

WIPE_ON_FORK = 18  # madvise(2) of Linux; the module mmap has no name for it

Method = Callable[..., Any]


class InheritedClientError(RuntimeError):
    """A client is used in a process that did not create it."""


class Process:
    """One process. Its pid may come again, what the kernel does to its page does not."""

    def __init__(self, parent: "Process | None" = None) -> None:
        self.pid = os.getpid()
        self.page = page_of_this_process()
        self.successor: dict[str, Process] = {}
        self.calls = Origin(self, "an unknown place")
        self.channels: weakref.WeakSet[Any] = weakref.WeakSet()
        # an asynchronous channel that is destroyed in a fork hangs or crashes it: keep them all
        self.inherited: list[Any] = [*parent.inherited, *parent.channels] if parent else []
        self.async_engine = next(
            (at.fork_guard for at in self.inherited if issubclass(type(at), grpc.aio.Channel)), None
        )


class Origin:
    """Where a client was created: the process, and the line of the reader's code."""

    def __init__(self, process: Process, place: str) -> None:
        self.process = process
        self.page = process.page
        self.place = place

    def __reduce__(self) -> tuple[Any, ...]:
        return type(None), ()  # what is unpickled belongs to the process that unpickles it


def page_of_this_process() -> "mmap.mmap | bytearray":
    """Return memory that begins with 1 in this process, and with 0 in all of its forks."""
    with suppress(AttributeError, OSError, ValueError):  # where there is no such thing
        page = mmap.mmap(-1, mmap.PAGESIZE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        page.madvise(WIPE_ON_FORK)
        page[0] = 1
        return page
    return bytearray(b"\1")  # then forks of Python are noticed, and those of C are not


here = Process()


def install() -> None:
    """Guard the clients of this process and of its forks, also those that exist already."""
    sync, interceptor, aio, aio_interceptor, aio_call = map(importlib.import_module, GRPC)
    if hasattr(sync.Channel, "fork_guard"):
        return
    before = Origin(this_process(), "an unknown place, before fork_guard.install()")

    def guard(client: Any, how: Callable[[Method], Method], *names: str) -> None:
        client.fork_guard = before
        for name in names:
            method = getattr(client, name, None)
            if method is not None and getattr(method, "__globals__", None) is not globals():
                setattr(client, name, how(method))

    for channel in (sync.Channel, aio.Channel, *classes(interceptor, grpc.Channel)):
        guard(channel, created, "__init__")
        guard(channel, passing_on, *STUBS)
        guard(channel, checked, *STATE)
        guard(channel, closing, "close", "__exit__", "__aexit__")
        guard(channel, skipped, "__del__")
    for stub in (*classes(sync, *UNARY, *OTHERS), *classes(aio, *UNARY, *OTHERS)):
        guard(stub, checked if issubclass(stub, UNARY) else passing_on, "__call__", "with_call")
        guard(stub, passing_on, "future")
    for stub in classes(interceptor, *UNARY, *OTHERS):  # what interceptors return may be anything
        guard(stub, checked, "__call__", "with_call", "future")
    for call in (
        *classes(sync, sync._Rendezvous),
        *classes(aio_call, grpc.aio.Call),
        *classes(aio_interceptor, grpc.aio.Call),
    ):
        guard(call, started, "__init__")
        guard(call, checked, *CALL)
        guard(call, skipped, "__del__")
    for http, request in http_clients():
        guard(http, created, "__init__")
        guard(http, checked, request)
        guard(http, closing, "close")
    both = (sync.Channel, aio.Channel)
    here.channels.update(each for each in gc.get_objects() if issubclass(type(each), both))
    os.register_at_fork(after_in_child=after_fork)


def classes(module: Any, *bases: Any) -> Iterator[type]:
    for each in list(vars(module).values()):
        if (
            isinstance(each, type)
            and issubclass(each, bases)
            and each.__module__ == module.__name__
        ):
            yield each


def http_clients() -> Iterator[tuple[Any, str]]:
    for module, client, request in HTTP:
        with suppress(Exception):  # what cannot be imported is not in use
            yield getattr(importlib.import_module(module), client), request


def checked(method: Method) -> Method:
    @functools.wraps(method)
    def guarded(self: Any, *args: Any, **kwargs: Any) -> Any:
        origin = self.fork_guard
        if origin is None or not origin.page[0]:
            examine(self)
        return method(self, *args, **kwargs)

    return guarded


def passing_on(method: Method) -> Method:
    """Check, and let what the method returns belong to the same client."""

    @functools.wraps(method)
    def guarded(self: Any, *args: Any, **kwargs: Any) -> Any:
        origin = self.fork_guard
        if not origin.page[0]:
            examine(self)
        result = method(self, *args, **kwargs)
        result.fork_guard = origin
        return result

    return guarded


def created(method: Method) -> Method:
    @functools.wraps(method)
    def guarded(self: Any, *args: Any, **kwargs: Any) -> None:
        self.fork_guard = Origin(this_process(), place())
        if isinstance(self, grpc.aio.Channel) and here.async_engine is not None:
            raise InheritedClientError(
                f"{told(here.async_engine)} was not closed and dropped before the fork: "
                f"no asynchronous client works in process {here.pid}, see {PAGE}"
            )
        if isinstance(self, (grpc.Channel, grpc.aio.Channel)):
            here.channels.add(self)
        method(self, *args, **kwargs)

    return guarded


def started(method: Method) -> Method:
    @functools.wraps(method)
    def guarded(self: Any, *args: Any, **kwargs: Any) -> None:
        self.fork_guard = this_process().calls
        method(self, *args, **kwargs)

    return guarded


def closing(method: Method) -> Method:
    """Leave an inherited client open: it is the creator's to close."""

    @functools.wraps(method)
    def guarded(self: Any, *args: Any, **kwargs: Any) -> Any:
        return method(self, *args, **kwargs) if belongs_here(self) else None

    @functools.wraps(method)
    async def guarded_async(self: Any, *args: Any, **kwargs: Any) -> Any:
        return await method(self, *args, **kwargs) if belongs_here(self) else None

    return guarded_async if inspect.iscoroutinefunction(method) else guarded


def skipped(method: Method) -> Method:
    @functools.wraps(method)
    def guarded(self: Any) -> None:
        if belongs_here(self):
            method(self)

    return guarded


def this_process() -> Process:
    global here
    process = here
    if not process.page[0]:  # several threads of a child may see it, and agree on one object
        here = process.successor.setdefault("child", Process(process))
    return here


def after_fork() -> None:
    """Runs in the child of a fork that Python knows of."""
    if here.pid != os.getpid():
        here.page[0] = 0
    this_process()


def belongs_here(client: Any) -> bool:
    return client.fork_guard is None or bool(client.fork_guard.page[0])


def examine(client: Any) -> None:
    """Raise unless the client is this process's own after all."""
    if not belongs_here(client):
        raise InheritedClientError(
            f"{told(client.fork_guard)} is used in process {os.getpid()}, which inherited it: "
            f"create a client in each process, see {PAGE}"
        )
    if client.fork_guard is None:
        client.fork_guard = Origin(this_process(), place())


def told(origin: Origin) -> str:
    return f"the client that process {origin.process.pid} created at {origin.place}"


def place() -> str:
    """Return the line that created the client: the reader's, or else the nearest to Google's."""
    frame, nearest = sys._getframe(2), ""
    while frame is not None:
        path, package = frame.f_code.co_filename, frame.f_globals.get("__name__", "").split(".")[0]
        own = frame.f_globals is globals() and frame.f_code.co_name == "guarded"
        installed = "site-packages" in path or "dist-packages" in path
        if not (own or package in PACKAGES or (path.startswith(PYTHON) and not installed)):
            if not installed:
                return f"{path}:{frame.f_lineno}"
            nearest = nearest or f"{path}:{frame.f_lineno}"
        frame = frame.f_back  # type: ignore[assignment]
    return nearest or "an unknown place"
