"""What is measured, and what is kept of it."""

import subprocess
import sys
import time
from collections.abc import Iterable
from dataclasses import replace
from itertools import repeat
from pathlib import Path
from typing import Any

import psutil
import pytest
from click.testing import CliRunner

from recipes.testing.local_iam import LocalIAM
from tests.evidence import measure
from tests.evidence.environments import (
    Interpreter,
    NotInstalled,
    UvError,
    Wanted,
    here,
    refused,
)
from tests.evidence.jobs import Job, job
from tests.evidence.measure import (
    LONGER_LOOK,
    LOOK,
    Todo,
    attempt,
    failure_of_recipe,
    main,
    missing,
    wait_for_idle_processors,
)
from tests.evidence.plan import Cell
from tests.evidence.test_kept_output import HANG
from tests.evidence.test_trials import TRIAL
from tests.evidence.trials import ROOT, Trial, all_trials, recipe_files, recipe_path, sha256
from tests.evidence.verdicts import pinned
from tests.runner import InterpreterRunner, Outcome, Run, RunnerError

FILE = TRIAL.file
STORED = replace(TRIAL, sha256=sha256(FILE))


def test_stored_trials_are_not_made_again() -> None:
    """An interrupted measurement goes on where it stopped."""
    fork, spawn = (here(), Cell(FILE, "fork")), (here(), Cell(FILE, "spawn"))

    assert [fork, fork, spawn, spawn, spawn] == in_order(missing([fork, spawn], 3, [STORED]))


def in_order(found: Iterable[Todo]) -> list[Todo]:
    """Return the same with one cell's trials beside each other."""
    return sorted(found, key=lambda it: it[1])


def test_cells_take_turns() -> None:
    """What computes and what waits are mixed, and in each round every cell has its turn."""
    cells = [(here(), Cell(file, "fork")) for file in recipe_files()[:8]]
    found = list(missing(cells, 2, []))

    assert cells != found[:8]
    assert cells == in_order(found[:8]) == in_order(found[8:])


def test_one_place_is_done_before_the_next() -> None:
    """Each value of GRPC_ENABLE_FORK_SUPPORT has processes of its own to fork from."""
    on, off = ((here(), Cell(FILE, "fork", support)) for support in ("1", "0"))
    other = (here(), Cell(FILE, "spawn", "1"))

    found = list(missing([on, off, other], 2, []))

    assert [{on, other}, {on, other}, {off}] == [{*found[:2]}, {*found[2:4]}, {*found[4:]}]


def test_trial_waits_for_idle_processors(monkeypatch: pytest.MonkeyPatch) -> None:
    """It starts as soon as there are some."""
    busy = iter([100.0, 97.0, 80.0, 100.0])
    monkeypatch.setattr(psutil, "cpu_percent", lambda _: next(busy))
    monkeypatch.setattr(measure, "PATIENCE", 3600.0)
    wait_for_idle_processors(0.1)

    assert [100.0] == [*busy]


