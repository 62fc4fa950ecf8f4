# /// script
# requires-python = ">=3.10"
# dependencies = ["google-cloud-iam>=2.19"]
# ///
"""Sign with each service account, in workers that are forked while threads mint tokens, ungated.

The gate holds each fork until no gRPC call is in flight, and new calls until the fork is over.
Usage: gcloud iam service-accounts list --format='value(email)' |
           python fork_gate_broken.py
"""

import ctypes
import gc
import importlib
import logging
import os
import socket
import sys
import threading
import time
import weakref
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial, wraps
from itertools import cycle
from multiprocessing import get_context
from pathlib import Path
from threading import get_ident
from typing import Any

import google.auth
from google.api_core.exceptions import GoogleAPIError
from google.cloud import iam_credentials_v1
from grpc import _channel
from grpc._cython import cygrpc
from grpc.aio import _channel as _aio_channel

LIMIT = 10.0
"""Seconds that a fork waits for what is in flight."""

PAGE = "https://iam-concurrency-cookbook.readthedocs.io/en/latest/safeguards/fork-gate.html"
POLL = 0.0005  # seconds, after which whoever waits looks again
SETTLE = 0.25  # seconds in which a child's channel has noticed that it must connect anew
CORE = {"event_engine", "timer_manager", "grpc_global_tim", "default-executo", "resolver-execut"}
CLEANUP = "grpc_shutdown"  # gRPC's thread that ends what is left when nobody uses it any more
WATCHED = 0x8000001D  # as gRPC's sockets are by epoll: by edges, for input and output
RESIDENTS = {
    ("grpc._cython.cygrpc", "_poll_wrapper"): "an open grpc.aio channel",
    ("grpc._server", "_serve"): "a running gRPC server",
}
BACKGROUND = (
    ("google.auth._refresh_worker", "RefreshThread"),
    ("google.auth._regional_access_boundary_utils", "_RegionalAccessBoundaryRefreshThread"),
)
LOG = logging.getLogger("fork_gate")


class ForkRefusedError(RuntimeError):
    """There was no fork, because something is still in flight."""


