"""A run is stuck where nothing can go on, and nowhere else: each program waits in another way."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from subprocess import DEVNULL, PIPE
from textwrap import dedent

import psutil
import pytest

from recipes.testing.local_iam import LocalIAM
from tests.runner.stuck import Stuck

SECONDS = 30.0
LOOKS = 8  # at one that is not stuck
BETWEEN_LOOKS = 0.05
SLOW = 20.0  # seconds of a call, more than all looks take

STUCK = {
    "lock": "lock = threading.Lock()\nlock.acquire()\nready()\nlock.acquire()",
    "future": "ready()\nFuture().result()",
    "thread": "threading.Thread(target=threading.Event().wait).start()\nready()",
    "own pipe": "reader, _ = os.pipe()\nready()\nos.read(reader, 1)",
    "polled pipe": "reader, _ = multiprocessing.Pipe(False)\nready()\nwait([reader])",
    "event loop": "ready()\nasyncio.run(asyncio.Event().wait())",
    "child": """
        if os.fork() == 0:
            threading.Event().wait()
        ready()
        os.wait()
        """,
    "pool": """
        reader, _ = os.pipe()
        pool = multiprocessing.get_context("fork").Pool(2)
        ready()
        pool.apply(os.read, (reader, 1))
        """,
    "pool of a forkserver": """
        if __name__ == "__main__":
            context = multiprocessing.get_context("forkserver")
            queue = context.SimpleQueue()
            process = context.Process(target=queue.get)
            process.start()
            ready()
            process.join()
        """,
    "lock beside a client": """
        iam_admin_v1.IAMClient().list_roles({})
        ready()
        threading.Event().wait()
        """,
    "forked lock beside a client": """
        iam_admin_v1.IAMClient().list_roles({})
        lock = threading.Lock()
        lock.acquire()
        if os.fork() == 0:
            lock.acquire()
        ready()
        os.wait()
        """,
}
GOES_ON = {
    "sleep": "ready()\ntime.sleep(SLOW)",
    "computation": "ready()\nwhile True:\n    pass",
    "lock with a limit": "ready()\nthreading.Event().wait(SLOW)",
    "select with a limit": "reader, _ = os.pipe()\nready()\nselect.select([reader], [], [], SLOW)",
    "poll with a limit": "reader, _ = multiprocessing.Pipe(False)\nready()\nwait([reader], SLOW)",
    "timer": "signal.signal(signal.SIGALRM, print)\nsignal.alarm(20)\nready()\nFuture().result()",
    "signal from elsewhere": "ready()\nsignal.pause()",
    "other thread": "threading.Timer(SLOW, print).start()\nready()\nthreading.Event().wait()",
    "child that sleeps": "child = subprocess.Popen(['sleep', '20'])\nready()\nchild.wait()",
    "connection": "listener = socket.create_server(('', 0))\nready()\nlistener.accept()",
    "polled connection": """
        listener = socket.create_server(("127.0.0.1", 0))
        client = socket.create_connection(listener.getsockname())
        ready()
        wait([client])
        """,
    "event loop with a server": """
        async def main():
            async with await asyncio.start_server(print, "127.0.0.1", 0) as server:
                ready()
                await server.serve_forever()

        asyncio.run(main())
        """,
    "event loop with a limit": "ready()\nasyncio.run(asyncio.sleep(SLOW))",
    "call": """
        client = iam_admin_v1.IAMClient()
        threading.Timer(0.5, ready).start()
        client.list_roles({}, timeout=60)
        """,
    "call of a thread": """
        client = iam_admin_v1.IAMClient()
        threading.Timer(0.5, ready).start()
        with ThreadPoolExecutor() as threads:
            threads.submit(client.list_roles, {}, timeout=60).result()
        """,
    "call of an event loop": """
        async def main():
            client = iam_admin_v1.IAMAsyncClient()
            asyncio.get_running_loop().call_later(0.5, ready)
            await client.list_roles({}, timeout=60)

        asyncio.run(main())
        """,
    "call of a fork": """
        if os.fork() == 0:
            iam_admin_v1.IAMClient().list_roles({}, timeout=60)
        time.sleep(0.5)
        ready()
        os.wait()
        """,
    "busy thread of gRPC": """
        def look_up():
            libc.prctl(PR_SET_NAME, b"event_engine")
            ready()
            time.sleep(SLOW)

        threading.Thread(target=look_up).start()
        Future().result()
        """,
    "lock of gRPC": """
        threading.Thread(target=wait_for_work).start()
        word = ctypes.c_int(0)
        ready()
        libc.syscall(FUTEX, ctypes.byref(word), FUTEX_WAIT_PRIVATE, 0, None)
        """,
    "socket of gRPC": """
        threading.Thread(target=wait_for_work).start()
        ours, theirs = socket.socketpair()
        ready()
        ours.recv(1)
        """,
    "future of a call": """
        with grpc.insecure_channel("127.0.0.1:1") as channel:
            threading.Timer(0.5, ready).start()
            grpc.channel_ready_future(channel).result()
        """,
    "call by REST": """
        client = iam_credentials_v1.IAMCredentialsClient(transport="rest")
        threading.Timer(0.5, ready).start()
        client.generate_access_token(name=ACCOUNT, scope=["a"], timeout=60)
        """,
}
PRELUDE = '''\
import asyncio
import ctypes
import multiprocessing
import os
import platform
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from multiprocessing.connection import wait

SLOW = 20.0
PR_SET_NAME = 15
FUTEX = {"x86_64": 202, "aarch64": 98}[platform.machine()]
FUTEX_WAIT_PRIVATE = 128
libc = ctypes.CDLL(None)


def ready():
    print("ready", flush=True)


def wait_for_work():
    """Look like a thread of gRPC."""
    libc.prctl(PR_SET_NAME, b"event_engine")
    threading.Event().wait(SLOW)


'''
CLIENTS = """\
os.environ["GRPC_ENABLE_FORK_SUPPORT"] = "0"  # or a fork soon after a call may take a minute
import grpc
from google.cloud import iam_admin_v1, iam_credentials_v1

