"""Making `.venv`, on machines and in moments that are not made for it."""

import ast
import fcntl
import json
import os
import pty
import shutil
import signal
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path

import pytest

import make_venv
from tests.project.checkout import BASE, INSTALLERS, JOBS, ROOT, Checkout

END_AT = Path(__file__).with_name("end_at.py")
MOMENTS = {
    "nothing is begun": ("call", "make_alone", 1),
    "the lock is taken": ("call", "make", 1),
    "a folder is there": ("call", "fill", 1),
    "the first command runs": ("call", "count_packages", 1),
    "the interpreter is there": ("return", "run_to_end", 1),
    "packages come": ("call", "count_packages", 2),
    "packages are there": ("return", "run_to_end", 2),
    "it is complete": ("call", "link", 1),
    "a folder is put aside": ("return", "make_room", 1),
    "it is linked": ("return", "link", 1),
    "the old one goes": ("call", "remove_others", 1),
    "the old one is gone": ("return", "remove_others", 1),
}
MAKING = "noxfile.py: making .venv, which takes a minute or more:"
CLOSED = "http://127.0.0.1:1/simple"
"""An index that nobody serves."""


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    """A checkout whose environment uv makes."""
    return Checkout.make(tmp_path / "checkout")


def end_at(
    checkout: Checkout, number: signal.Signals, moment: str
) -> "subprocess.CompletedProcess[str]":
    """Start the checkout's jobs, and end them in a moment of the set-up."""
    return checkout.start(BASE, END_AT, number.name, *MOMENTS[moment], "--list")


@pytest.mark.parametrize("installer", INSTALLERS)
def test_first_start_makes_the_environment_and_the_next_one_uses_it(
    tmp_path: Path, installer: str
) -> None:
    """Both uv and pip make it, with one line that says why; after that there is nothing to say."""
    checkout = Checkout.make(tmp_path / "checkout", installer)
    first, second = checkout.start(), checkout.start()

    assert (0, 0) == (first.returncode, second.returncode), first.stderr
    assert first.stderr.startswith(f"{MAKING} there is none\n")
    assert JOBS in first.stdout
    assert (first.stdout, "") == (second.stdout, second.stderr)


@pytest.mark.parametrize(
    ("number", "moment"),
    [
        *((signal.SIGKILL, moment) for moment in MOMENTS),
        (signal.SIGTERM, "packages come"),
        (signal.SIGHUP, "it is complete"),
        (signal.SIGTERM, "it is linked"),
        (signal.SIGINT, "the old one goes"),
    ],
)
def test_end_in_any_moment_loses_no_environment(
    checkout: Checkout, number: signal.Signals, moment: str
) -> None:
    """The old one, or the new one, can be used at once, and the next renewal tidies up."""
    checkout.make_environment()
    checkout.change_requirements()
    ended = end_at(checkout, number, moment)
    usable = checkout.has_environment()
    checkout.change_requirements()
    renewed = checkout.start()

    assert (-number if number == signal.SIGKILL else 128 + number) == ended.returncode
    assert usable
    assert (0, True) == (renewed.returncode, JOBS in renewed.stdout), renewed.stderr
    assert [] == checkout.kept()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("moment", ["a folder is there", "packages come", "it is linked"])
def test_signal_ends_with_one_line_and_its_exit_code(
    checkout: Checkout, number: signal.Signals, moment: str
) -> None:
    """The exit code is the one that a shell reports for the signal, without a traceback."""
    ended = end_at(checkout, number, moment)
    said = ended.stderr.splitlines()

    assert 128 + number == ended.returncode
    assert f"noxfile.py: ended by {number.name}; run it again, nothing is lost" == said[-1]
    assert 2 == ended.stderr.count("noxfile.py:")
    assert "Traceback" not in ended.stderr


def test_ended_first_start_leaves_nothing_half(checkout: Checkout) -> None:
    """What a signal interrupts is put away, and there is no `.venv` that cannot be used."""
    end_at(checkout, signal.SIGINT, "packages are there")

    assert ["lock"] == [path.name for path in (checkout.folder / ".venvs").iterdir()]
    assert not os.path.lexists(checkout.folder / ".venv")