class Gate:
    """Knows what is in flight; a fork closes it, and new calls wait until it opens.

    A call takes no lock, which a fork could find taken: threads say in dictionaries what they
    do, each by one atomic operation, and whoever waits looks again after a moment.
    """

    def __init__(self) -> None:
        self.limit, self.refuse, self.is_installed = LIMIT, True, False
        self.plugins: set[Plugin] = set()
        self.releasing = False  # whether gRPC may be at that
        self.channels: weakref.WeakSet[Any] = weakref.WeakSet()
        self.end, other = socket.socketpair()
        other.close()
        self.start_afresh()

    def start_afresh(self) -> None:
        """Open the gate of a child, where the other threads of the parent do not exist."""
        self.in_flight: dict[object, int] = {}  # the thread of each, 0 of one that is starting
        self.held: dict[object, tuple[int, int]] = {}  # which closing it came upon, its thread
        self.streams: dict[int, tuple[weakref.ref[Any], int]] = {}
        self.subscriptions: list[Any] = []
        self.orphans: list[Any] = []
        self.inherited: set[int] = set()  # channels whose connection is the parent's
        self.hidden: list[tuple[int, int]] = []  # connections, each with a second number
        self.turn = threading.RLock()  # of forks
        self.books = threading.RLock()  # of plugins
        self.closings: list[tuple[bool, bool]] = []
        self.closing, self.forker, self.shut, self.cleared = 0, 0, False, False
        self.began = time.monotonic()

    # calls

    def hold(self, token: object, *, ends: bool = False) -> None:
        """Wait for the fork, unless the fork waits for this thread."""
        me, closing = get_ident(), self.closing
        if me in (self.forker, *self.threads_of_streams()):
            return
        if list(self.in_flight.copy().values()).count(me) > 1:
            return
        self.held[token] = closing, me
        try:
            while self.is_closed(closing, ends):
                self.in_flight.pop(token, None)
                while self.is_closed(closing, ends):
                    time.sleep(POLL)
                self.in_flight[token] = me  # say it, then look; a fork does the same
        finally:
            self.held.pop(token, None)

    def is_closed(self, closing: int, ends: bool) -> bool:
        """A call is held by one waiting fork, not by the next; what ends calls is not held."""
        return self.forker != 0 and (self.shut or (self.closing == closing and not ends))

    def threads_of_streams(self) -> list[int]:
        """Return the threads that began a stream which has not ended."""
        streams = [(call(), thread) for call, thread in self.streams.copy().values()]
        return [thread for call, thread in streams if call and call._state.code is None]

    def add_stream(self, call: Any) -> None:
        key, streams = id(call), self.streams
        streams[key] = weakref.ref(call, lambda _: streams.pop(key, None)), get_ident()

    def pause(self, state: Any) -> None:
        """Step out while the gate is closed: runs in the thread of a subscription."""
        me = get_ident()
        cygrpc.enter_user_request_generator()  # nor do gRPC's own handlers wait, if they are on
        self.subscriptions.append(state)
        for token, thread in self.in_flight.copy().items():
            if thread == me:
                self.hold(token)
        self.subscriptions.remove(state)
        cygrpc.return_from_user_request_generator()

    # forks

    @contextmanager
    def closed(self) -> Iterator[None]:
        """Nothing is in flight in the block, which may fork; ForkRefusedError if that cannot be."""
        self.close(refuse=self.refuse)
        try:
            yield
        finally:
            self.open()

    def close(self, *, refuse: bool) -> None:
        began = time.monotonic()
        if not self.turn.acquire(timeout=self.limit):
            self.give_up(["a fork in another thread"], refuse)
            return
        self.closings.append((self.shut, self.cleared))
        self.closing += len(self.closings) == 1
        self.forker = get_ident()
        self.began = self.began if len(self.closings) > 1 else began
        try:
            while not self.cleared:
                self.shut = True  # nobody enters, then look who is inside
                passing, staying = self.passing(), self.staying()
                is_over = time.monotonic() - began >= self.limit
                if is_over or not passing or (staying and refuse):
                    if passing or staying:
                        self.give_up(passing + staying, refuse)
                    self.cleared = True
                else:
                    self.shut = False
                    time.sleep(POLL)
        except BaseException:
            self.open()
            raise

    def give_up(self, obstacles: list[str], refuse: bool) -> None:
        text = f"{', '.join(sorted(obstacles))}; see {PAGE}"
        if refuse:
            raise ForkRefusedError(f"in flight, so there was no fork: {text}")
        LOG.error("in flight, so the child of this fork may hang: %s", text)

    def before_fork(self) -> None:
        """Runs in each fork; it is too late to refuse it."""
        self.close(refuse=False)
        LOG.debug("a fork waited %.6f s", time.monotonic() - self.began)

    def open(self) -> None:
        if self.forker != get_ident() or not self.closings:
            return  # in the child, or after a fork that did not get its turn
        self.shut, self.cleared = self.closings.pop()
        if not self.closings:
            self.forker = 0
        self.turn.release()
        while self.orphans and not self.forker:
            self.orphans.pop()()

    def open_in_child(self) -> None:
        subscriptions, hidden = self.subscriptions, self.hidden
        self.start_afresh()
        for _, copy in hidden:
            os.close(copy)
        self.inherited = {id(channel._channel) for channel in self.channels}
        for state in subscriptions:  # whose threads are the parent's
            state.reset_postfork_child()
            state.callbacks_and_connectivities.clear()

    def passing(self) -> list[str]:
        """Name what is in flight, apart from what this thread is itself in the middle of."""
        me = get_ident()
        names = {ident: thread.name for ident, thread in python_threads().items()}
        found = [
            getattr(token, "what", f"a call of {names.get(thread)}")
            for token, thread in self.in_flight.copy().items()
            if thread != me
        ]
        found += [f"a stream of {names.get(thread)}" for thread in self.threads_of_streams()]
        for closing, thread in self.held.copy().values():
            if closing < self.closing and thread != me:
                found.append("a call that was held once")
        return found or ["a channel that is closing"] * self.is_releasing()

    def staying(self) -> list[str]:
        """Name what keeps a thread in gRPC for as long as it exists."""
        targets = [vars(thread).get("_target") for thread in python_threads().values()]
        names = [(getattr(x, "__module__", ""), getattr(x, "__name__", "")) for x in targets]
        return [what for name, what in RESIDENTS.items() if name in names]

    # connections

    def hide(self) -> None:
        """Take the connections away: runs when gRPC's threads have stopped for the fork.

        In a child, gRPC starts them before it closes the connections of its parent, and what
        they write there breaks those. They find the end of a connection in its place.
        """
        for _ in range(20):
            if not core_threads():
                break
            time.sleep(POLL)
        else:
            return  # gRPC's handlers are older than the gate, or were skipped
        for number in connections():
            with suppress(OSError):
                copy = os.dup(number)
                os.dup2(self.end.fileno(), number, inheritable=False)
                self.hidden.append((number, copy))

    def show(self) -> None:
        """Give the connections back: runs in the parent, before gRPC's threads start again."""
        while self.hidden:
            number, copy = self.hidden.pop()
            os.dup2(copy, number, inheritable=False)
            os.close(copy)

    def settle(self, channel: Any) -> None:
        """Wait until an inherited channel has noticed that it has to connect anew."""
        until = time.monotonic() + SETTLE
        with suppress(ValueError):  # it is closed
            while channel.check_connectivity_state(False) == cygrpc.ConnectivityState.ready:
                if time.monotonic() >= until:
                    break
                time.sleep(POLL)
        self.inherited.discard(id(channel))

    # plugins, which gRPC drops some time after close(), in a thread that needs the GIL: a fork
    # has the GIL and waits for that thread

    def watch(self, plugins: list["Plugin"], user: object) -> None:
        """Note that gRPC is to refer to these plugins for one more user."""
        self.releases()
        with self.books:
            for plugin in plugins:
                plugin.users.add(user)
                self.plugins.add(plugin)

    def releases(self) -> int:
        """Count the plugins that gRPC has yet to drop; forget those that it did."""
        with self.books:
            late = [plugin for plugin in self.plugins.copy() if not plugin.is_dropped()]
            self.plugins = {plugin for plugin in self.plugins.copy() if plugin.users}.union(late)
        return len(late)

    def is_releasing(self) -> bool:
        """Tell whether gRPC is dropping a plugin, or does what follows.

        It gives back the reference first. If nobody uses gRPC then, it ends all that it has, and
        holds a lock meanwhile that each new channel needs.
        """
        if self.releases():
            self.releasing = True
        elif self.releasing:
            self.releasing = bool(core_threads(at_work=True))
        return self.releasing

    def forget(self, plugins: list["Plugin"], user: object) -> None:
        """Forget credentials that have no channel, whose plugins gRPC never drops."""
        with self.books:
            for plugin in plugins:
                if user in plugin.users:
                    plugin.users.discard(user)
                    self.plugins.discard(plugin)
                    self.releasing = True


