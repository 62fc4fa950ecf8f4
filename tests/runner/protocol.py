"""What a runner and its supervisor say to each other: one line of JSON each way for each run.

A leaf: the supervisor is a program of its own, perhaps in an environment with another Python, and
what both sides know stands here, so that neither has to import the other.
"""

import json
import socket
from typing import Any, TypedDict


class Request(TypedDict):
    """A run to start; `python` is None for a fork of the supervisor.

    `ahead` is how many lines of `stdin` may be unanswered; None for any number.
    With `until_stuck` it is over as soon as nothing can happen in it any more.
    """

    python: str | None
    script: str
    argv: list[str]
    start_method: str | None
    record_prints: bool
    stdin: str
    ahead: int | None
    environment: dict[str, str]
    cwd: str
    deadline: float
    until_stuck: bool
    descriptors: int | None


class Reply(TypedDict):
    """A run that is over; `status` is None for a hang, `raised` names an uncaught exception."""

    status: int | None
    raised: str | None
    printed: list[tuple[int, str, list[tuple[str, bool]]]]
    stdout: str
    stderr: str
    seconds: float
    left_behind: list[str]


def send(control: socket.socket, message: Request | Reply) -> None:
    """Send a message; OSError where the other side has gone."""
    control.sendall(json.dumps(message).encode() + b"\n")


def receive(control: socket.socket) -> Any | None:
    """Return the next message, or None where the other side has gone."""
    data = bytearray()
    while not data.endswith(b"\n"):
        received = control.recv(1 << 20)
        if not received:
            return None
        data += received
    return json.loads(data)
