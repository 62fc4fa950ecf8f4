"""The jobs' command line, as a newcomer meets it."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import noxfile
from tests.project.checkout import BASE, ROOT, Checkout

CHEAP = "tests/project/test_report.py"


def test_unknown_name_is_one_line_that_says_which_there_are(tmp_path: Path) -> None:
    """A job that does not exist ends with an error that names it, and those that do."""
    checkout = Checkout.make(tmp_path / "checkout")
    checkout.start()
    done = checkout.start(BASE, "noxfile.py", "bake", "--", "bread")
    (line,) = done.stderr.splitlines()

    assert (1, "") == (done.returncode, done.stdout)
    assert line.startswith("noxfile.py: no job is called bake; there are cookbook, tests, cook, ")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signal_ends_a_job_and_what_it_runs(tmp_path: Path, number: signal.Signals) -> None:
    """The last line says so, without a traceback, and no process of the job is left."""
    checkout = Checkout.make(tmp_path / "checkout")
    job = checkout.folder / "tests" / "evidence" / "measure" / "cook.py"
    job.parent.mkdir(parents=True)
    job.write_text("import os, signal\nprint('runs:', os.getpid(), flush=True)\nsignal.pause()\n")
    with checkout.begin(BASE, "noxfile.py", "cook") as process:
        assert process.stdout
        assert process.stderr
        runs = next(line for line in iter(process.stdout.readline, "") if "runs:" in line)
        process.send_signal(number)
        err = process.stderr.read()

    assert 130 == process.returncode
    assert "nox > Session cook interrupted." == err.splitlines()[-1]
    assert "Traceback" not in err
    assert not Path("/proc", runs.split()[-1]).exists()


def test_own_packages_win_over_others_of_their_names(tmp_path: Path) -> None:
    """A `tests` or `recipes` that is installed does not stand in for those of the checkout."""
    for name in ("tests", "recipes"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text(f"raise RuntimeError('another {name}')")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    for command in (
        [sys.executable, "-c", "import tests.report, recipes.testing.local_iam"],
        [str(Path(sys.executable).with_name("pytest")), "--collect-only", "-q", CHEAP],
        [sys.executable, "-c", "import conf, tests.report, recipes.testing.local_iam"],
    ):
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)

        assert 0 == done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("given", "passed"),
    [
        ([], []),
        (["--list"], ["--list"]),
        (["tests", "--", "-k", "x"], ["--session", "tests", "--", "-k", "x"]),
    ],
)
def test_name_stands_for_a_session(given: list[str], passed: list[str]) -> None:
    """A bare name is a session, options of nox pass as they are."""
    assert passed == noxfile.arguments(given)


def test_other_file_is_no_page() -> None:
    """A Markdown file outside docs/ ends with one line that says what to name."""
    with pytest.raises(SystemExit, match=r"README\.md is no page: name one under docs/"):
        noxfile.tests_of_page("README.md")


@pytest.mark.parametrize(
    ("page", "of_recipes"),
    [
        ("docs/threads/share-one-client.md", ["tests/threads/test_share_one_client.py"]),
        ("docs/event-loops/use-anyio.md", ["tests/event_loops/test_use_anyio.py"]),
        (
            "docs/processes/create-in-worker.md",
            [
                "tests/processes/test_create_in_executor_worker.py",
                "tests/processes/test_create_in_pool_worker.py",
                "tests/processes/test_create_in_process.py",
            ],
        ),
        ("docs/processes/index.md", []),
    ],
)
def test_page_selects_its_blocks_and_the_tests_of_its_recipes(
    page: str, of_recipes: list[str]
) -> None:
    """One page alone is its blocks, its recipes and their twins."""
    expected = ["tests/blocks/test_pages.py", f"--page={page}", *of_recipes]

    assert expected == noxfile.tests_of_page(page)