def python_threads() -> dict[int, threading.Thread]:
    """Do as `threading.enumerate`, without the lock."""
    return dict(vars(threading)["_active"].copy())


def core_threads(*, at_work: bool = False) -> set[str]:
    """Name the threads of gRPC's core, by which it reads, writes and keeps time."""
    names = set()
    for task in Path("/proc/self/task").glob("*/stat"):
        with suppress(OSError):  # it ended
            name, _, state = task.read_text().partition(" (")[2].rpartition(") ")
            if name == CLEANUP or not (at_work and state.startswith("S")):  # it sleeps
                names.add(name)
    return names & {*CORE, CLEANUP}


def connections() -> list[int]:
    """Find the connections of gRPC among the open files of this process."""
    found: list[int] = []
    for link in Path("/proc/self/fd").iterdir():
        with suppress(OSError):  # it was closed
            if str(link.readlink()) == "anon_inode:[eventpoll]":
                lines = Path("/proc/self/fdinfo", link.name).read_text().splitlines()
                words = [line.split() for line in lines if line.startswith("tfd:")]
                found += [int(word[1]) for word in words if int(word[3], 16) == WATCHED]
    return found


def at_fork(prepare: Callable[[], None], parent: Callable[[], None]) -> None:
    """Let C's fork() itself call these: `prepare` last of its kind, `parent` first.

    So it is if nothing of gRPC was there before, which registers the like.
    """
    libc = ctypes.CDLL(None)
    CALLED_BY_C.extend([ctypes.CFUNCTYPE(None)(prepare), ctypes.CFUNCTYPE(None)(parent)])
    if hasattr(libc, "pthread_atfork"):
        libc.pthread_atfork(*CALLED_BY_C, None)
    elif hasattr(libc, "__register_atfork"):  # what it stands for in the GNU C library
        libc.__register_atfork(*CALLED_BY_C, None, None)


