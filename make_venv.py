"""Makes `.venv`, which the jobs of noxfile.py run in; a bare python3 is enough for it.

Each environment is built in a folder of its own below `.venvs` and stays there, because its
scripts name their interpreter by path. `.venv` is a link, which is set when the environment is
complete: whatever ends a start, and whenever, `.venv` is the last complete one. One start at a
time builds, and the commands it runs hold its lock, too: where it is killed, they are waited for.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import FrameType

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
TOOLS = VENV / "bin"
PYTHON = TOOLS / "python"
BUILT = ROOT / ".venvs"
REQUIREMENTS = ROOT / "requirements.txt"
STAMP = "made-for.json"
"""What an environment was made for; written last, so that one without it is not complete."""

PACKAGES = (
    "sudo apt-get install --yes git python3 python3-venv"
    " && sudo apt-get install --yes chromium-headless-shell"
)
"""What the README has Debian and Ubuntu install."""

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
MISLEADING = (
    *("PYTHONHOME", "PYTHONPATH", "PYTHONSAFEPATH", "VIRTUAL_ENV"),
    *("PIP_CONSTRAINT", "PIP_DRY_RUN", "PIP_NO_BINARY", "PIP_NO_DEPS", "PIP_PREFIX", "PIP_PYTHON"),
    *("PIP_REQUIREMENT", "PIP_ROOT", "PIP_TARGET", "PIP_USER"),
    *("UV_BUILD_CONSTRAINT", "UV_CONSTRAINT", "UV_EXCLUDE_NEWER", "UV_NO_BINARY", "UV_OVERRIDE"),
    *("UV_PYTHON", "UV_SYSTEM_PYTHON"),
)
"""Variables that would have another environment used, or something else installed into this one.

Those that say where packages come from (an index, a proxy, a cache) are kept.
"""
NO_VENV = f"this Python cannot make virtual environments; on Debian or Ubuntu run: {PACKAGES}"
NOT_INSTALLED = "not installed, see above; the package index must be reachable, then run this again"
ADVICE = {
    r"No space left|Disk quota|Errno 28|os error 28": (
        "the disk is full: an environment takes 1 GB in this checkout, and while it is made "
        "as much in TMPDIR; make room, then run this again"
    ),
    r"Read-only file system|Permission denied|not permitted": (
        "this checkout cannot be written to; run this in a clone that is yours to write"
    ),
    r"HASHES|[Hh]ash mismatch": (
        "a package is not the one that requirements.txt names; the index that pip or uv is set "
        "to gave another"
    ),
}
"""What to do, by what the command that failed, or the system, said of it; the first that fits."""


def say(message: str) -> None:
    """Tell what happens, in one line on standard error; it is written whole, even by a signal."""
    os.write(2, f"noxfile.py: {message}\n".encode(errors="backslashreplace"))


def stop(message: str) -> None:
    """End with one line that says what to do next."""
    sys.exit(f"noxfile.py: {message}")


def stop_by_signal(number: int, frame: FrameType | None) -> None:
    """End as a shell reports an end by this signal, after what was begun is put away."""
    for each in ENDING:
        signal.signal(each, signal.SIG_IGN)
    say(f"ended by {signal.Signals(number).name}; run it again, nothing is lost")
    sys.exit(128 + number)


def catch_signals() -> None:
    """Let each signal that ends a program do it with one line, except those already ignored."""
    for each in ENDING:
        if signal.getsignal(each) is not signal.SIG_IGN:
            signal.signal(each, stop_by_signal)


def release_signals() -> None:
    """Let each of these signals raise KeyboardInterrupt, at which nox ends what it runs."""
    for each in ENDING:
        if signal.getsignal(each) is stop_by_signal:
            signal.signal(each, signal.default_int_handler)


def forget_other_environments() -> bool:
    """Take out of the environment's variables what misleads; say whether there was any."""
    return any([os.environ.pop(name, "") for name in MISLEADING])  # noqa: C419 - take out all


def purpose(folder: Path) -> dict[str, str]:
    """Describe what an environment in this folder is for, as its stamp keeps it."""
    version = ".".join(map(str, sys.version_info[:3]))
    return {
        "folder": str(folder),
        "python": f"{version} {sysconfig.get_config_var('SOABI')}",
        "requirements": hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest(),
    }


def reason_to_make() -> str:
    """Say why `.venv` has to be made, or nothing where it is complete and for this purpose."""
    if not os.path.lexists(VENV):
        return "there is none"
    if not PYTHON.exists():
        return "its Python is gone"
    try:
        made = json.loads((VENV / STAMP).read_text("utf-8"))
    except (OSError, ValueError):
        return "the one here is not complete, or not of this version of the checkout"
    wanted = purpose(VENV.resolve())
    reasons = {
        "python": f"it was made by Python {made.get('python')}, and this is {wanted['python']}",
        "requirements": "requirements.txt has changed",
        "folder": "the checkout was moved or copied",
    }
    return next((why for name, why in reasons.items() if made.get(name) != wanted[name]), "")


def advice(said: str, otherwise: str) -> str:
    """Choose what to do next by what was said of a failure."""
    fitting = (what for pattern, what in ADVICE.items() if re.search(pattern, said))
    return next(fitting, otherwise)


