"""The process that starts each run, watches it, and leaves nothing of it running.

It talks with one runner over an inherited socket, one run at a time.
It stays single-threaded and opens no channel, because runs are forked from it.
"""

import contextlib
import gc
import importlib
import json
import os
import resource
import signal
import socket
import sys
import threading
from pathlib import Path
from typing import Any, NoReturn

from tests.runner import child
from tests.runner.guard import guard
from tests.runner.libraries import IMPORTED
from tests.runner.pipes import Pipes
from tests.runner.protocol import Request, receive, send
from tests.runner.tree import Tree
from tests.runner.watch import RunnerGoneError, Watch


def serve(control: socket.socket) -> child.Script | None:
    """Run requests until the runner goes; return a script in the process that is to run it."""
    tree = Tree()
    signal.signal(signal.SIGTERM, _exit)
    control.sendall(b'"ready"\n')
    with contextlib.suppress(RunnerGoneError, BrokenPipeError, ConnectionResetError):
        try:
            while (request := receive(control)) is not None:
                pipes = Pipes(request)
                main = tree.fork()
                if main == 0:
                    control.close()
                    return _become(request, pipes)
                send(control, Watch(tree, main, request, pipes, control).until_over())
        finally:
            tree.kill()
    return None


def _become(request: Request, pipes: Pipes) -> child.Script:
    """Make the forked process what a new interpreter finds itself in, or start a new one."""
    try:
        os.setsid()
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        script = child.Script(
            path=request["script"],
            argv=request["argv"],
            start_method=request["start_method"],
            record_prints=request["record_prints"],
            report=pipes.become_standard(),
        )
        os.chdir(request["cwd"])
        if request["descriptors"] is not None:
            resource.setrlimit(resource.RLIMIT_NOFILE, (request["descriptors"],) * 2)
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
    guard(control)
    if sys.argv[2] == "fork":
        _import_libraries()
    script = serve(control)
    if script is not None:
        child.run_and_leave(script)


if __name__ == "__main__":
    main()