CALLED_BY_C: list[Any] = []  # for as long as the process lives


class Caller:
    """What gRPC calls for a token; once the call is over, nothing else refers to it."""

    def __init__(self, plugin: Any) -> None:
        self.plugin, self._stored_ctx = plugin, plugin._stored_ctx

    def __call__(self, *args: Any) -> None:
        self.plugin(*args)


class Plugin:
    """Counts the references to a caller: one for each channel or call that is a user of it."""

    def __init__(self, caller: Caller) -> None:
        self.caller, self.holders = caller, 1
        self.users: set[object] = set()

    def references(self) -> int:
        return sys.getrefcount(self.caller)

    def is_dropped(self) -> bool:
        return self.references() <= UNUSED + self.holders + len(self.users)


UNUSED = Plugin(object()).references()  # type: ignore[arg-type]

gate = Gate()


class PluginCredentials(cygrpc.MetadataPluginCallCredentials):  # type: ignore[misc]
    """Credentials of calls, which hold their plugin; `grpc` constructs these."""

    def __new__(cls, plugin: Any, name: bytes) -> Any:
        caller = Caller(plugin)
        self = super().__new__(cls, caller, name)
        self.plugin = Plugin(caller)
        return self

    def __del__(self) -> None:
        self.plugin.holders = 0


class GoogleCredentials(cygrpc.ComputeEngineChannelCredentials):  # type: ignore[misc]
    """Credentials of Google's clients: gRPC refers to their plugin before there is a channel."""

    def __init__(self, call_credentials: Any) -> None:
        self.plugins, self.user = plugins_of(call_credentials), object()
        gate.watch(self.plugins, self.user)

    def __del__(self) -> None:
        gate.forget(self.plugins, self.user)


def plugins_of(credentials: Any) -> list[Plugin]:
    """Find the plugins in credentials, whose parts have no names in Python."""
    if isinstance(credentials, PluginCredentials):
        return [credentials.plugin]
    if isinstance(credentials, GoogleCredentials):
        return credentials.plugins
    kinds = (tuple, list, cygrpc.CallCredentials, cygrpc.ChannelCredentials)
    parts = [part for part in gc.get_referents(credentials) if isinstance(part, kinds)]
    return [plugin for part in parts for plugin in plugins_of(part)]


class CountedThread(cygrpc.ForkManagedThread):  # type: ignore[misc]
    """A thread that gRPC starts: for a token, for futures and streams, for a subscription."""

    def __init__(self, target: Callable[..., None], args: tuple[Any, ...] = ()) -> None:
        self.what = f"a thread of gRPC ({getattr(target, '__name__', 'credentials')})"
        target = target.plugin if isinstance(target, Caller) else target
        super().__init__(lambda *args: run_counted(self, target, *args), args)

    def start(self) -> None:
        start_counted(self, super().start)


def start_counted(token: object, start: Callable[[], None]) -> None:
    gate.in_flight[token] = 0
    try:
        start()
    except BaseException:
        gate.in_flight.pop(token, None)
        raise


def run_counted(token: object, run: Callable[..., None], *args: Any) -> None:
    gate.in_flight[token] = get_ident()
    try:
        run(*args)
    finally:
        gate.in_flight.pop(token, None)


def count_thread(kind: Any) -> None:
    """Count a thread of google-auth, which fetches something in the background."""
    start, run = kind.start, kind.run
    kind.what = "a refresh of credentials"
    kind.start = lambda self: start_counted(self, lambda: start(self))
    kind.run = lambda self: run_counted(self, lambda: run(self))


