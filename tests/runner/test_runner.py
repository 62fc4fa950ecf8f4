"""Both runners run a file as a real `__main__`, say what it did, and leave nothing running."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import dedent
from typing import Any

import psutil
import pytest

from recipes.testing.local_iam import LocalIAM
from tests.book import ROOT, START_METHODS
from tests.runner import (
    Command,
    ForkRunner,
    InterpreterRunner,
    Run,
    Runner,
    RunnerError,
)
from tests.runner.pipes import KEPT

Try = Callable[..., Run]
"""`try_(source, **arguments)` runs a script with this text."""

SCRIPTS = {
    "ok": "assert True",
    "ok ": "import sys\n\nsys.exit(0)",
    "ok  ": "import os\n\nos._exit(0)",
    "raises ValueError": 'int("a")',
    "raises SyntaxError": "if",
    "raises Broken": "class Broken(Exception):\n    pass\n\n\nraise Broken",
    "raises SystemExit": 'raise SystemExit("enough")',
    "raises SystemExit ": "import os\n\nos._exit(3)",
    "raises SystemExit  ": 'import sys\n\nsys.stdout = open("/dev/full", "w")\nprint("unwritten")',
    "raises SystemExit   ": (
        'import sys\n\nsys.stderr = open("/dev/full", "w")\nsys.stderr.write("x")'
    ),
    "ok   ": "import sys\n\nsys.stdout.close()",
    "ok    ": "import sys\n\nsys.stdout = None",
    "raises KeyboardInterrupt": "raise KeyboardInterrupt",
    "crash SIGSEGV": "import os\n\nos.kill(os.getpid(), 11)",
    "crash SIGABRT": "import os\n\nos.abort()",
    "crash SIGTERM": "import os\n\nos.kill(os.getpid(), 15)",
    "crash SIGUSR1": "import os\n\nos.kill(os.getpid(), 10)",
}


@pytest.fixture(scope="module", params=[ForkRunner, InterpreterRunner])
def runner(request: pytest.FixtureRequest) -> Iterator[Runner]:
    """Run with both runners."""
    with request.param() as runner:
        yield runner


@pytest.fixture
def try_(runner: Runner, tmp_path: Path) -> Try:
    def try_(source: str, **arguments: Any) -> Run:
        script = tmp_path / "script.py"
        script.write_text(dedent(source).strip() + "\n", "utf-8")
        return runner.run(Command(script, **{"deadline": 60, "cwd": tmp_path, **arguments}))

    return try_


def wait_until(happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.parametrize("outcome", SCRIPTS)
def test_outcome(try_: Try, outcome: str) -> None:
    """Both runners say the same of how a script ended."""
    assert outcome.strip() == str(try_(SCRIPTS[outcome]).outcome)


def test_hang_is_ended_at_the_deadline(try_: Try) -> None:
    """A script that waits forever is over soon after the deadline, and shows where it waited."""
    run = try_("import threading\n\nthreading.Event().wait()", deadline=3)

    assert "hang" == str(run.outcome)
    assert 3 <= run.seconds < 10
    assert 'script.py", line 3 in <module>' in run.stderr


def test_thread_that_does_not_end_is_a_hang(try_: Try) -> None:
    """The end of the last line is not the end: an interpreter waits for threads."""
    source = "import threading\n\nthreading.Thread(target=threading.Event().wait).start()"

    assert "hang" == str(try_(source, deadline=1).outcome)


@pytest.mark.parametrize("method", START_METHODS)
def test_pool_works_with_each_start_method(try_: Try, method: str) -> None:
    """A worker finds the functions of the script, as it does when a reader runs it."""
    source = """
        import multiprocessing
        from concurrent.futures import ProcessPoolExecutor


        def square(number: int) -> int:
            return number * number


        if __name__ == "__main__":
            with ProcessPoolExecutor(2) as pool:
                print(multiprocessing.get_start_method(), *pool.map(square, [1, 2]))
        """

    assert f"{method} 1 4\n" == try_(source, start_method=method).stdout


@pytest.mark.parametrize("method", START_METHODS)
def test_workers_send_back_what_the_script_defines(try_: Try, method: str) -> None:
    """An instance of the script's own class arrives as one of the same class."""
    run = try_(
        """
        from concurrent.futures import ProcessPoolExecutor

        class Own(Exception):
            pass

        def fail():
            raise Own()

        if __name__ == "__main__":
            with ProcessPoolExecutor(1) as workers:
                workers.submit(fail).result()
        """,
        start_method=method,
    )

    assert "raises Own" == str(run.outcome), run.stderr


