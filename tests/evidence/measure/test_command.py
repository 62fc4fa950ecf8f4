"""What is measured, and what is kept of it."""

import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

import click
import psutil
import pytest
from click.testing import CliRunner

from recipes.testing.local_iam import LocalIAM
from tests.book import BOOK, ROOT, Book
from tests.evidence.measure.command import Measurement, main, measure, named
from tests.evidence.measure.interpreters import Interpreter, UvError, here
from tests.evidence.measure.processors import TOO_MUCH, Load
from tests.evidence.measure.run_job import Done, run_job
from tests.evidence.measure.slots import AGAIN
from tests.evidence.record.environment import Wanted
from tests.evidence.record.not_installed import NotInstalled
from tests.evidence.record.plan import FEW, TRIALS, Choice
from tests.evidence.record.store import OUTPUTS, Record
from tests.runner import Outcome, Run, RunnerError
from tests.support.trials import idle

FILE = "threads/use_futures"
RUN = Run(Path("a.py"), Outcome("ok"), "", "why\n", seconds=1.0, new_interpreter=True)


def at_once(_: float) -> None:
    """Wait for no idle processors."""


def ends_at_once(file: str, *_: Any, **__: Any) -> Done:
    """Stand for a run of a program that is ok."""
    return Done("ok", RUN)


def at(folder: Path, trials: int | None, **settings: Any) -> Measurement:
    """Make a measurement of one trial at a time, in new interpreters, on an idle machine."""
    given: dict[str, Any] = {"jobs": 1, "forked": False, "load": idle, "wait": at_once, **settings}
    return Measurement(Record(folder), trials=trials, **given)


def failing(file: str, local_iam: LocalIAM, *arguments: Any, **settings: Any) -> Done:
    """Run a program against a service that refuses all."""
    local_iam.fail("PERMISSION_DENIED")
    return run_job(file, local_iam, *arguments, **settings)


def test_measurement_goes_on_where_it_stopped(tmp_path: Path) -> None:
    """A second command makes what is missing, and counts nothing twice."""
    record = Record(tmp_path)
    measure(Choice(), [FILE], at(tmp_path, 2, jobs=2))
    two = record.all_trials()
    measure(Choice(), [FILE], at(tmp_path, 3, jobs=2))
    three = record.all_trials()

    assert ["ok"] * 3 == [trial.outcome for trial in three]
    assert two == three[:2]
    assert 3 == len({trial.date for trial in three})
    measure(Choice(), [FILE], at(tmp_path, 3, run=never))
    assert three == record.all_trials()


def never(*_: Any, **__: Any) -> Done:
    """Stand for a run that nobody wants."""
    raise AssertionError("a trial that is stored was made again")


def test_changed_program_is_measured_from_the_start(tmp_path: Path) -> None:
    """Its trials of before are dropped, those of other programs are not."""
    record = Record(tmp_path / "records", Book(tmp_path))
    other = "threads/use_rest"
    for file in (FILE, other):
        path = record.book.path(file)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("1", "utf-8")
    measurement = Measurement(record, 1, 2, False, ends_at_once, at_once, idle)
    measure(Choice(), [FILE, other], measurement)
    before = record.trials(other)
    record.book.path(FILE).write_text("2", "utf-8")
    measure(Choice(), [FILE, other], measurement)

    assert (2, before) == (len(record.trials(FILE)), record.trials(other))
    assert {record.identity(FILE).program} == {trial.program for trial in record.trials(FILE)}


def files_of(shard: str, *patterns: str) -> list[str]:
    """Return the files of a part of those that are named, as the command has them."""
    number, parts = main.make_context("evidence", [f"--shard={shard}"]).params["shard"]
    return named(patterns, BOOK)[number - 1 :: parts]


def test_shards_make_every_file_once() -> None:
    """No two make the same, and together they make all; a file's cells are not parted."""
    patterns = ("threads/create_lazily*", "threads/use_futures*")
    shards = [files_of(f"{number}/3", *patterns) for number in (1, 2, 3)]

    assert [2, 1, 1] == [len(shard) for shard in shards]
    assert sorted(named(patterns, BOOK)) == sorted(file for shard in shards for file in shard)


def test_command_measures_its_shard_and_stores_it_apart(tmp_path: Path) -> None:
    """The real command, once."""
    choice = ["--recipe=threads/use_f*", "--shard=1/2", "--trials=1", f"--records={tmp_path}"]
    kept = {path: path.read_text() for path in OUTPUTS.rglob("*.txt")}
    result = CliRunner().invoke(main, choice)
    record = Record(tmp_path)

    # where others compute it says so, and makes no trial
    assert result.exit_code == 0 or "runnable threads for each processor" in result.stderr
    assert (result.exit_code == 0) == (["threads/use_futures"] == record.files())
    assert kept == {path: path.read_text() for path in OUTPUTS.rglob("*.txt")}