def counted(method: Callable[..., Any], *, ends: bool = False) -> Callable[..., Any]:
    """Make a method wait at the gate, and the gate for the method."""

    @wraps(method)
    def call(*args: Any, **kwargs: Any) -> Any:
        token = object()
        try:
            gate.in_flight[token] = get_ident()
            if gate.forker:
                gate.hold(token, ends=ends)
            return method(*args, **kwargs)
        finally:
            gate.in_flight.pop(token, None)

    return call


def counted_call(method: Callable[..., Any], *, is_stream: bool) -> Callable[..., Any]:
    """Count a call, whose credentials gRPC lets go later; a stream is one until it ends."""

    @wraps(method)
    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        token = object()
        watched: list[Plugin] = []
        try:
            gate.in_flight[token] = get_ident()
            if gate.forker:
                gate.hold(token)
            if gate.inherited:
                gate.settle(self._channel)
            credentials = kwargs.get("credentials") or (args[3] if len(args) > 3 else None)
            if credentials is not None:
                watched = plugins_of(credentials._credentials)
                gate.watch(watched, token)
            result = method(self, *args, **kwargs)
            if is_stream:
                gate.add_stream(result)
            return result
        finally:
            for plugin in watched:
                plugin.users.discard(token)
                gate.releasing = True
            gate.in_flight.pop(token, None)

    return call


class ChannelPlugins:
    """The plugins of one channel, until it is closed."""

    def __init__(self, credentials: Any) -> None:
        self.plugins = plugins_of(credentials)
        gate.watch(self.plugins, self)
        if isinstance(credentials, GoogleCredentials):  # until now for the credentials
            for plugin in self.plugins:
                plugin.users.discard(credentials.user)

    def let_go(self) -> None:
        for plugin in self.plugins:
            plugin.users.discard(self)
            gate.releasing = True


def opening(init: Callable[..., None]) -> Callable[..., None]:
    """Watch the credentials of a channel from its construction on."""

    @wraps(init)
    def call(self: Any, target: Any, options: Any, credentials: Any, *args: Any) -> None:
        self.fork_gate = ChannelPlugins(credentials)
        try:
            init(self, target, options, credentials, *args)
        except BaseException:
            gate.forget(self.fork_gate.plugins, self.fork_gate)
            raise
        if hasattr(self, "_call_state"):
            self._call_state.fork_gate = self.fork_gate
            gate.channels.add(self)

    return counted(call)


def closing(close: Callable[..., None]) -> Callable[..., None]:
    @wraps(close)
    def call(self: Any) -> None:
        try:
            close(self)
        finally:
            self.fork_gate.let_go()

    return counted(call, ends=True)