def test_script_can_set_its_own_start_method(try_: Try) -> None:
    """Nothing was chosen before the script begins."""
    source = """
        import multiprocessing

        if __name__ == "__main__":
            multiprocessing.set_start_method("forkserver")
            print(multiprocessing.get_start_method())
        """

    assert "forkserver\n" == try_(source).stdout


def test_script_finds_what_it_was_given(try_: Try, tmp_path: Path) -> None:
    """Arguments, input, variables, folders and `__main__` are those of a script on its own."""
    source = """
        import os
        import signal
        import sys

        print(sys.argv, sys.stdin.read(), os.environ["GIVEN"], os.environ["HERE"])
        print(os.getcwd(), sys.path[0], __file__, __name__, __spec__)
        print(sys.modules["__main__"].__file__, os.getpid() == os.getsid(0))
        print(signal.getsignal(signal.SIGTERM) == signal.getsignal(signal.SIGCHLD) == 0)
        """
    script = tmp_path / "script.py"
    os.environ["HERE"] = "here"
    try:
        run = try_(source, argv=["a", "b"], stdin="input", environment={"GIVEN": "given"})
    finally:
        del os.environ["HERE"]

    assert [
        f"['{script}', 'a', 'b'] input given here",
        f"{tmp_path} {tmp_path} {script} __main__ None",
        f"{script} True",
        "True",
    ] == run.stdout.splitlines()


def test_lines_come_as_they_are_answered(try_: Try) -> None:
    """With `ahead`, a script that answers each line gets all; one that waits for the end hangs."""
    answers = """
        for line in iter(input, "c"):
            print(line, flush=True)
        """
    waits = """
        import sys

        print(len(sys.stdin.readlines()))
        """

    assert "a\nb\n" == try_(answers, stdin="a\nb\nc", ahead=1).stdout
    assert "3\n" == try_(waits, stdin="a\nb\nc", ahead=3).stdout
    hung = try_(waits, stdin="a\nb\nc", ahead=2, deadline=3)
    assert ("hang", "") == (str(hung.outcome), hung.stdout)


def test_open_files_are_limited(try_: Try) -> None:
    """A script that was given a number of descriptors opens no more, and the next run does."""
    script = "files = [open('/dev/null') for _ in range(30)]"

    assert "raises OSError" == str(try_(script, descriptors=20).outcome)
    assert "ok" == str(try_(script).outcome)


def test_runs_share_nothing(try_: Try) -> None:
    """A run sees no object, module or random number of the run before."""
    source = """
        import json
        import random
        import uuid

        print(hasattr(json, "left"), random.random(), uuid.uuid4())
        json.left = True
        """
    first, second = (try_(source).stdout.split() for _ in range(2))

    assert first[0] == second[0] == "False"
    assert not {*first[1:]} & {*second[1:]}


def test_exit_handlers_run(try_: Try) -> None:
    """What a script leaves for its end happens: handlers, then its objects, then the flush."""
    source = """
        import atexit
        import threading
        import time


        class Last:
            def __del__(self) -> None:
                print("deleted")


        last = Last()
        atexit.register(print, "exit")
        threading.Thread(target=lambda: (time.sleep(0.1), print("thread"))).start()
        print("main")
        """

    assert ["main", "thread", "exit", "deleted"] == try_(source).stdout.split()


