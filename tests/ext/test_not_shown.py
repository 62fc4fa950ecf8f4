"""What the evidence does not show."""

from dataclasses import replace

from _ext.not_shown import (
    Line,
    chosen,
    failed,
    is_not_offered,
    is_ok,
    races,
    stretches,
    systems,
    unmeasured,
    without_twin,
)
from tests.book import Rule
from tests.ext.made import ENVIRONMENT, TRIAL, made

FILE = "processes/create_in_pool_worker_broken"


OK, HANG, MIXED = made(FILE, ok=20), made(FILE, hang=20), made(FILE, ok=5, hang=15)
SHORT, MISSING = made(FILE, ok=2), made(FILE, raises_ImportError=20)
LINE = Line(
    FILE,
    "grpcio",
    [
        *(("1", OK), ("2", OK), ("3", HANG), ("4", OK)),
        *(("5", SHORT), ("6", None), ("7", MISSING), ("8", MIXED)),
    ],
)


def test_neighbours_that_are_alike_are_one_stretch() -> None:
    """A stretch ends where a cell is otherwise, or not measured."""
    assert ["1 to 2", "4"] == list(stretches(LINE.strip, is_ok))
    assert ["3", "8"] == list(stretches(LINE.strip, failed))
    assert ["7"] == list(stretches(LINE.strip, is_not_offered))


def test_row_has_the_outcomes_of_its_cells_alone() -> None:
    """Outcomes are added up over the cells that are so, and no others."""
    place = "/processes/create-in-worker.md#create-in-pool-worker"
    link = f"[`processes/create_in_pool_worker_broken`]({place})"
    both = "[`hang` 35]{.outcome-fail} [`ok` 5]{.outcome-ok}"

    assert f"| {link} | `grpcio` | 3, 8 | {both} |" in chosen([LINE], failed).splitlines()
    assert "There is none" in chosen([Line(FILE, "iam", LINE.strip[:2])], failed)


def test_recipe_without_a_twin_is_listed() -> None:
    """A twin needs no twin of its own."""
    shown = without_twin([Rule("threads/a", None), Rule("threads/b", "threads/b_broken")])

    assert "- [`threads/a`](/threads/a.md)\n" == shown
    assert "Every recipe has a broken twin." == without_twin(
        [Rule("threads/b", "threads/b_broken")]
    )


def test_cells_that_lack_trials_are_counted_by_chapter() -> None:
    """A cell lacks trials where it has fewer than the plan wants of it, or none."""
    threads = Line("event_loops/use_anyio", "grpcio", [("1", None), ("2", OK)])
    (row,) = [line for line in unmeasured([LINE, threads]).splitlines() if "grpcio" in line]

    assert "| event loops | processes |" in unmeasured([LINE, threads])
    assert "| `grpcio` | 1 of 2 | 2 of 8 |" == row
    complete = replace(LINE, strip=[("1", OK), ("7", MISSING)])
    assert "Every cell of the plan has them." == unmeasured([complete])


def test_few_trials_are_enough_where_neighbours_agree() -> None:
    """A cell between others that agree lacks none; one beside a change lacks the others."""
    few = made(FILE, ok=3)
    agreeing = replace(LINE, strip=[("1", OK), ("2", few), ("3", OK)])
    changing = replace(LINE, strip=[("1", OK), ("2", few), ("3", HANG)])

    assert "Every cell of the plan has them." == unmeasured([agreeing])
    assert "| `grpcio` | 1 of 3 |" in unmeasured([changing])


def test_systems_without_trials_are_named() -> None:
    """Each system on which nothing ran is named, until something did."""
    on = {
        system: replace(TRIAL, environment=replace(ENVIRONMENT, system=system))
        for system in ("Linux", "Darwin", "Windows")
    }

    assert "The trials ran on Linux.\nNone ran on macOS or Windows." == systems([on["Linux"]])
    assert "None" not in systems(on.values())


def test_race_is_a_twin_that_fails_in_some_trials() -> None:
    """A twin that always fails in a cell is no race; a recipe is no twin."""
    recipe = replace(LINE, file=FILE.removesuffix("_broken"))
    steady = Line("threads/b_broken", "grpcio", [("1", HANG), ("2", OK)])
    unmeasured_elsewhere = replace(LINE, axis="iam", strip=[("1", None)])

    shown = races([LINE, recipe, steady, unmeasured_elsewhere])
    assert "Of 2 broken twins, 1 is of this kind." == shown