def test_folder_of_an_earlier_version_is_replaced(checkout: Checkout) -> None:
    """A `.venv` that is a folder, with whatever in it, makes room for the link."""
    subprocess.check_call([BASE, "-m", "venv", "--without-pip", checkout.folder / ".venv"])
    done = checkout.start()

    assert 0 == done.returncode, done.stderr
    assert "the one here is not complete" in done.stderr
    assert checkout.has_environment()
    assert [] == checkout.kept()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_folder_that_was_put_aside_comes_back(checkout: Checkout, number: signal.Signals) -> None:
    """Ended between the two steps of its replacement, it is there again until a start succeeds."""
    (checkout.folder / ".venv").mkdir()
    (checkout.folder / ".venv" / "mine").touch()
    end_at(checkout, number, "a folder is put aside")
    gone = not os.path.lexists(checkout.folder / ".venv")
    shutil.rmtree(checkout.folder / "wheels")
    failed = checkout.start()

    assert gone
    assert 1 == failed.returncode
    assert (checkout.folder / ".venv" / "mine").exists()


def test_two_starts_at_once_make_one_environment(checkout: Checkout) -> None:
    """One makes it, the other says that it waits; both go on with the same one."""
    (checkout.folder / ".venvs").mkdir()
    with (checkout.folder / ".venvs" / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        both = [checkout.begin(), checkout.begin()]
        waits = [process.stderr.readline() for process in both if process.stderr]
    rest = [process.communicate(timeout=120) for process in both]

    assert ["noxfile.py: another start is making .venv; waiting for it\n"] * 2 == waits
    assert [0, 0] == [process.returncode for process in both], rest
    assert 1 == sum("making .venv" in err for _, err in rest)
    assert all(JOBS in out for out, _ in rest)
    assert [] == checkout.kept()


def test_command_of_a_killed_start_is_waited_for(tmp_path: Path) -> None:
    """What a killed start began still holds the lock, so that nobody builds beside it."""
    checkout = Checkout.make(tmp_path / "checkout", "pip")
    end_at(checkout, signal.SIGKILL, "packages come")  # with pip: while pip itself does
    with (
        (checkout.folder / ".venvs" / "lock").open("w") as lock,
        pytest.raises(BlockingIOError),
    ):
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    checkout.add_uv()
    after = checkout.start()

    assert 0 == after.returncode, after.stderr
    assert "another start is making .venv; waiting for it" in after.stderr


def change_python(checkout: Checkout) -> Checkout:
    """Let the environment be one that an older Python made."""
    stamp = checkout.folder / ".venv" / "made-for.json"
    stamp.write_text(json.dumps({**json.loads(stamp.read_text()), "python": "3.9.1 abi"}))
    return checkout


def change_requirements(checkout: Checkout) -> Checkout:
    """Let the requirements be others."""
    checkout.change_requirements()
    return checkout


def move(checkout: Checkout) -> Checkout:
    """Let the checkout stand elsewhere, with all that is in it."""
    moved = checkout.folder.with_name("moved")
    shutil.copytree(checkout.folder, moved, symlinks=True)
    return Checkout(moved)


def lose_python(checkout: Checkout) -> Checkout:
    """Let the interpreter be gone, as after an upgrade of the system."""
    checkout.python.unlink()
    return checkout


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (change_python, "it was made by Python 3.9.1 abi, and this is "),
        (change_requirements, "requirements.txt has changed"),
        (move, "the checkout was moved or copied"),
        (lose_python, "its Python is gone"),
    ],
)
def test_environment_for_something_else_is_renewed(
    checkout: Checkout, change: Callable[[Checkout], Checkout], why: str
) -> None:
    """One line says why, and the start goes on with the new one."""
    checkout.make_environment()
    checkout = change(checkout)
    done = checkout.start()

    assert 0 == done.returncode, done.stderr
    assert done.stderr.startswith(f"{MAKING} {why}")
    assert 1 == done.stderr.count("noxfile.py:")
    assert [] == checkout.kept()


