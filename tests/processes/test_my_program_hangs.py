"""The tools of the page show where a program waits that was not prepared for it."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from recipes.testing.local_iam import LocalIAM
from tests.book import ROOT
from tests.safeguards.attacks import wait_until

YAMA = Path("/proc/sys/kernel/yama/ptrace_scope")
PROGRAM = Path(__file__).with_name("programs") / "waits.py"
SECONDS = 60

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 and YAMA.exists() and YAMA.read_text().strip() != "0",
    reason="only root may look into a process here",
)


@pytest.fixture(name="pid")
def _pid(local_iam: LocalIAM) -> Iterator[int]:
    """Run a program whose call gets no answer; yield its process once the call is under way."""
    local_iam.slow(SECONDS, method="sign_blob")
    variables = {"PYTHONPATH": str(ROOT), "ACCOUNT": local_iam.service_accounts[0]}
    environment = {**os.environ, **local_iam.environment, **variables}
    with subprocess.Popen([sys.executable, PROGRAM], env=environment) as program:
        wait_until(lambda: local_iam.observe().most_in_flight or program.poll() is not None)
        yield program.pid
        program.kill()


def said(*command: str) -> str:
    """Return what a command printed."""
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=SECONDS, stdin=subprocess.DEVNULL
    )
    return done.stdout + done.stderr


def test_py_spy_shows_the_call(pid: int) -> None:
    """The frame of gRPC that the page's table names stands above the line that called."""
    shown = said(str(Path(sys.executable).with_name("py-spy")), "dump", "--pid", str(pid))
    frames = [line.split()[0] for line in shown.splitlines() if line.startswith("    ")]
    names = [frame.rpartition(".")[2] for frame in frames]

    assert "_blocking" in names, shown
    assert names.index("_blocking") < names.index("sign"), shown


@pytest.mark.skipif(shutil.which("gdb") is None, reason="no gdb here")
def test_gdb_shows_the_threads_of_grpc(pid: int) -> None:
    """Each thread with its name, those of gRPC among them."""
    shown = said("gdb", "-p", str(pid), "-batch", "-ex", "thread apply all backtrace")

    assert '"event_engine"' in shown, shown
