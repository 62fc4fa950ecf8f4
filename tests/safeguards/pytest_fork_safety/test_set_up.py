"""How the plugin is loaded, and where it finds the package of its fixture `local_iam`."""

import shutil
import sys
from pathlib import Path

from recipes.testing.local_iam import LocalIAM
from tests.book import ROOT
from tests.runner import Command, InterpreterRunner
from tests.safeguards.pytest_fork_safety.reports import PAGE, PLUGIN, SUITES, Suite, reported
from tests.support.attack import DEADLINE

PASSED = {"test_one": "PASSED", "test_two": "PASSED"}


def test_local_iam_of_this_checkout(suite: Suite) -> None:
    """Without a setting the fixture finds the package in this checkout."""
    run = suite("local_iam")

    assert PASSED == reported(run), run.stdout


def test_local_iam_that_was_copied(suite: Suite, tmp_path: Path) -> None:
    """A copy beside the tests is found by its name, and another by the ini option."""
    package = ROOT / "recipes" / "testing" / "local_iam"
    (tmp_path / "local_iam").symlink_to(package)
    (tmp_path / "fake_iam").symlink_to(package)
    named = suite("local_iam", PYTHONPATH=str(tmp_path))
    other = suite("local_iam", "-o", "local_iam_package=fake_iam", PYTHONPATH=str(tmp_path))

    assert PASSED == reported(named), named.stdout
    assert PASSED == reported(other), other.stdout


def test_local_iam_that_is_missing(suite: Suite) -> None:
    """One line says that there is no such package, and what to do."""
    run = suite("local_iam", "-o", "local_iam_package=iam.on_mars")

    assert {"test_one": "ERROR", "test_two": "ERROR"} == reported(run)
    assert (
        "no package iam.on_mars: copy the folder local_iam beside conftest.py, or name it in the "
        f"ini option local_iam_package; see {PAGE}\n"
    ) in run.stdout
    assert "Traceback" not in run.stdout


def test_conftest_loads_the_plugin(local_iam: LocalIAM, tmp_path: Path) -> None:
    """A copy beside conftest.py is loaded by the line that the page shows."""
    shutil.copy(PLUGIN, tmp_path / "pytest_fork_safety.py")
    shutil.copy(SUITES / "forks.py", tmp_path / "test_suite.py")
    (tmp_path / "conftest.py").write_text('pytest_plugins = ["pytest_fork_safety"]\n')
    (tmp_path / "run.py").write_text("import sys, pytest\nsys.exit(pytest.main(sys.argv[1:]))\n")
    with InterpreterRunner(sys.executable) as runner:
        command = Command(
            tmp_path / "run.py",
            ["-p", "no:cacheprovider", "-rA", "-k", "test_future", "--markers"],
            deadline=DEADLINE,
            environment={**local_iam.environment, "PYTHONPATH": str(ROOT)},
            cwd=tmp_path,
        )
        run = runner.run(command)

    assert "@pytest.mark.allow_fork_during_call: the test may fork while" in run.stdout
    assert "@pytest.mark.allow_open_client: the test may leave a client open" in run.stdout
