"""Settings of the check for shared clients, from the command line and `pyproject.toml`."""

from pathlib import Path

import pytest

from tests.support.finder import SHARED, run


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--select", "pickled-client"], 0),
        (["--select", "pickled-client,client-at-import"], 1),
        (["--ignore", "client-at-import"], 0),
        (["--ignore", "pickled-client", "--ignore", "cached-client"], 1),
        (["--exclude", "shared.py"], 0),
        (["--exclude", "sha*"], 0),
        (["--exclude", "other"], 1),
        (["--exclude", "shared.py", "shared.py"], 1),
        (["--select", "none-such"], 2),
        (["--format", "none-such"], 2),
        (["none-such"], 2),
    ],
)
def test_options(shared: Path, arguments: list[str], code: int) -> None:
    """Rules are selected and ignored, paths excluded; what is misspelt is an error."""
    done = run(shared, *arguments)

    assert code == done.returncode, done.stderr
    assert (code == 1) == bool(done.stdout)


def test_assumed_start_method(tmp_path: Path) -> None:
    """A start method that is set elsewhere is told to the check, and explicit forks stay found."""
    (tmp_path / "pool.py").write_text(
        SHARED.replace("import os", "import os\nfrom multiprocessing import Process").replace(
            "    if os.fork() == 0:\n        os._exit(0)", "    Process(target=print).start()"
        )
    )
    (tmp_path / "fork.py").write_text(SHARED)
    codes = [run(tmp_path, "--start-method", "spawn", f"{name}.py") for name in ("pool", "fork")]

    assert 1 == run(tmp_path, "pool.py").returncode
    assert [0, 1] == [done.returncode for done in codes]


@pytest.mark.parametrize(
    ("table", "code"),
    [
        ('ignore = ["client-at-import"]', 0),
        ('select = ["pickled-client"]', 0),
        ('exclude = ["shared.py"]', 0),
        ('start-method = "spawn"', 1),
        ("", 1),
        ('ignore = "client-at-import"', 2),
        ('ignore = ["none-such"]', 2),
        ('none-such = ["a"]', 2),
        ('start-method = "none-such"', 2),
        ("ignore = [", 2),
    ],
)
def test_configuration(shared: Path, table: str, code: int) -> None:
    """The nearest `pyproject.toml` with a table of this tool sets the options."""
    (shared / "pyproject.toml").write_text(f"[tool.find-shared-clients]\n{table}\n")
    below = shared / "below"
    below.mkdir()
    (below / "pyproject.toml").write_text("[tool.other]\n")
    done = run(below, "..")

    assert code == done.returncode, done.stderr
    assert "Traceback" not in done.stderr
    assert code != 2 or "pyproject.toml" in done.stderr


def test_command_line_comes_before_configuration(shared: Path) -> None:
    """What is selected on the command line is checked; what the file ignores stays ignored."""
    file = shared / "pyproject.toml"
    file.write_text('[tool.find-shared-clients]\nselect = ["pickled-client"]\n')
    selected = run(shared, "--select", "client-at-import").returncode
    file.write_text('[tool.find-shared-clients]\nignore = ["client-at-import"]\n')
    ignored = run(shared, "--select", "client-at-import").returncode

    assert (1, 0) == (selected, ignored)


def test_own_clients(shared: Path) -> None:
    """A class of a library that is not looked into counts as a client when it is named."""
    text = SHARED.replace("google.cloud import iam_admin_v1", "house.gcp import clients")
    (shared / "shared.py").write_text(text.replace("iam_admin_v1.IAM", "clients.House"))
    table = '[tool.find-shared-clients]\nclients = ["house.gcp.clients.HouseClient"]\n'
    before = run(shared).returncode
    (shared / "pyproject.toml").write_text(table)

    assert (0, 1) == (before, run(shared).returncode)
