"""The commands `run` and `serve`."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

import recipes.testing.local_iam as package

ROOT = Path(package.__file__).parents[3]
PROGRAM = [sys.executable, "-m", "recipes.testing.local_iam"]


def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run the command line to its end."""
    return subprocess.run(
        [*PROGRAM, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )


def start(*arguments: str) -> "subprocess.Popen[str]":
    """Start the command line."""
    return subprocess.Popen(
        [*PROGRAM, *arguments],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait(condition: Callable[[], bool]) -> None:
    """Wait until something is true."""
    deadline = time.monotonic() + 15
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.parametrize("code", [0, 3, 255])
def test_run_exits_with_the_code_of_the_command(code: int) -> None:
    """Whatever it is; output goes through untouched."""
    ran = run("run", "--", "sh", "-c", f"echo out; echo err >&2; exit {code}")
    assert (ran.returncode, ran.stdout, ran.stderr) == (code, "out\n", "err\n")


def test_run_reports_a_command_that_a_signal_ended() -> None:
    """As a shell does: 128 plus the number."""
    assert run("run", "--", "sh", "-c", "kill -9 $$").returncode == 128 + 9


def test_run_serves_the_command() -> None:
    """The unmodified client of a program of somebody else works, options and all."""
    code = (
        "import os; from google.cloud import iam_admin_v1; client = iam_admin_v1.IAMClient()\n"
        "name = 'projects/' + os.environ['GOOGLE_CLOUD_PROJECT']\n"
        "print(*[a.name for a in client.list_service_accounts(name=name, timeout=20)], sep='\\n')"
    )
    ran = run(
        "run", "--service-accounts", "2", "--project", "my-own-project", "--latency", "0.01",
        "--spread", "0.01", "--quota", "100", "--streams", "100", "--fail-rate", "0", "--",
        sys.executable, "-c", code,
    )  # fmt: skip
    prefix = "projects/my-own-project/serviceAccounts/worker-00"
    assert [line[: len(prefix) + 1] for line in ran.stdout.split()] == [f"{prefix}1", f"{prefix}2"]


def test_run_leaves_nothing_behind() -> None:
    """When the command has ended, so have the local IAM and its files."""
    ran = run("run", "--", "sh", "-c", "echo $GOOGLE_APPLICATION_CREDENTIALS")
    assert ran.stdout.strip()
    assert not Path(ran.stdout.strip()).parent.exists()


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (["run", "--", "no-such-command"], 127, "local IAM: command not found: no-such-command"),
        (["run", "--", "/"], 126, "local IAM: command is not executable: /"),
        (["run"], 2, "Missing argument"),
        (["run", "--port", "99999", "--", "true"], 2, "Invalid value for '--port'"),
        (["fly"], 2, "No such command"),
    ],
)
def test_a_mistake_is_one_clear_line(arguments: list[str], code: int, text: str) -> None:
    """And a code that is not zero."""
    ran = run(*arguments)
    assert ran.returncode == code
    assert text in ran.stderr
    assert "Traceback" not in ran.stderr


@pytest.mark.parametrize("command", [["run", "--", "true"], ["serve"]])
def test_a_port_in_use_is_one_line(command: list[str]) -> None:
    """It names the port."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ran = run(command[0], "--port", str(port), *command[1:])
    assert ran.returncode == 70
    assert ran.stderr.count("\n") == 1
    assert f"port {port}" in ran.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_run_forwards_signals(number: signal.Signals) -> None:
    """The command gets the signal and decides; its code is the result."""
    code = (
        "import signal, sys, time\n"
        f"signal.signal({int(number)}, lambda *_: sys.exit(42))\n"
        "print('ready', flush=True); time.sleep(60)"
    )
    with start("run", "--", sys.executable, "-c", code) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(number)
        assert process.wait(20) == 42


def test_run_ends_the_command_when_the_local_iam_dies() -> None:
    """One line says so, and the code is not zero."""
    with start("run", "--", "sh", "-c", "echo $$; exec sleep 60") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        command = int(process.stdout.readline())
        (local_iam,) = (
            child
            for child in psutil.Process(process.pid).children()
            if "recipes.testing.local_iam.process" in child.cmdline()
        )
        local_iam.kill()
        assert process.wait(20) == 70
        assert process.stderr.read() == (
            "local IAM: ended while the command ran, killed by signal 9\n"
        )
    assert not psutil.pid_exists(command)


def test_serve_prints_its_environment_and_stops_at_ctrl_c() -> None:
    """The lines can be evaluated by a shell; after Ctrl-C nothing is left."""
    with start("serve", "--service-accounts", "1") as process:
        assert process.stdout is not None
        lines: list[str] = []
        while not lines or "LOCAL_IAM_CONTROL" not in lines[-1]:
            lines.append(process.stdout.readline())
        script = "".join(lines) + 'echo "$grpc_proxy $GOOGLE_APPLICATION_CREDENTIALS"'
        shell = subprocess.run(
            ["sh", "-c", script], env={}, capture_output=True, text=True, check=True
        )
        proxy, key_file = shell.stdout.split()
        assert proxy.startswith("http://127.0.0.1:")
        assert Path(key_file).exists()
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
    assert not Path(key_file).exists()


def test_run_that_is_killed_leaves_no_local_iam() -> None:
    """The local IAM notices that nobody needs it any more."""
    with start("run", "--", "sh", "-c", "echo $$; exec sleep 60") as process:
        assert process.stdout is not None
        command = int(process.stdout.readline())
        children = psutil.Process(process.pid).children()
        local_iam = next(child for child in children if child.pid != command)
        process.kill()
        process.wait(20)
    os.kill(command, signal.SIGKILL)
    wait(lambda: not local_iam.is_running() or local_iam.status() == psutil.STATUS_ZOMBIE)