def test_start_from_inside_renews_it_too(checkout: Checkout) -> None:
    """With `.venv` active, changed requirements are noticed as from outside."""
    checkout.make_environment()
    checkout.change_requirements()
    done = checkout.start(checkout.python, "noxfile.py", "--list")

    assert 0 == done.returncode, done.stderr
    assert "requirements.txt has changed" in done.stderr
    assert checkout.has_environment()


@pytest.mark.parametrize("installer", INSTALLERS)
def test_works_on_an_odd_machine(tmp_path: Path, installer: str) -> None:
    """Blanks and umlauts in the path, no locale, a narrow umask: an environment all the same.

    Variables of another environment, or of pip and uv, neither break it nor fill another.
    """
    checkout = Checkout.make(tmp_path / "mit Leerzeichen & Ümläuten", installer)
    narrow = ("/bin/sh", "-c", 'umask 077; exec "$0" noxfile.py --list', BASE)
    other = tmp_path / "other"
    other.mkdir()
    (other / "nox.py").write_text("raise SystemExit('this is another nox')")
    done = checkout.start(
        *narrow,
        LANG="C",
        LC_ALL="POSIX",
        PYTHONPATH=str(other),
        PYTHONHOME=sys.base_prefix,
        PYTHONSAFEPATH="1",
        VIRTUAL_ENV=str(other),
        PIP_TARGET=str(other / "target"),
        PIP_DRY_RUN="1",
        PIP_USER="1",
        UV_SYSTEM_PYTHON="1",
        UV_PYTHON="2.7",
        UV_CONSTRAINT=str(other / "none.txt"),
    )

    assert 0 == done.returncode, done.stderr
    assert JOBS in done.stdout
    assert checkout.has_environment()
    assert ["nox.py"] == [path.name for path in other.iterdir()]


def test_misleading_variables_are_left_behind_with_an_environment_there(
    checkout: Checkout, tmp_path: Path
) -> None:
    """They do not mislead a start that finds `.venv` ready, and is inside, either."""
    checkout.make_environment()
    (tmp_path / "nox.py").write_text("raise SystemExit('this is another nox')")
    done = checkout.start(checkout.python, "noxfile.py", "--list", PYTHONPATH=str(tmp_path))

    assert 0 == done.returncode, done.stderr
    assert JOBS in done.stdout


@pytest.mark.parametrize(
    ("installer", "nowhere"),
    [
        ("pip", {"PIP_INDEX_URL": CLOSED, "PIP_RETRIES": "0"}),
        ("uv", {"UV_DEFAULT_INDEX": CLOSED, "UV_HTTP_RETRIES": "0"}),
    ],
)
def test_unreachable_index_is_one_clear_line(
    checkout: Checkout, installer: str, nowhere: dict[str, str]
) -> None:
    """Without packages the last line says what to do, and the good old environment is kept."""
    checkout.make_environment()
    shutil.copy(ROOT / "requirements.txt", checkout.folder)
    if installer == "pip":
        (checkout.folder / "bin" / "uv").unlink()
    done = checkout.start(**nowhere)

    assert 1 == done.returncode
    assert f"noxfile.py: {make_venv.NOT_INSTALLED}" == done.stderr.splitlines()[-1]
    assert checkout.has_environment()
    assert [] == checkout.kept()


