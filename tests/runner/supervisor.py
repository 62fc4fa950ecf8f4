"""The process that starts each run, watches it, and leaves nothing of it running.

It talks lines of JSON with one runner over an inherited socket, one run at a time.
It stays single-threaded and opens no channel, because runs are forked from it.
"""

import contextlib
import gc
import importlib
import json
import os
import resource
import selectors
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NoReturn, TypedDict

from tests.runner import child
from tests.runner.libraries import IMPORTED
from tests.runner.output import Output
from tests.runner.source import Source
from tests.runner.tree import Tree

GRACE = 5.0  # seconds in which helpers of multiprocessing end after the main process
KEPT = 1 << 19  # bytes kept of the beginning and of the end of each output
KEPT_OF_REPORT = 1 << 24


class Request(TypedDict):
    """A run to start; `python` is None for a fork of this process.

    `ahead` is how many lines of `stdin` may be unanswered; None for any number.
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


class RunnerGoneError(Exception):
    """The runner closed its end of the socket."""


def serve(control: socket.socket) -> child.Script | None:
    """Run requests until the runner goes; return a script in the process that is to run it."""
    tree = Tree()
    signal.signal(signal.SIGTERM, _exit)
    control.sendall(b"ready\n")
    try:
        while (request := _receive(control)) is not None:
            outputs = Output(KEPT), Output(KEPT), Output(KEPT_OF_REPORT)
            source = Source(request["stdin"], request["ahead"])
            main = tree.fork()
            if main == 0:
                control.close()
                return _become(request, source, *outputs)
            _send(control, _watch(tree, main, request, control, source, *outputs))
    except RunnerGoneError:
        pass
    finally:
        tree.kill()
    return None


def _receive(control: socket.socket) -> Request | None:
    data = b""
    while not data.endswith(b"\n"):
        received = control.recv(1 << 16)
        if not received:
            return None
        data += received
    request: Request = json.loads(data)
    return request


def _send(control: socket.socket, reply: Reply) -> None:
    try:
        control.sendall(json.dumps(reply).encode() + b"\n")
    except OSError as error:
        raise RunnerGoneError from error


def _become(
    request: Request, source: Source, out: Output, err: Output, report: Output
) -> child.Script:
    """Make the forked process what a new interpreter finds itself in, or start a new one."""
    try:
        os.setsid()
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        source.close()
        for descriptor, opened in enumerate((source.descriptor, out.sink, err.sink)):
            os.dup2(opened, descriptor)
            os.close(opened)
        for output in (out, err, report):
            os.close(output.source)
        os.chdir(request["cwd"])
        if request["descriptors"] is not None:
            resource.setrlimit(resource.RLIMIT_NOFILE, (request["descriptors"],) * 2)
        script = child.Script(
            path=request["script"],
            argv=request["argv"],
            start_method=request["start_method"],
            record_prints=request["record_prints"],
            report=report.sink,
        )
        if request["python"] is not None:
            _execute(request["python"], script, request["environment"])
        os.environ.clear()
        os.environ.update(request["environment"])
    except BaseException as error:
        os.write(2, f"the run could not start: {error}\n".encode())
        os._exit(1)
    return script


def _execute(python: str, script: child.Script, environment: dict[str, str]) -> NoReturn:
    os.set_inheritable(script.report, True)
    command = [python, child.__file__, json.dumps(script)]
    os.execve(python, command, environment)  # noqa: S606


def _watch(
    tree: Tree,
    main: int,
    request: Request,
    control: socket.socket,
    source: Source,
    out: Output,
    err: Output,
    report: Output,
) -> Reply:
    """Wait until the main process ends or the time is up, then end what is left."""
    started = time.monotonic()
    script = request["script"]
    outputs = out, err, report

    def answer(output: Output) -> bool:
        still_open = output.drain()
        source.answered(out.lines + err.lines)
        return still_open

    os.close(source.descriptor)
    source.answered(0)
    with selectors.DefaultSelector() as selector:
        selector.register(control, selectors.EVENT_READ, lambda: _runner_is_there(control))
        selector.register(tree.wakeup, selectors.EVENT_READ, tree.reap)
        for output in outputs:
            os.close(output.sink)
            selector.register(output.source, selectors.EVENT_READ, partial(answer, output))
        _handle(selector, started + request["deadline"], lambda: main in tree.ended)
        seconds = time.monotonic() - started
        source.hold()
        status = tree.ended.get(main)
        if status is None:
            tree.show_stacks(lambda: _wait_until_quiet(selector, err))
            left_behind = []
        else:
            _handle(selector, time.monotonic() + GRACE, lambda: tree.empty)
            left_behind = [_without_runner(line, script) for line in tree.command_lines()]
    tree.kill()
    source.close()
    for output in outputs:
        output.drain()
        os.close(output.source)
    reported = [json.loads(line) for line in report.text().split("\n")[:-1]]
    return {
        "status": status,
        "raised": next((it["raised"] for it in reported if "raised" in it), None),
        "printed": [(it["line"], it["sep"], it["args"]) for it in reported if "line" in it],
        "stdout": out.text(),
        "stderr": err.text(),
        "seconds": seconds,
        "left_behind": left_behind,
    }


def _without_runner(command_line: list[str], script: str) -> str:
    """Show a process that was forked from the script's as the script."""
    if child.__file__ in command_line or command_line[1:3] == sys.orig_argv[1:3]:
        return f"{Path(sys.executable).name} {script}"
    return " ".join(command_line)


def _handle(selector: selectors.BaseSelector, until: float, done: Callable[[], bool]) -> None:
    """Handle what arrives until something is done or a time is reached."""
    while not done() and (seconds := until - time.monotonic()) > 0:
        for key, _ in selector.select(seconds):
            still_open: bool = key.data()
            if not still_open:
                selector.unregister(key.fileobj)


def _wait_until_quiet(selector: selectors.BaseSelector, output: Output) -> None:
    """Wait, at most a second, until nothing was written for a while."""
    until = time.monotonic() + 1
    size = -1
    while size < output.size and time.monotonic() < until:
        size = output.size
        _handle(selector, time.monotonic() + 0.1, lambda: False)


def _runner_is_there(control: socket.socket) -> bool:
    if not control.recv(1, socket.MSG_PEEK):
        raise RunnerGoneError
    return True


def _exit(*_: Any) -> NoReturn:
    raise SystemExit(1)


def _import_libraries() -> None:
    """Import what there is: an old release of the client has no administration of IAM."""
    for name in IMPORTED:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    if threading.active_count() > 1 or len(list(Path("/proc/self/task").iterdir())) > 1:
        raise SystemExit("an import has started a thread: no run can be forked from this process")
    gc.collect()
    gc.freeze()


def main() -> None:
    """Serve the runner on the socket of the given number, with forks of this process or not."""
    control = socket.socket(fileno=int(sys.argv[1]))
    control.set_inheritable(False)
    if sys.argv[2] == "fork":
        _import_libraries()
    script = serve(control)
    if script is not None:
        child.run_and_leave(script)


if __name__ == "__main__":
    main()