def test_traceback_is_the_scripts_own(try_: Try) -> None:
    """An uncaught exception shows the script's frames and no other."""
    run = try_("def f() -> None:\n    raise ValueError('no')\n\n\nf()")

    assert 2 == run.stderr.count("  File ")
    assert run.stderr.startswith("Traceback (most recent call last):\n")
    assert run.stderr.endswith("ValueError: no\n")


def test_prints_are_recorded(try_: Try) -> None:
    """Prints of the script on its standard output are recorded with line and values, no others."""
    source = """
        import os
        import sys

        print("a", 1, {2, 1}, sep="-")
        print("error", file=sys.stderr)
        exec(compile("print('other file')", "other.py", "exec"))
        sys.stdout.flush()
        if os.fork() == 0:
            print("child", flush=True)
            os._exit(0)
        os.wait()
        """
    run = try_(source, record_prints=True)

    assert [(4, "-", [("a", True), ("1", False), ("{1, 2}", False)])] == run.printed
    assert "a-1-{1, 2}\nother file\nchild\n" == run.stdout


def test_large_output_is_bounded(try_: Try) -> None:
    """Output is read to its end, and its beginning and end are kept."""
    run = try_(
        "import os\n\nfor _ in range(100):\n    os.write(1, b'x' * 100_000)\nos.write(1, b'!')"
    )

    assert "ok" == str(run.outcome)
    assert run.stdout.startswith("x" * KEPT + f"\n[{10_000_001 - 2 * KEPT} bytes left out]\n")
    assert run.stdout.endswith("x!")


def test_everything_below_a_run_is_killed(try_: Try) -> None:
    """A process in a session and a family of its own is found, reported and killed."""
    source = """
        import os
        import subprocess

        sleeping = ["sleep", "1000"]
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                print(subprocess.Popen(sleeping).pid, flush=True)
            os._exit(0)
        os.wait()
        """
    run = try_(source)

    assert ["sleep 1000"] == run.left_behind
    assert not psutil.pid_exists(int(run.stdout))


def test_process_that_ignores_signals_is_killed(try_: Try) -> None:
    """A run cannot refuse its end."""
    source = """
        import os
        import signal
        import time

        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR2):
            signal.signal(number, signal.SIG_IGN)
        os.fork()
        os.write(1, b"%d " % os.getpid())  # in one piece, so that two do not mix
        while True:
            time.sleep(1000)
        """
    run = try_(source, deadline=5)
    pids = [int(pid) for pid in run.stdout.split()]

    assert "hang" == str(run.outcome)
    assert 2 == len(pids)
    assert [] == [pid for pid in pids if psutil.pid_exists(pid)]


def test_variable_that_was_read_early_takes_a_new_interpreter(tmp_path: Path) -> None:
    """A variable that the imports have read would have no effect in a fork, so there is none."""
    script = tmp_path / "script.py"
    script.write_text("import os\n\nprint(os.environ.get('GRPC_ENABLE_FORK_SUPPORT'))\n")
    variable = {"GRPC_ENABLE_FORK_SUPPORT": "a value of this test"}
    with ForkRunner() as runner:
        plain = runner.run(Command(script, deadline=60))
        other = runner.run(Command(script, deadline=60, environment=variable))
    with ForkRunner(environment=variable) as runner:
        same = runner.run(Command(script, deadline=60, environment=variable))

    assert [False, True, False] == [run.new_interpreter for run in (plain, other, same)]
    assert ["a value of this test\n"] * 2 == [other.stdout, same.stdout]