@pytest.mark.parametrize(
    "options",
    [
        ["--axis=grpcio", "--python=3.12"],
        ["--recipe=threads/*", "--start-method=spawn"],
        ["--recipe=threads/use_rest", "--shard=2/2"],
    ],
)
def test_nothing_to_try_is_one_clear_line(options: list[str]) -> None:
    """It is an error, and not a measurement of something else."""
    result = CliRunner().invoke(main, options)

    assert 2 == result.exit_code
    assert "nothing to try: no environment or no variant fits all options" in result.output


def test_environment_that_could_not_be_made_is_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The others are measured; the exit code and the last line say that one is missing."""

    def build(wanted: Wanted) -> Interpreter | NotInstalled:
        if wanted.python == "3.1":
            raise UvError("no Python 3.1")
        if wanted.python == "3.2":
            return NotInstalled("3.2", "newest", "newest", "no wheel", "2026-11-26")
        return here()

    choice = Choice(python=("3.1", "3.2", "3.3"))
    with pytest.raises(SystemExit, match="0 trials failed, 1 environments were left out, see ab"):
        measure(choice, [FILE], at(tmp_path, 1, run=ends_at_once), build)

    said = capsys.readouterr().err
    record = Record(tmp_path)
    assert "left out: no Python 3.1" in said
    assert " cannot be installed: no wheel" in said
    assert ["ok"] == [trial.outcome for trial in record.all_trials()]
    assert ["3.2"] == [refused.python for refused in record.not_installed.read()]


def test_environment_that_can_be_installed_now_is_a_gap_no_more(tmp_path: Path) -> None:
    """What was said of it before is forgotten."""
    record = Record(tmp_path)
    refused = NotInstalled("3.3", "newest", "newest", "no wheel", "2026-11-26")
    record.not_installed.keep(Wanted("3.3"), refused)
    measure(Choice(python=("3.3",)), [FILE], at(tmp_path, 1, run=ends_at_once), lambda _: here())

    assert [] == record.not_installed.read()


@pytest.mark.parametrize("shard", ["0/3", "4/3", "3", "a/b", "1/0", "-1/2"])
def test_shard_that_is_none_is_one_clear_line(shard: str) -> None:
    """It says what to write."""
    result = CliRunner().invoke(main, [f"--shard={shard}"])

    assert 2 == result.exit_code
    assert "is no shard; write 3/20 for the third of twenty" in result.output


@pytest.mark.parametrize(("forked", "process"), [(True, "forked"), (False, "new")])
def test_trial_elsewhere_is_one_of_the_environment_that_was_built(
    tmp_path: Path, forked: bool, process: str
) -> None:
    """It is forked from a process of that one that imported the clients, or new there."""
    asked: list[Wanted] = []

    def build(wanted: Wanted) -> Interpreter:
        asked.append(wanted)
        return here()

    choice = Choice(python=("3.3",), grpcio=("1.2.3",))
    measure(choice, [FILE], at(tmp_path, 1, forked=forked), build)
    (trial,) = Record(tmp_path).all_trials()

    assert [Wanted("3.3", "1.2.3")] == asked
    assert ("ok", process) == (trial.outcome, trial.process)
    assert here().environment("fork", "unset") == trial.environment


def test_trial_that_the_runner_failed_is_not_stored(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The others are; the exit code and the last line say that some are missing."""
    broken = iter([True, False])

    def sometimes(*_: Any, **__: Any) -> Done:
        if next(broken):
            raise RunnerError("the supervisor of runs has ended")
        return Done("ok", RUN)

    with pytest.raises(SystemExit) as ended:
        measure(Choice(), [FILE], at(tmp_path, 2, run=sometimes))

    said = f"{capsys.readouterr().err}{ended.value}"
    assert "no trial: the supervisor of runs has ended" in said
    assert "1 trials failed, 0 environments were left out, see above" in said
    assert "the same command tries them again" in said
    assert ["ok"] == [trial.outcome for trial in Record(tmp_path).all_trials()]


