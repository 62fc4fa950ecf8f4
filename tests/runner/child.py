"""Inside the process of a run: one file as a real `__main__`. Standard library only.

The process is forked from one that has imported this module, or a new interpreter runs this file.
"""

import atexit
import builtins
import contextlib
import faulthandler
import gc
import json
import os
import re
import signal
import sys
import threading
import types
from collections.abc import Callable
from importlib.machinery import SourceFileLoader
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

SHOW_STACKS = signal.SIGUSR2


class Script(NamedTuple):
    """A file to run, and the descriptor on which to report lines of JSON."""

    path: str
    argv: list[str]
    start_method: str | None
    record_prints: bool
    report: int


def run(script: Script) -> None:
    """Run the script as a fresh interpreter would; return or raise SystemExit to end like one."""
    report = _reporter(script.report)
    _show_stacks_on_request()
    sys.argv = [script.path, *script.argv]
    sys.path[0] = str(Path(script.path).parent)
    _choose_start_method(script.start_method)
    if script.record_prints:
        builtins.print = _recorder(script.path, report)
    error = _error_of(script.path, _new_main(script.path))
    report({"raised": _failure(error)})
    if isinstance(error, SystemExit):
        raise error
    if error is not None:
        sys.excepthook(type(error), error, error.__traceback__)
        raise SystemExit(1)


def run_and_leave(script: Script) -> NoReturn:
    """Run the script and end the process, without taking apart the modules that it did not import.

    What the script can notice happens in an interpreter's order: threads are waited for, exit
    handlers run, the script's objects are deleted. To take apart the rest, which a fork shares
    with its parent, would cost ten times the CPU time of all this.
    """
    code: Any = None
    try:
        run(script)
    except SystemExit as leaving:
        code = leaving.code
    if code is not None and not isinstance(code, int):
        print(code, file=sys.stderr)
        code = 1
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    threading.excepthook = lambda _: None  # what is a daemon thread to do without its globals
    vars(sys.modules["__main__"]).clear()
    gc.collect()
    os._exit(_flushed(code or 0))


def _flushed(code: int) -> int:
    """Return the exit code, which is 120 if the last output could not be written."""
    try:
        for stream in (sys.stdout, sys.stderr):
            if stream is not None and not stream.closed:
                stream.flush()
    except (AttributeError, OSError, ValueError):
        return 120
    return code & 0xFF


def _show_stacks_on_request() -> None:
    """Answer the signal with the stacks of all threads, here and in every worker."""
    faulthandler.enable()
    faulthandler.register(SHOW_STACKS, all_threads=True)
    os.environ.setdefault("PYTHONFAULTHANDLER", "1")


def _choose_start_method(start_method: str | None) -> None:
    if "multiprocessing.process" in sys.modules:
        vars(sys.modules["multiprocessing.process"])["ORIGINAL_DIR"] = str(Path.cwd())
    if start_method is not None:
        import multiprocessing

        multiprocessing.set_start_method(start_method)


def _new_main(path: str) -> types.ModuleType:
    """Make `__main__` for good: workers and exit handlers look it up after the last line."""
    main = types.ModuleType("__main__")
    main.__file__ = path
    main.__loader__ = SourceFileLoader("__main__", path)
    main.__dict__.update(__builtins__=builtins, __cached__=None)
    sys.modules["__main__"] = main
    if "__mp_main__" in sys.modules:  # by this name a spawned worker sends back what main defines
        sys.modules["__mp_main__"] = main
    return main


def _error_of(path: str, main: types.ModuleType) -> BaseException | None:
    try:
        code = compile(Path(path).read_bytes(), path, "exec", dont_inherit=True)
        exec(code, main.__dict__)  # noqa: S102
    except BaseException as error:
        return error.with_traceback(error.__traceback__ and error.__traceback__.tb_next)
    return None


def _failure(error: BaseException | None) -> str | None:
    if error is None or (isinstance(error, SystemExit) and error.code in (None, 0)):
        return None
    return type(error).__name__


def _reporter(descriptor: int) -> Callable[[dict[str, Any]], None]:
    owner = os.getpid()

    def report(message: dict[str, Any]) -> None:
        line = json.dumps(message).encode() + b"\n"
        with contextlib.suppress(OSError):
            while line and os.getpid() == owner:
                line = line[os.write(descriptor, line) :]

    return report


def _recorder(path: str, report: Callable[[dict[str, Any]], None]) -> Callable[..., None]:
    """Print, and report what the script's own lines print on the standard output."""
    real_print = builtins.print

    def print_and_report(*args: Any, sep: str | None = None, file: Any = None, **how: Any) -> None:
        real_print(*args, sep=sep, file=file, **how)
        caller = sys._getframe(1)
        if caller.f_code.co_filename == path and file in (None, sys.stdout):
            values = [_text(arg) for arg in args]
            report({"line": caller.f_lineno, "sep": " " if sep is None else sep, "args": values})

    return print_and_report


def _text(value: Any) -> tuple[str, bool]:
    """Return the text of a printed value as pytest-examples has it, and whether it is a string."""
    if isinstance(value, str):
        return value, True
    if isinstance(value, set):
        return "{" + ", ".join(repr(item) for item in sorted(value)) + "}", False
    return re.sub("0x[a-f0-9]{8,12}>", "0x0123456789ab>", str(value)), False


if __name__ == "__main__":
    run(Script(*json.loads(sys.argv[1])))