def closing_async(close: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
    @wraps(close)
    async def call(self: Any, *args: Any) -> None:
        try:
            await close(self, *args)
        finally:
            self.fork_gate.let_go()

    return call


def dropping(drop: Callable[[Any], None]) -> Callable[[Any], None]:
    """Close a channel that nobody refers to, which may be found while a fork is under way."""

    @wraps(drop)
    def call(self: Any) -> None:
        token = object()
        gate.in_flight[token] = get_ident()
        try:
            if gate.forker:
                gate.orphans.append(lambda: call(self))
                return
            drop(self)
            if hasattr(self, "fork_gate"):
                self.fork_gate.let_go()
        finally:
            gate.in_flight.pop(token, None)

    return call


def pausing(block_if_fork_in_progress: Callable[..., None]) -> Callable[..., None]:
    """Let a subscription to the state of a channel wait at the gate, since it never ends."""

    @wraps(block_if_fork_in_progress)
    def call(state: Any = None) -> None:
        block_if_fork_in_progress(state)
        if gate.forker and isinstance(state, _channel._ChannelConnectivityState):
            gate.pause(state)

    return call


def forking(fork: Callable[[], Any]) -> Callable[[], Any]:
    @wraps(fork)
    def call() -> Any:
        with gate.closed():
            return fork()

    return call


def install(limit: float = LIMIT, *, refuse: bool = True) -> None:
    """Close the gate around each fork from now on; call it before the first client is made.

    After `limit` seconds `os.fork()` raises ForkRefusedError; without `refuse` it logs an error,
    and forks.
    """
    gate.limit, gate.refuse = limit, refuse
    if gate.is_installed:
        return
    if os.environ.get("GRPC_ENABLE_FORK_SUPPORT", "1").lower() in ("0", "false", "no", "f", "n"):
        raise RuntimeError(f"GRPC_ENABLE_FORK_SUPPORT turns off what the gate needs; see {PAGE}")
    if any(type(thing) in (_channel.Channel, _aio_channel.Channel) for thing in gc.get_objects()):
        raise RuntimeError(f"there is a client already, which the gate cannot see; see {PAGE}")
    gate.is_installed = True
    for kind in (
        _channel._UnaryUnaryMultiCallable,
        _channel._StreamUnaryMultiCallable,
        _channel._UnaryStreamMultiCallable,
        _channel._SingleThreadedUnaryStreamMultiCallable,
        _channel._StreamStreamMultiCallable,
    ):
        for name in {"__call__", "with_call", "future"}.intersection(vars(kind)):
            is_stream = "StreamMultiCallable" in kind.__name__
            setattr(kind, name, counted_call(vars(kind)[name], is_stream=is_stream))
    cygrpc.MetadataPluginCallCredentials = PluginCredentials
    cygrpc.channel_credentials_compute_engine = GoogleCredentials
    cygrpc.ForkManagedThread = CountedThread
    cygrpc.block_if_fork_in_progress = pausing(cygrpc.block_if_fork_in_progress)
    replace(google.auth, "default", counted)
    replace(_channel.Channel, "__init__", opening)
    replace(_channel.Channel, "_close", closing)
    replace(_channel.Channel, "subscribe", counted)
    replace(_channel.Channel, "unsubscribe", partial(counted, ends=True))
    replace(_channel._ChannelCallState, "__del__", dropping)
    replace(_aio_channel.Channel, "__init__", opening)
    replace(_aio_channel.Channel, "_close", closing_async)
    replace(_aio_channel.Channel, "__del__", dropping)
    for module, name in BACKGROUND:
        with suppress(ImportError, AttributeError):  # which a release of google-auth may lack
            count_thread(getattr(importlib.import_module(module), name))
    replace(os, "fork", forking)
    replace(os, "forkpty", forking)
    if Path("/proc/self/fdinfo").is_dir():
        at_fork(gate.hide, gate.show)
    os.register_at_fork(
        before=gate.before_fork, after_in_parent=gate.open, after_in_child=gate.open_in_child
    )


def replace(place: Any, name: str, change: Callable[[Any], Any]) -> None:
    setattr(place, name, change(getattr(place, name)))


# the program

THREADS = 8
WORKERS = 4
SCOPE = "https://www.googleapis.com/auth/cloud-platform"

client: iam_credentials_v1.IAMCredentialsClient


def keep_minting(emails: list[str], done: threading.Event, failures: dict[str, str]) -> None:
    """Runs in threads of the parent, before, while and after workers are forked."""
    for email in cycle(emails):
        if done.is_set():
            return
        name = f"projects/-/serviceAccounts/{email}"
        try:
            client.generate_access_token(name=name, scope=[SCOPE], timeout=10)  # at most 70 s
        except GoogleAPIError as error:
            failures[email] = " ".join(str(error).split())


def sign(email: str) -> tuple[str, str | None, str | None]:
    """Runs in a worker, with the client of the parent."""
    name = f"projects/-/serviceAccounts/{email}"
    try:
        signature = client.sign_blob(name=name, payload=email.encode(), timeout=10)  # at most 70 s
    except GoogleAPIError as error:
        return email, None, " ".join(str(error).split())
    return email, f"signed with key {signature.key_id}", None


def main() -> int:
    global client
    emails = sys.stdin.read().split()
    client = iam_credentials_v1.IAMCredentialsClient()
    done, failures = threading.Event(), dict[str, str]()
    work = (emails, done, failures)
    threads = [
        threading.Thread(target=keep_minting, args=work, daemon=True) for _ in range(THREADS)
    ]
    for thread in threads:
        thread.start()
    with ProcessPoolExecutor(WORKERS, mp_context=get_context("fork")) as workers:
        for email, signed, error in workers.map(sign, emails):
            if error is None:
                print(email, signed, sep="\t")
            else:
                failures[email] = error
    done.set()
    for thread in threads:
        thread.join()
    for email, error in failures.items():
        print(email, error, sep="\t", file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