def test_fork_has_no_variable_of_an_earlier_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A variable that was there when the runner started, and is gone since, is not there."""
    script = tmp_path / "script.py"
    script.write_text("import os\n\nprint(os.environ.get('EARLIER'), os.environ.get('GIVEN'))\n")
    monkeypatch.setenv("EARLIER", "earlier")
    with ForkRunner() as runner:
        first = runner.run(Command(script, deadline=60, environment={"GIVEN": "given"}))
        monkeypatch.delenv("EARLIER")
        second = runner.run(Command(script, deadline=60))

    assert ["earlier given\n", "None None\n"] == [first.stdout, second.stdout]
    assert [False, False] == [first.new_interpreter, second.new_interpreter]


def test_fork_finds_the_service_of_its_own_variables(
    local_iam: LocalIAM, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the service is and whom to trust is read after the fork, so a fork will do."""
    for name in local_iam.environment:
        monkeypatch.delenv(name)
    script = tmp_path / "script.py"
    with ForkRunner() as runner:
        script.write_text("")
        runner.run(Command(script, deadline=60))
        script.write_text(
            "from google.cloud import iam_admin_v1\n\n"
            "client = iam_admin_v1.IAMClient()\n"
            f"accounts = client.list_service_accounts(name='projects/{local_iam.project}')\n"
            "print(len(list(accounts)))"
        )
        run = runner.run(Command(script, deadline=60, environment=local_iam.environment))

    assert ("ok", False) == (str(run.outcome), run.new_interpreter), run.stderr
    assert len(local_iam.service_accounts) <= int(run.stdout)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_nothing_survives_the_process_that_asked(tmp_path: Path, number: signal.Signals) -> None:
    """When the tests are interrupted or killed, their runs end too."""
    pids = tmp_path / "pids"
    (tmp_path / "script.py").write_text(
        "import os\nimport time\n\nos.fork()\n"
        f"with open({str(pids)!r}, 'a') as file:\n    print(os.getpid(), file=file)\n"
        "time.sleep(1000)\n"
    )
    asking = (
        "import signal\nfrom pathlib import Path\nfrom tests.runner import Command, ForkRunner\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # a shell's & ignores it
        f"ForkRunner().run(Command(Path({str(tmp_path / 'script.py')!r}), deadline=1000))"
    )
    asker = subprocess.Popen([sys.executable, "-c", asking], cwd=ROOT, stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: pids.exists() and 2 == len(pids.read_text().splitlines()))
        family = [*psutil.Process(asker.pid).children(recursive=True)]
        asker.send_signal(number)
        asker.wait(60)
    finally:
        asker.kill()
        asker.wait()

    assert 4 == len(family)
    wait_until(lambda: not any(process.is_running() for process in family))


def test_interrupted_wait_ends_the_run(runner: Runner, tmp_path: Path) -> None:
    """A test that is interrupted leaves nothing running, and the runner can be used again."""
    script = tmp_path / "script.py"
    script.write_text(
        "import os\nimport signal\nimport time\n\nos.kill(ASKER, 14)\ntime.sleep(1000)\n".replace(
            "ASKER", str(os.getpid())
        )
    )

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    previous = signal.signal(signal.SIGALRM, interrupt)
    try:
        with pytest.raises(KeyboardInterrupt):
            runner.run(Command(script, deadline=1000))
    finally:
        signal.signal(signal.SIGALRM, previous)
    working = [
        each
        for each in psutil.process_iter(["cmdline"])
        if str(script) in " ".join(each.info["cmdline"] or [])
    ]
    script.write_text("")

    assert [] == working
    assert "ok" == str(runner.run(Command(script, deadline=60)).outcome)


def test_dead_supervisor_is_an_error_of_the_runner(runner: Runner, tmp_path: Path) -> None:
    """A failure of the machinery is no outcome of a script."""
    script = tmp_path / "script.py"
    script.write_text("import os\n\nos.kill(os.getppid(), 9)\n")

    with pytest.raises(RunnerError, match="the supervisor of runs has ended"):
        runner.run(Command(script, deadline=60))
    script.write_text("")
    assert "ok" == str(runner.run(Command(script, deadline=60)).outcome)


def test_missing_interpreter_is_said_at_once() -> None:
    """A runner that cannot start anything says so when it is made."""
    with pytest.raises(FileNotFoundError, match="no Python interpreter that can be started"):
        InterpreterRunner("/nowhere/python")


