"""The tables to look up one's own versions."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.evidence import cells, look_up, rules
from tests.evidence.environments import NotInstalled
from tests.evidence.look_up import Run, runs
from tests.evidence.plan import PYTHON, RELEASES, TRIALS
from tests.evidence.test_trials import TRIAL
from tests.evidence.trials import Environment
from tests.evidence.verdicts import Verdict

RECIPE, TWIN = "threads/share_one_client", "threads/share_one_client_broken"
ENVIRONMENT = replace(TRIAL.environment, python=f"{PYTHON}.13", google_cloud_iam="2.19.1")
OLDEST, SECOND, THIRD, *_ = RELEASES["grpcio"]
Store = Callable[..., None]


def made(file: str, environment: Environment = ENVIRONMENT, **outcomes: int) -> Verdict:
    """Make a verdict of so many trials of each outcome; `raises_X` stands for `raises X`."""
    names = [name.replace("_", " ") for name, count in outcomes.items() for _ in range(count)]
    trials = (replace(TRIAL, file=file, environment=environment, outcome=it) for it in names)
    return Verdict(file, tuple(trials))


def release(name: str, recipe: Verdict | None, twin: Verdict | None) -> Run:
    return Run((name,), recipe, twin)


def held(name: str, **twin: int) -> Run:
    """Make a release with which the recipe held, and the twin did this."""
    return release(name, made(RECIPE, ok=TRIALS), made(TWIN, ENVIRONMENT, **twin))


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Store:
    """Store a verdict of one file with one release of grpcio, beside which there are none."""
    stored: dict[str, dict[Environment, Verdict]] = {RECIPE: {}, TWIN: {}}
    monkeypatch.setattr(cells, "verdicts_by_environment", lambda file: stored.get(file, {}))
    monkeypatch.setattr(rules, "recipe_files", lambda: [RECIPE, TWIN])
    monkeypatch.setattr(look_up, "refused", list)

    def keep(file: str, grpcio: str, **outcomes: int) -> None:
        environment = replace(ENVIRONMENT, grpcio=grpcio)
        stored[file][environment] = made(file, environment, **outcomes)

    return keep


def table(text: str, first: str) -> list[dict[str, str]]:
    """Return the rows of the table whose first column has this heading, without marks."""
    (found,) = (part for part in text.split("\n\n") if part.startswith(f"| {first} |"))
    heads, _, *rows = ([*line[2:-2].split(" | ")] for line in found.strip().splitlines())
    return [
        dict(zip(heads, (cell.rpartition("</span>")[2] for cell in row), strict=True))
        for row in rows
    ]


def test_releases_that_are_alike_share_a_row() -> None:
    """A row has the trials of all releases that follow each other and do the same."""
    twin = {"hang": TRIALS - 1, "ok": 1}
    found = runs([held("1", **twin), held("2", hang=TRIALS), held("3", raises_KeyError=TRIALS)])

    assert [("1", "2"), ("3",)] == [run.releases for run in found]
    assert [2 * TRIALS, TRIALS] == [len(run.recipe.trials) for run in found if run.recipe]
    assert [{"hang": 2 * TRIALS - 1, "ok": 1}, {"raises KeyError": TRIALS}] == [
        dict(run.twin.outcomes) for run in found if run.twin
    ]


def test_release_that_is_not_measured_ends_a_row() -> None:
    """What was not measured is not said to do what its neighbours do."""
    gap = release("2", None, None)
    found = runs([gap, held("1", hang=TRIALS), gap, held("3", hang=TRIALS), gap])

    assert [("1",), ("3",)] == [run.releases for run in found]


@pytest.mark.parametrize(
    "other",
    [
        release("2", made(RECIPE, ok=TRIALS - 1, lost=1), made(TWIN, hang=TRIALS)),
        release("2", made(RECIPE, raises_ImportError=TRIALS), made(TWIN, hang=TRIALS)),
        release("2", made(RECIPE, ok=TRIALS), None),
        release("2", None, made(TWIN, hang=TRIALS)),
        held("2", hang=3, ok=TRIALS - 3),
        held("2", crash_SIGSEGV=TRIALS),
    ],
    ids=["fails once", "not offered", "no twin yet", "no recipe yet", "rarely", "otherwise"],
)
def test_release_that_differs_has_a_row(other: Run) -> None:
    """One failure of a recipe makes a row, and of a twin what is more than luck."""
    first, last = held("1", hang=TRIALS), held("3", hang=TRIALS)

    assert [first, other, last] == runs([first, other, last])


def test_cell_of_too_few_trials_is_not_shown(store: Store) -> None:
    """A cell that is under way has no row and counts as missing, with the rest of the plan."""
    store(RECIPE, OLDEST, ok=TRIALS)
    store(TWIN, OLDEST, hang=TRIALS - 1)
    text = look_up.look_up("grpcio")
    (row,) = table(text, "rule")
    total = 2 * len(RELEASES["grpcio"])

    assert ("not measured yet", "") == (row["broken twin"], list(row.values())[-1])
    assert f"{total - 1} of the plan's {total} cells by release of grpcio are not measured" in text


def test_row_of_a_rule_says_what_both_did(store: Store) -> None:
    """The recipe held in all trials of the releases, the twin failed so often, and may so often."""
    for grpcio in (OLDEST, SECOND):
        store(RECIPE, grpcio, ok=TRIALS)
        store(TWIN, grpcio, hang=15, ok=5)
    store(RECIPE, THIRD, raises_ImportError=TRIALS)
    store(TWIN, THIRD, ok=TRIALS)
    first, second = table(look_up.look_up("grpcio"), "rule")

    assert {
        "rule": "[](/threads/share-one-client.md)",
        "from grpcio": OLDEST,
        "to": SECOND,
        "recipe": "[held in 40 of 40]{.outcome-ok}",
        "broken twin": "[`hang` 30]{.outcome-fail} [`ok` 10]{.outcome-ok}",
        "twin's failures (95% interval)": "30 of 40 (60% to 86%)",
    } == first
    assert "not offered in 20 of 20: [`raises ImportError` 20]{.outcome-fail}" == second["recipe"]
    assert "0 of 20 (0% to 16%)" == second["twin's failures (95% interval)"]


def test_release_that_does_not_offer_what_a_rule_uses_is_told_from_one_that_fails(
    store: Store,
) -> None:
    """The rule has not failed there, and its twin shows nothing."""
    store(RECIPE, OLDEST, raises_ImportError=TRIALS)
    store(TWIN, OLDEST, raises_ImportError=TRIALS)
    text = look_up.look_up("grpcio")
    (release,), (rule,) = table(text, "grpcio"), table(text, "rule")
    link = "[](/threads/share-one-client.md) (not offered)"

    assert link == release["recipes that did not"] == release["broken twins that did not"]
    assert "not offered: [`raises ImportError` 20]{.outcome-fail}" == rule["broken twin"]


def test_row_of_a_release_names_what_did_otherwise(store: Store) -> None:
    """A release counts the rules that stand, and links each that does not."""
    for grpcio, recipe, twin in ((OLDEST, "ok", "hang"), (SECOND, "lost", "ok")):
        store(RECIPE, grpcio, **{recipe: TRIALS})
        store(TWIN, grpcio, **{twin: TRIALS})
    first, second = table(look_up.look_up("grpcio"), "grpcio")
    heads = ["recipes that held", "recipes that did not"]
    heads += ["broken twins that failed", "broken twins that did not"]
    link = "[](/threads/share-one-client.md)"

    assert (OLDEST, f"google-cloud-iam 2.19.1; Python {PYTHON}.13") == (
        first["grpcio"],
        first["with"],
    )
    assert ["1 of 1", "none", "1 of 1", "none"] == [first[head] for head in heads]
    assert ["0 of 1", link, "0 of 1", link] == [second[head] for head in heads]


def test_rows_tell_the_script_their_releases(store: Store) -> None:
    """A rule's row lists its releases; a release's row says with which others it was tried."""
    for grpcio in (OLDEST, SECOND):
        store(RECIPE, grpcio, ok=TRIALS)
    text = look_up.look_up("grpcio")

    assert f'<span data-axis="grpcio" data-releases="{OLDEST} {SECOND}"></span>' in text
    assert (
        f'data-releases="{OLDEST}" data-cells="grpcio:{OLDEST},iam:2.19.1,python:{PYTHON}"></span>'
        in text
    )


def test_python_is_looked_up_by_its_minor_release(store: Store) -> None:
    """A row of Python says 3.10, whichever patch was measured."""
    store(RECIPE, OLDEST, ok=TRIALS)
    (row,) = table(look_up.look_up("python"), "rule")

    assert (PYTHON, PYTHON) == (row["from Python"], row["to"])


def test_release_that_cannot_be_installed_says_so(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has a row with the reason, and is not among the cells that are to come."""
    refused = NotInstalled(PYTHON, OLDEST, "newest", "no wheel", "2026-11-26")
    elsewhere = replace(refused, google_cloud_iam="0.2.0", grpcio=SECOND)
    monkeypatch.setattr(look_up, "refused", lambda: [refused, elsewhere])
    store(RECIPE, THIRD, ok=TRIALS)
    store(TWIN, THIRD, hang=TRIALS)
    text = look_up.look_up("grpcio")
    first, second = table(text, "grpcio")
    total = 2 * (len(RELEASES["grpcio"]) - 1)

    assert (OLDEST, "cannot be installed: no wheel") == (first["grpcio"], first["with"])
    assert THIRD == second["grpcio"]
    assert f"{total - 2} of the plan's {total} cells" in text


@pytest.mark.parametrize("name", look_up.NAMES)
def test_axis_without_trials_has_no_table(store: Store, name: str) -> None:
    """Where nothing is measured the page says so, and has no empty table."""
    text = look_up.look_up(name)

    assert "|" not in text
    assert "are not measured yet" in text