def test_trial_that_never_has_room_is_not_stored(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is named with the load, and a command that has none of it ends all the same."""
    runs: list[str] = []

    def run(file: str, *_: Any, **__: Any) -> Done:
        runs.append(file)
        return Done("ok", RUN)

    busy = at(tmp_path, None, run=run, load=lambda: Load(lambda: TOO_MUCH + 1))
    with pytest.raises(SystemExit, match="20 trials failed"):
        measure(Choice(), [FILE], busy)

    why = f"{TOO_MUCH + 1:g} runnable threads for each processor; end what else computes"
    line = f"no trial: {FILE}: {why}"
    assert [line] * TRIALS == [
        said for said in capsys.readouterr().err.splitlines() if said.startswith("no trial")
    ]
    assert TRIALS * (1 + AGAIN) == len(runs)
    assert () == Record(tmp_path).all_trials()


def test_recipe_that_fails_says_what_it_wrote(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its trial does not keep that; a broken twin is to fail, and its output is kept."""
    measure(Choice(), [FILE, f"{FILE}_broken"], at(tmp_path, 1, run=failing))
    (said,) = [line for line in capsys.readouterr().err.splitlines() if "use_futures" in line]

    record = Record(tmp_path)
    outcomes = {trial.file: trial.outcome for trial in record.all_trials()}
    assert "ok" not in outcomes.values()
    assert said.startswith(f"{FILE} was {outcomes[FILE]} with grpcio")
    assert said.count("403") > 1
    assert len(said) < 1200
    assert [record.outputs / f"{FILE}_broken.fork.txt"] == [*record.outputs.rglob("*.txt")]


@pytest.mark.parametrize(
    ("frequencies", "trials"),
    [
        ({"unset": 0.0, "0": 0.0, "1": 0.0}, {"unset": TRIALS, "0": FEW, "1": TRIALS}),
        ({"unset": 0.0, "0": 0.0, "1": 1.0}, {"unset": TRIALS, "0": TRIALS, "1": TRIALS}),
        ({"unset": 1.0, "0": 0.5, "1": 1.0}, {"unset": TRIALS, "0": TRIALS, "1": TRIALS}),
    ],
    ids=["they agree", "a change", "a race"],
)
def test_cells_of_an_axis_have_as_many_trials_as_the_plan_wants(
    tmp_path: Path, frequencies: dict[str, float], trials: dict[str, int]
) -> None:
    """Round after round, until nothing is missing; the same command then makes none."""
    chances = Random(1)  # noqa: S311

    def run(file: str, *_: Any, fork_support: str, **__: Any) -> Done:
        return Done("hang" if chances.random() < frequencies[fork_support] else "ok", RUN)

    axis = Choice("fork-support")
    measure(axis, [FILE], at(tmp_path, None, run=run), lambda _: here())
    measure(axis, [FILE], at(tmp_path, None, run=never), lambda _: here())

    made = Record(tmp_path).trials(FILE)
    assert trials == Counter(trial.environment.fork_support for trial in made)


def test_cell_alone_has_all_trials(tmp_path: Path) -> None:
    """Without an axis it has no neighbours that could agree with it."""
    measure(Choice(), [FILE], at(tmp_path, None, run=ends_at_once))

    assert TRIALS == len(Record(tmp_path).trials(FILE))


def test_unknown_recipe_is_one_clear_line() -> None:
    """A name that is no recipe ends with an error that says where to look."""
    result = CliRunner().invoke(main, ["--recipe=threads/no_such_recipe"])

    assert 2 == result.exit_code
    assert "no such recipe: threads/no_such_recipe; see recipes/" in result.output


def test_recipes_are_named_by_patterns() -> None:
    """Each once, in the order of the book's files."""
    assert BOOK.files() == named(["*"], BOOK)
    assert ["threads/use_rest"] == named(["threads/use_r*", "threads/use_rest"], BOOK)
    with pytest.raises(click.UsageError, match=r"no such recipe: a, b/\*"):
        named(["a", "*", "b/*"], BOOK)


def test_measurement_that_is_told_to_end_leaves_nothing_running(tmp_path: Path) -> None:
    """SIGTERM ends it at once, with a trial under way that would hang until its deadline."""
    command = [sys.executable, "-m", "tests.evidence.measure.command", f"--records={tmp_path}"]
    choice = ["--recipe=threads/set_deadlines_and_retries_broken", "--jobs=1"]
    process = subprocess.Popen([*command, *choice], cwd=ROOT, stderr=subprocess.PIPE)
    deadline = time.monotonic() + 60
    try:
        while not any(
            choice[0].partition("=")[2] in " ".join(each.cmdline()) for each in below(process)
        ):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        started = below(process)
    finally:
        process.terminate()
        assert process.stderr is not None
        process.communicate(timeout=60)

    assert 1 == process.returncode
    assert [] == [each for each in started if each.is_running() and each.status() != "zombie"]
    assert () == Record(tmp_path).all_trials()


def below(process: "subprocess.Popen[bytes]") -> list[psutil.Process]:
    """List what runs below a process."""
    return psutil.Process(process.pid).children(recursive=True)