def test_missing_script_is_said_at_once(runner: Runner, tmp_path: Path) -> None:
    """A script that is not there is an error of the caller, no outcome."""
    with pytest.raises(FileNotFoundError):
        runner.run(Command(tmp_path / "missing.py", deadline=60))


def test_stuck_run_is_ended_before_its_deadline(try_: Try) -> None:
    """A run of which nothing can happen any more is a hang at once, and shows where it waited."""
    run = try_("import threading\n\nthreading.Event().wait()", until_stuck=True)

    assert "hang" == str(run.outcome)
    assert run.seconds < 30
    assert 'script.py", line 3 in <module>' in run.stderr


def test_run_that_waits_for_its_input_is_stuck(try_: Try) -> None:
    """No more lines come ahead of answers, so that a script which wants them waits for ever."""
    source = "import sys\n\nprint(len(sys.stdin.readlines()))"

    assert "hang" == str(try_(source, stdin="a\nb", ahead=1, until_stuck=True).outcome)
    assert "ok" == str(try_(source, stdin="a\nb", ahead=2, until_stuck=True).outcome)


def test_run_that_takes_its_time_is_not_ended(try_: Try) -> None:
    """A script that sleeps, and then ends by itself, does so where hangs are recognised, too."""
    source = "import subprocess\n\nsubprocess.run(['sleep', '5'])"

    assert "ok" == str(try_(source, until_stuck=True).outcome)


@pytest.mark.parametrize(
    "written",
    [
        "b'\\xff\\x00 no message\\n' * 3",
        "b'{\"raised\": 1}\\n[]\\nnull\\n'",
        'b\'{"line": 1, "sep": "", "args": [[1, 2]]}\\n\' * 3',
        "b'[' * 100_000 + b'\\n\\n1\\n{}\\n'",
    ],
)
def test_report_that_is_none_is_named(try_: Try, written: str) -> None:
    """What a script writes to each descriptor that it finds changes no outcome."""
    source = f"""
        import os

        for descriptor in range(3, 100):
            try:
                os.write(descriptor, {written})
            except OSError:
                pass
        raise ValueError
        """
    run = try_(source)

    assert "raises ValueError" == str(run.outcome)
    assert run.stderr.endswith("[the run wrote 3 lines to its report that are no messages]\n")


def test_prints_without_end_are_bounded(try_: Try) -> None:
    """A script that prints 40 MB ends as it would, and its first prints are recorded."""
    run = try_(
        "for number in range(40):\n    print(number, 'x' * 1_000_000)\nraise ValueError",
        record_prints=True,
    )

    assert "raises ValueError" == str(run.outcome)
    assert ["0", "1", "2"] == [each.args[0].text for each in run.printed[:3]]


@pytest.mark.parametrize("whom", ["os.kill(os.getppid()", "os.killpg(os.getpgid(os.getppid())"])
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_run_that_attacks_its_supervisor_is_named(
    runner: Runner, tmp_path: Path, number: signal.Signals, whom: str
) -> None:
    """It is said what happened to which script, soon, and nothing of the run is left."""
    script = tmp_path / "script.py"
    pids = tmp_path / "pids"
    script.write_text(
        "import os\nimport time\n\n"
        "child = os.fork()\nif child == 0:\n    os.setsid()\n    time.sleep(1000)\n"
        f"with open({str(pids)!r}, 'w') as file:\n    print(os.getpid(), child, file=file)\n"
        f"{whom}, {number})\ntime.sleep(1000)\n"
    )
    started = time.monotonic()
    said = f"has ended while {script} ran:\nit was (killed|stopped) by {number.name}"
    with pytest.raises(RunnerError, match=said):
        runner.run(Command(script, deadline=1000))

    assert time.monotonic() - started < 30
    assert [False, False] == [psutil.pid_exists(int(pid)) for pid in pids.read_text().split()]


def test_supervisor_is_started_without_a_warning() -> None:
    """The process that forks runs has imported nothing twice."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "tests.runner.supervisor"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert "IndexError" in done.stderr.splitlines()[-1]
    assert "RuntimeWarning" not in done.stderr