def count_packages(lines: Iterable[str], seconds: float = 20) -> list[str]:
    """Count what is installed, on a terminal in one line that changes, else in one now and then.

    Returns the lines; `seconds` is how long a log that is no terminal is silent.
    """
    kept, packages, told = [], 0, time.monotonic()
    for line in lines:
        kept.append(line.rstrip())
        packages += line.startswith(("Collecting ", "Processing ", " + "))
        if sys.stderr.isatty():
            print(f"\r  {packages} packages ", end="", file=sys.stderr, flush=True)
        elif time.monotonic() - told > seconds:
            print(f"  {packages} packages", file=sys.stderr, flush=True)
            told = time.monotonic()
    if sys.stderr.isatty():
        print(file=sys.stderr)
    return kept


def run_to_end(lock: int, *command: object) -> None:
    """Run a command that holds the lock; where it fails, show its last lines, say what to do, end.

    It has a process group of its own: a Ctrl-C reaches this process alone, which ends the group.
    """
    with subprocess.Popen(
        list(map(str, command)),
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        start_new_session=True,
        pass_fds=[lock],
    ) as process:
        try:
            assert process.stdout
            said = count_packages(process.stdout)
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            raise
    if process.returncode:
        print(*said[-12:], sep="\n", file=sys.stderr, flush=True)
        stop(advice("\n".join(said), NOT_INSTALLED))


def interpreter() -> str:
    """Return the interpreter to make an environment of: in one, the one that it was made of.

    A path through `.venv` leads to the new environment once that is linked, and so to itself.
    """
    return os.path.realpath(sys.executable) if sys.prefix != sys.base_prefix else sys.executable


def fill(folder: Path, lock: int) -> None:
    """Make an environment with uv where it is on the path, otherwise with venv and pip."""
    python = folder / "bin" / "python"
    wanted = ("--require-hashes", "-r", REQUIREMENTS)
    uv = shutil.which("uv")
    if uv:
        run_to_end(lock, uv, "venv", "--quiet", "--python", interpreter(), folder)
        run_to_end(lock, uv, "pip", "install", "--python", python, *wanted)
    elif importlib.util.find_spec("venv") and importlib.util.find_spec("ensurepip"):
        run_to_end(lock, interpreter(), "-m", "venv", "--without-pip", folder)
        run_to_end(lock, python, "-Im", "ensurepip", "--default-pip")  # venv hides why it fails
        pip = (python, "-m", "pip", "--disable-pip-version-check", "--no-input")
        run_to_end(lock, *pip, "install", *wanted)
    else:
        stop(NO_VENV)
    (folder / STAMP).write_text(json.dumps(purpose(folder), indent=2), "utf-8")


def link(folder: Path) -> None:
    """Let `.venv` be this environment."""
    fresh = folder.with_suffix(".link")
    fresh.symlink_to(folder.relative_to(ROOT))
    make_room(folder)
    fresh.replace(VENV)


def make_room(folder: Path) -> None:
    """Put a `.venv` that is a folder aside: no link takes its place in one step."""
    if VENV.is_dir() and not VENV.is_symlink():
        VENV.rename(folder.with_suffix(".before"))


def put_back() -> None:
    """Let a folder that was put aside be `.venv` again, if its start was ended just then."""
    for before in BUILT.glob("*.before"):
        if not os.path.lexists(VENV):
            before.rename(VENV)


def remove_others(folder: Path, lock: Path) -> None:
    """Remove old environments, and what starts that were ended left behind."""
    for each in BUILT.iterdir():
        if each.is_symlink():
            each.unlink()
        elif each not in (folder, lock):
            shutil.rmtree(each, ignore_errors=True)


def make(why: str, lock: Path, descriptor: int) -> None:
    """Make an environment, and let `.venv` be it when it is complete."""
    say(f"making .venv, which takes a minute or more: {why}")
    folder = Path(tempfile.mkdtemp(prefix="venv-", dir=BUILT))
    try:
        fill(folder, descriptor)
        link(folder)
    except BaseException:
        if VENV.resolve() != folder:
            shutil.rmtree(folder, ignore_errors=True)
        raise
    remove_others(folder, lock)


def make_alone() -> None:
    """Make `.venv` unless another start has made it meanwhile, which is waited for."""
    BUILT.mkdir(exist_ok=True)
    lock = BUILT / "lock"
    with lock.open("w") as opened:
        try:
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another start is making .venv; waiting for it")
            fcntl.flock(opened, fcntl.LOCK_EX)
        put_back()
        why = reason_to_make()
        if why:
            make(why, lock, opened.fileno())


def ensure() -> bool:
    """Make `.venv` where there is a reason to; say whether there was one. Raises SystemExit."""
    if sys.version_info < (3, 10):  # noqa: UP036 - for whoever starts this with an older one
        stop("Python 3.10 or newer is needed; start it with one, e.g. python3.13 noxfile.py")
    try:
        if not reason_to_make():
            return False
        make_alone()
    except OSError as error:
        stop(f"{advice(str(error), 'no environment was made')} ({error})")
    return True


def enter(program: str, arguments: list[str]) -> None:
    """Continue this program in `.venv`, made first where there is a reason to; or return, inside.

    Ends with one line that says what to do where that cannot be done, and at a signal.
    """
    catch_signals()
    misled = forget_other_environments()
    if ensure() or misled or not Path(sys.prefix).samefile(VENV):
        os.execv(PYTHON, [str(PYTHON), program, *arguments])  # noqa: S606