def test_trial_starts_on_a_machine_that_is_never_idle(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other work does not keep it away for ever."""
    busy = repeat(100.0, 1000)
    monkeypatch.setattr(psutil, "cpu_percent", lambda _: next(busy))
    monkeypatch.setattr(measure, "PATIENCE", 0)
    wait_for_idle_processors(0.1)


def test_first_trial_at_a_place_looks_longer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All slots import there, and what the last one computes shows later."""
    looks: list[float] = []
    monkeypatch.setattr(measure, "wait_for_idle_processors", looks.append)
    measured(tmp_path, "--recipe=threads/use_futures", "--jobs=1", "--trials=3")

    assert [LONGER_LOOK, LOOK, LOOK] == looks


def test_trials_of_another_text_or_environment_do_not_count() -> None:
    """A changed recipe, or another Python, is measured from the start."""
    other = replace(STORED, environment=replace(STORED.environment, python="3.9.0"))

    assert 3 == len(list(missing([(here(), Cell(FILE, "fork"))], 3, [TRIAL, other])))


def test_fault_of_a_job_ends_with_the_run(
    local_iam: LocalIAM, recipe_runner: InterpreterRunner
) -> None:
    """The run meets it, and the next run does not."""
    work = job(FILE, local_iam.project, local_iam.service_accounts)
    cell = Cell(FILE, "fork")
    outcomes = [
        attempt(recipe_path(FILE), each, cell, local_iam, recipe_runner)[0]
        for each in (replace(work, fault=lambda it: it.fail("PERMISSION_DENIED")), work)
    ]

    assert ["raises PermissionDenied", "ok"] == outcomes


def measured(records: Path, *options: str) -> list[Trial]:
    """Run the command; return what it has stored by then."""
    result = CliRunner().invoke(main, [f"--records={records}", *options])
    assert 0 == result.exit_code, result.output
    return list(all_trials(records))


def test_measurement_goes_on_where_it_stopped(tmp_path: Path) -> None:
    """A second command makes what is missing, and counts nothing twice."""
    choice = ("--recipe=threads/use_futures", "--jobs=2")
    two = measured(tmp_path, *choice, "--trials=2")
    three = measured(tmp_path, *choice, "--trials=3")

    assert ["ok"] * 3 == [trial.outcome for trial in three]
    assert two == three[:2]
    assert 3 == len({trial.date for trial in three})
    assert three == measured(tmp_path, *choice, "--trials=3")


def test_shards_make_every_cell_once(tmp_path: Path) -> None:
    """No two make the same, and together they make all."""
    choice = ("--recipe=threads/create_lazily*", "--recipe=threads/use_futures*", "--trials=1")
    shards = [measured(tmp_path / str(k), *choice, f"--shard={k}/3") for k in (1, 2, 3)]

    assert [2, 1, 1] == [len(shard) for shard in shards]
    assert 4 == len({trial.file for shard in shards for trial in shard})


@pytest.mark.parametrize(
    "options",
    [["--axis=grpcio", "--python=3.12"], ["--recipe=threads/*", "--start-method=spawn"]],
)
def test_nothing_to_try_is_one_clear_line(options: list[str]) -> None:
    """It is an error, and not a measurement of something else."""
    result = CliRunner().invoke(main, options)

    assert 2 == result.exit_code
    assert "nothing to try: no environment or no variant fits all options" in result.output


def test_environment_that_could_not_be_made_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The others are measured; the exit code and the last line say that one is missing."""

    def build(wanted: Wanted) -> Interpreter | NotInstalled:
        if wanted.python == "3.1":
            raise UvError("no Python 3.1")
        if wanted.python == "3.2":
            return NotInstalled("3.2", "newest", "newest", "no wheel", "2026-11-26")
        return here()

    monkeypatch.setattr(measure, "build", build)
    options = [f"--python={it}" for it in ("3.1", "3.2", "3.3")]
    one = ["--recipe=threads/use_futures", "--trials=1", f"--records={tmp_path}"]
    result = CliRunner().invoke(main, [*options, *one])

    assert 1 == result.exit_code
    assert "left out: no Python 3.1" in result.output
    assert " cannot be installed: no wheel" in result.output
    assert "0 trials failed, 1 environments were left out, see above" in result.output
    assert ["ok"] == [trial.outcome for trial in all_trials(tmp_path)]
    assert ["3.2"] == [it.python for it in refused(tmp_path)]


@pytest.mark.parametrize("shard", ["0/3", "4/3", "3", "a/b", "1/0", "-1/2"])
def test_shard_that_is_none_is_one_clear_line(shard: str) -> None:
    """It says what to write."""
    result = CliRunner().invoke(main, [f"--shard={shard}"])

    assert 2 == result.exit_code
    assert "is no shard; write 3/20 for the third of twenty" in result.output


def test_environment_is_forked_from_a_process_that_imported_the_clients(tmp_path: Path) -> None:
    """With releases that are chosen, trials run in an environment of their own."""
    releases = (f"--python={here().python}", f"--grpcio={pinned('grpcio')}")
    choice = ("--recipe=threads/use_futures", "--trials=1", *releases)
    (forked,) = measured(tmp_path / "forked", *choice)
    (new,) = measured(tmp_path / "new", *choice, "--new-interpreter")

    assert ("ok", "forked") == (forked.outcome, forked.process)
    assert ("ok", "new") == (new.outcome, new.process)
    assert here().environment("fork", "unset") == forked.environment == new.environment


def test_trial_that_the_runner_failed_is_not_stored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The others are; the exit code and the last line say that some are missing."""
    failing = iter([True, False])
    real = measure.try_once

    def sometimes(*arguments: Any) -> tuple[Trial, Run]:
        if next(failing):
            raise RunnerError("the supervisor of runs has ended")
        return real(*arguments)

    monkeypatch.setattr(measure, "try_once", sometimes)
    choice = ["--recipe=threads/use_futures", "--trials=2", "--jobs=1", f"--records={tmp_path}"]
    result = CliRunner().invoke(main, choice)

    assert 1 == result.exit_code
    assert "no trial: the supervisor of runs has ended" in result.output
    assert "1 trials failed, 0 environments were left out, see above" in result.output
    assert "the same command tries them again" in result.output
    assert ["ok"] == [trial.outcome for trial in all_trials(tmp_path)]


def test_recipe_that_fails_says_what_it_wrote(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its trial does not keep that; a broken twin is to fail, and says nothing."""

    def failing(*arguments: Any) -> Job:
        return replace(job(*arguments), fault=lambda it: it.fail("PERMISSION_DENIED"))

    monkeypatch.setattr(measure, "job", failing)
    choice = ["--recipe=threads/use_futures*", "--trials=1", f"--records={tmp_path}"]
    result = CliRunner().invoke(main, choice)
    (said,) = [line for line in result.stderr.splitlines() if "use_futures" in line]

    outcomes = {trial.file: trial.outcome for trial in all_trials(tmp_path)}
    assert "ok" not in outcomes.values()
    assert said.startswith(f"threads/use_futures was {outcomes['threads/use_futures']} with grpcio")
    assert said.count("403") > 1
    assert len(said) < 1200


def test_recipe_that_hangs_says_where() -> None:
    """Of the stacks of all its processes the one that waits in gRPC is said."""
    trial = replace(TRIAL, file="threads/a", outcome="hang")
    run = Run(Path("a.py"), Outcome("hang"), stdout="", stderr=HANG, seconds=60.0)
    said = failure_of_recipe(trial, run)

    assert said is not None
    assert "line 4 in a_worker" in said
    assert "in parent" not in said
    assert failure_of_recipe(replace(trial, outcome="raises ImportError"), run) is None


def test_measurement_that_is_told_to_end_leaves_nothing_running(tmp_path: Path) -> None:
    """SIGTERM ends it at once, with a trial under way that would hang until its deadline."""
    command = [sys.executable, "-m", "tests.evidence.measure", f"--records={tmp_path}"]
    choice = ["--recipe=threads/set_deadlines_and_retries_broken", "--jobs=1"]
    process = subprocess.Popen([*command, *choice], cwd=ROOT, stderr=subprocess.PIPE)
    deadline = time.monotonic() + 60
    try:
        while not any(
            choice[0].partition("=")[2] in " ".join(it.cmdline()) for it in below(process)
        ):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        started = below(process)
    finally:
        process.terminate()
        assert process.stderr is not None
        process.communicate(timeout=60)

    assert 1 == process.returncode
    assert [] == [it for it in started if it.is_running() and it.status() != "zombie"]
    assert () == all_trials(tmp_path)


def below(process: "subprocess.Popen[bytes]") -> list[psutil.Process]:
    return psutil.Process(process.pid).children(recursive=True)


def test_unknown_recipe_is_one_clear_line() -> None:
    """A name that is no recipe ends with an error that says where to look."""
    result = CliRunner().invoke(main, ["--recipe=threads/no_such_recipe"])

    assert 2 == result.exit_code
    assert "no such recipe: threads/no_such_recipe; see recipes/" in result.output
