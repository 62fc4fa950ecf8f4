"""Recognises a run in which nothing can happen any more, so that no deadline need be waited for.

A clock cannot tell a hang from a call that takes a minute; the kernel can. It shows what each
thread waits for. A run is stuck when each of its threads waits without a limit, for nothing but
other threads of the same run: a lock, a pipe between its processes, the end of a child.
Where anything else is seen (a limit, a socket, a sleep, a signal that a timer may send) the answer
is no, and the deadline decides. So a hang is never named that would have ended by itself.

gRPC's own threads always wait with a limit. They are passed over while they are idle, because they
wake no thread that waits as Python's locks and pipes do: a call that they could end is waited for
with a limit as well (200 ms, again and again), or, in an event loop, through a socket.
"""

import os
import platform
import re
import signal
import struct
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

WINDOW = 3
"""Looks, one after the other, between which no thread may have run."""
OF_GRPC = re.compile(r"grpc_global_tim|event_engine|lifeguard|resolver-execut|default-executo")
"""What the kernel shows of the names that gRPC gives to its threads."""
ALARMS = (signal.SIGALRM, signal.SIGVTALRM, signal.SIGPROF)
"""Signals by which a program wakes itself."""
SYSCALLS = {
    "x86_64": {
        0: "read", 7: "poll", 45: "read", 61: "wait4", 202: "futex",
        232: "epoll_wait", 247: "waitid", 271: "ppoll", 281: "epoll_wait",
    },
    "aarch64": {
        22: "epoll_wait", 63: "read", 73: "ppoll", 95: "waitid", 98: "futex",
        207: "read", 260: "wait4",
    },
}.get(platform.machine(), {})  # fmt: skip
FUTEX_WAIT, FUTEX_WAIT_BITSET, FUTEX_COMMAND = 0, 9, 0x7F
POLLFD = struct.Struct("ihh")


class Waiting(NamedTuple):
    """A thread that waits without a limit: in which system call, and how often it ran before."""

    thread: int
    syscall: str
    switches: str


class Stuck:
    """Tells, from one look to the next, whether a run is stuck."""

    def __init__(self) -> None:
        self._before: list[Waiting] | None = None
        self._looks = 0

    def look(self, pids: list[int]) -> bool:
        """Look at the processes of a run; return whether nothing happened for WINDOW looks."""
        now = _all_waiting(pids)
        self._looks = self._looks + 1 if now is not None and now == self._before else 1
        self._before = now
        return now is not None and self._looks >= WINDOW


def _all_waiting(pids: list[int]) -> list[Waiting] | None:
    """Return all threads but gRPC's, or None if one of them may go on by itself."""
    found: list[Waiting] = []
    try:
        for pid in pids:
            threads = [*_threads(pid)]
            grpc = [each for each in threads if OF_GRPC.match((each / "comm").read_text())]
            waiting = [_waiting(pid, each, alone=not grpc) for each in threads if each not in grpc]
            if None in waiting or not all(map(_is_idle, grpc)) or (threads and _wakes_itself(pid)):
                return None
            found += filter(None, waiting)
    except (OSError, ValueError):  # one has ended meanwhile, or is not ours to look at
        return None
    return found or None


def _threads(pid: int) -> Iterator[Path]:
    for thread in Path(f"/proc/{pid}/task").iterdir():
        if _status(thread)["State"][0] != "Z":
            yield thread


def _status(thread: Path) -> dict[str, str]:
    lines = (thread / "status").read_text("utf-8").splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def _wakes_itself(pid: int) -> bool:
    """Tell a process that handles a timer's signal: whether a timer is set cannot be seen."""
    caught = int(_status(Path(f"/proc/{pid}"))["SigCgt"], 16)
    return any(caught >> (alarm - 1) & 1 for alarm in ALARMS)


def _is_idle(thread: Path) -> bool:
    """Tell a thread that waits for work from one that looks up a name or reads a file."""
    number = (thread / "syscall").read_text().split()[0]
    return number.isdecimal() and SYSCALLS.get(int(number)) in ("futex", "epoll_wait")


def _waiting(pid: int, thread: Path, *, alone: bool) -> Waiting | None:
    status = _status(thread)
    syscall = (thread / "syscall").read_text().strip()
    if not _is_without_limit(pid, syscall, alone=alone):
        return None
    switches = f"{status['voluntary_ctxt_switches']} {status['nonvoluntary_ctxt_switches']}"
    return Waiting(int(thread.name), syscall, switches)


def _is_without_limit(pid: int, syscall: str, *, alone: bool) -> bool:
    """Tell a wait for nothing but the same run; `alone` is a process without gRPC's threads."""
    number, *words = syscall.split()
    if not words or not number.isdecimal():  # it runs, or waits outside of any call
        return False
    first, second, third, fourth, *_ = (int(word, 16) for word in words)
    match SYSCALLS.get(int(number)):
        case "futex":
            waits = second & FUTEX_COMMAND in (FUTEX_WAIT, FUTEX_WAIT_BITSET)
            return waits and fourth == 0 and (alone or _is_of_python(second, third))
        case "wait4":
            return not third & os.WNOHANG
        case "waitid":
            return not fourth & os.WNOHANG
        case "read":
            return _are_inside(pid, [first], alone=alone)
        case "poll" if _is_minus_one(third):
            return _are_inside(pid, _polled(pid, first, second), alone=alone)
        case "ppoll" if third == 0:
            return _are_inside(pid, _polled(pid, first, second), alone=alone)
        case "epoll_wait" if _is_minus_one(fourth):
            return _are_inside(pid, _watched(pid, first), alone=alone)
    return False


def _is_of_python(operation: int, value: int) -> bool:
    """Tell a semaphore, which Python's locks are, from a lock of gRPC or the end of a thread."""
    return operation & FUTEX_COMMAND == FUTEX_WAIT_BITSET and value == 0


def _is_minus_one(word: int) -> bool:
    return word & 0xFFFFFFFF == 0xFFFFFFFF


def _polled(pid: int, address: int, number: int) -> list[int]:
    """Return the descriptors of an array of pollfd in the memory of a process."""
    with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
        memory.seek(address)
        data = memory.read(number * POLLFD.size)
    return [descriptor for descriptor, _, _ in POLLFD.iter_unpack(data)]


def _watched(pid: int, epoll: int) -> list[int]:
    text = Path(f"/proc/{pid}/fdinfo/{epoll}").read_text("utf-8")
    return [int(number) for number in re.findall(r"^tfd: +(\d+)", text, re.MULTILINE)]


def _are_inside(pid: int, descriptors: list[int], *, alone: bool) -> bool:
    """Tell pipes, and sockets of this machine's own kind, from what others can write to.

    Beside gRPC's threads a socket is none: with one they wake an event loop.
    """
    links = [str(Path(f"/proc/{pid}/fd/{each}").readlink()) for each in descriptors]
    sockets = [link for link in links if link.startswith("socket:[")]
    others = [link for link in links if not link.startswith(("pipe:[", "socket:["))]
    return not others and (not sockets or (alone and _are_unix(sockets)))


def _are_unix(links: list[str]) -> bool:
    with suppress(FileNotFoundError):
        lines = Path("/proc/net/unix").read_text("utf-8").splitlines()[1:]
        inodes = {f"socket:[{line.split()[6]}]" for line in lines}
        return inodes.issuperset(links)
    return False