def in_a_small_file_system(checkout: Checkout, folder: Path, script: str) -> list[str]:
    """Run a script with the checkout on a disk of 4 MB; return what it printed, or skip."""
    own = ["unshare", "--mount"] if os.getuid() == 0 else ["unshare", "-rm"]
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m", "none", str(folder)]
    try:
        subprocess.run([*own, *mount], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("no file system may be mounted here")
    prepared = f'"$@" && cp -R "$FROM"/* {folder} && cd {folder}\n{script}'
    system = os.environ["PATH"]
    start = f"PATH=bin '{BASE}' noxfile.py --list 2>&1; echo $?"
    done = checkout.start(
        *(shutil.which("unshare"), *own[1:], "/bin/sh", "-c", prepared.replace("START", start)),
        *("sh", *mount),
        FROM=str(checkout.folder),
        PATH=system,
    )
    assert 0 == done.returncode, done.stderr
    return done.stdout.splitlines()


def test_full_disk_is_named_and_the_next_start_mends_it(tmp_path: Path) -> None:
    """The advice is to make room; once there is room, the same command goes through."""
    checkout = Checkout.make(tmp_path / "checkout", "pip")
    folder = tmp_path / "small"
    uv = Path(sys.executable).with_name("uv")
    room = f"mount -o remount,size=200m {folder}; ln -s '{uv}' bin/uv"
    script = f"START; ls .venvs; {room}; START"
    said = in_a_small_file_system(checkout, folder, script)
    end = said.index("1")

    assert said[end - 1].startswith("noxfile.py: the disk is full")
    assert "lock" == said[end + 1]
    assert any(JOBS in line for line in said[end + 2 :])
    assert "0" == said[-1]


def test_read_only_checkout_is_named_and_the_next_start_mends_it(tmp_path: Path) -> None:
    """The one line is to use a clone that can be written to, not to install something."""
    checkout = Checkout.make(tmp_path / "checkout")
    folder = tmp_path / "small"
    script = f"mount -o remount,ro {folder}; START; mount -o remount,rw {folder}; START"
    said = in_a_small_file_system(checkout, folder, script)

    assert said[0].startswith("noxfile.py: this checkout cannot be written to")
    assert ["1", "0"] == [said[1], said[-1]]


def python_without(module: str, folder: Path) -> dict[str, str]:
    """Return the variables of a Python whose standard library lacks a module."""
    library = Path(sysconfig.get_path("stdlib"))
    lacking = folder / library.relative_to(sys.base_prefix)
    lacking.mkdir(parents=True)
    for path in library.iterdir():
        if path.name != module:
            (lacking / path.name).symlink_to(path)
    return {"PYTHONHOME": str(folder)}


def test_python_without_venv_is_told_what_to_paste(tmp_path: Path) -> None:
    """As on Debian, where that is a package of its own: the line is the README's."""
    checkout = Checkout.make(tmp_path / "checkout", "pip")
    done = checkout.start(**python_without("ensurepip", tmp_path / "python"))

    assert 1 == done.returncode
    assert done.stderr.endswith(f"on Debian or Ubuntu run: {make_venv.PACKAGES}\n")
    assert f"\n{make_venv.PACKAGES}\n" in (ROOT / "README.md").read_text("utf-8")


@pytest.mark.parametrize("name", ["noxfile.py", "make_venv.py"])
def test_older_python_can_read_what_tells_it_to_go(name: str) -> None:
    """Python 3.7 parses the files, so that it is told which one is needed."""
    ast.parse((ROOT / name).read_text("utf-8"), feature_version=(3, 7))


def test_progress_in_a_log_is_a_line_now_and_then(capfd: pytest.CaptureFixture[str]) -> None:
    """No carriage return, and no line more often than asked for."""
    lines = ["Collecting a", "  Downloading a", "Collecting b"]
    make_venv.count_packages(lines, seconds=3600)
    rare = capfd.readouterr().err
    make_venv.count_packages(lines, seconds=0)

    assert "" == rare
    assert ["  1 packages", "  1 packages", "  2 packages"] == (capfd.readouterr().err.splitlines())


def test_progress_on_a_terminal_is_one_line_that_changes(checkout: Checkout) -> None:
    """A terminal shows the count where it was."""
    ours, theirs = pty.openpty()
    command = [str(BASE), "noxfile.py", "--list"]
    environment = checkout.environment()
    try:
        subprocess.run(
            command, cwd=checkout.folder, env=environment, stderr=theirs, stdout=theirs, check=True
        )
        shown = os.read(ours, 100_000).decode()
    finally:
        os.close(ours)
        os.close(theirs)

    assert "\r  1 packages" in shown