ACCOUNT = {!r}
"""


@contextmanager
def started(text: str, local_iam: LocalIAM, stdin: int = DEVNULL) -> Iterator[list[int]]:
    """Start a program, and give all its processes once it is ready."""
    account = f"projects/-/serviceAccounts/{local_iam.service_accounts[0]}"
    clients = CLIENTS.format(account) if "iam_" in text or "grpc" in text else ""
    program = subprocess.Popen(
        [sys.executable, "-c", PRELUDE + clients + dedent(text)],
        stdin=stdin,
        stdout=PIPE,
        env=local_iam.environment,
    )
    family: list[psutil.Process] = []
    try:
        assert program.stdout
        assert b"ready\n" == program.stdout.readline()
        family = [psutil.Process(program.pid), *psutil.Process(program.pid).children(True)]
        yield [process.pid for process in family]
    finally:
        for process in family or [psutil.Process(program.pid)]:
            process.kill()
        program.wait()
        if program.stdout:
            program.stdout.close()


@pytest.mark.parametrize("how", STUCK)
def test_run_that_waits_for_itself_is_stuck(local_iam: LocalIAM, how: str) -> None:
    """Nothing outside can wake it, so it is recognised."""
    with started(STUCK[how], local_iam) as pids:
        stuck = Stuck()
        until = time.monotonic() + SECONDS
        while not stuck.look(pids):
            assert time.monotonic() < until
            time.sleep(BETWEEN_LOOKS)


@pytest.mark.parametrize("how", GOES_ON)
def test_run_that_may_go_on_is_not_stuck(local_iam: LocalIAM, how: str) -> None:
    """A wait that has an end, or that somebody else can end, is no hang."""
    if "call" in how:
        local_iam.slow(SLOW)
    try:
        with started(GOES_ON[how], local_iam) as pids:
            stuck = Stuck()
            for _ in range(LOOKS):
                assert not stuck.look(pids)
                assert all(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE for pid in pids)
                time.sleep(BETWEEN_LOOKS)
    finally:
        local_iam.heal()


def test_run_that_goes_on_between_looks_is_not_stuck(local_iam: LocalIAM) -> None:
    """A thread that ran since the last look may run again, though it waits at the same place."""
    reader, writer = os.pipe()
    text = "ready()\nwhile os.read(0, 1):\n    pass"
    with (
        os.fdopen(reader),
        os.fdopen(writer, "wb", 0) as pipe,
        started(text, local_iam, reader) as pids,
    ):
        stuck = Stuck()
        for _ in range(LOOKS):
            assert not stuck.look(pids)
            pipe.write(b"x")
            time.sleep(BETWEEN_LOOKS)
