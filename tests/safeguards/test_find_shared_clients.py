"""Finding shared clients: what each rule finds and leaves alone, the command, the page."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft4Validator

from recipes.safeguards.find_shared_clients.command_line import check, read
from recipes.safeguards.find_shared_clients.files import python_files
from recipes.safeguards.find_shared_clients.rules import BOOK, RULES
from recipes.safeguards.find_shared_clients.settings import Settings
from tests.book import BOOK
from tests.safeguards.snippets import Snippet, snippets

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib  # type: ignore[import-not-found, unused-ignore]

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "recipes/safeguards/find_shared_clients"
PAGE = ROOT / "docs/safeguards/find-shared-clients.md"
SCHEMA = Path(__file__).with_name("sarif-2.1.0-rtm.5.json")
"""The schema of the standard, as the npm package @microsoft/jest-sarif 1.0.0-beta.0 ships it."""
SNIPPETS = list(snippets())

ON_PURPOSE = {"safeguards/fork_gate", "safeguards/fork_guard"}
"""Recipes that fork beside a client because that is what they guard."""
OTHER_FAULTS = {
    "processes/stop_pool_broken",
    "processes/stream_results_broken",
    "processes/survive_worker_death_broken",
}
"""Broken twins whose clients are where they belong: they lose work in other ways."""
ABOUT_PROCESSES = ("processes/", "safeguards/")
"""Chapters whose twins share a client with a process; those of the others break other rules."""
ALSO_SHARED = {"event_loops/close_async_clients_broken", "event_loops/use_processes_broken"}
"""Broken twins of the other chapters that share a client with a process all the same."""

SHARED = """\
import os

from google.cloud import iam_admin_v1

client = iam_admin_v1.IAMClient()


def background():
    if os.fork() == 0:
        os._exit(0)
"""
FINDING = (
    "shared.py:5:10: client-at-import: Create this IAMClient in the child: at import it is created "
    f"before the process forks. See shared.py:9. ({BOOK}processes/fork-directly.html)\n"
)


def run(
    folder: Path, *arguments: object, command: tuple[str, ...] = ("-m", FOLDER.name)
) -> subprocess.CompletedProcess[str]:
    """Run the command in a folder."""
    return subprocess.run(
        [sys.executable, *command, *map(str, arguments)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(FOLDER.parent)},
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.fixture
def shared(tmp_path: Path) -> Path:
    """A folder with one finding."""
    (tmp_path / "shared.py").write_text(SHARED)
    return tmp_path


def found_in(paths: list[Path]) -> list[tuple[str, int, int, str]]:
    modules, errors = read(python_files(paths, ()))
    assert [] == errors
    return [
        (each.place.path, each.place.line, each.place.column, each.rule)
        for each in check(modules, Settings())
        if not each.suppressed
    ]


# What is found


@pytest.mark.parametrize("snippet", SNIPPETS, ids=str)
def test_finds_exactly_what_is_wrong(
    snippet: Snippet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each finding is at its line and column; what is right stays silent."""
    monkeypatch.chdir(tmp_path)
    snippet.write(tmp_path)

    assert sorted(snippet.expected) == sorted(found_in([tmp_path]))
    assert snippet.is_right == (not snippet.expected)


def test_each_rule_is_tested_from_both_sides() -> None:
    """Each rule has several lines that are wrong, and something right next to them."""
    wrong = Counter(rule for each in SNIPPETS for *_, rule in each.expected)
    right = Counter(each.rule for each in SNIPPETS if each.is_right)

    assert {*RULES} == {*wrong}
    assert [] == [rule for rule in RULES if wrong[rule] < 2]
    assert [] == [rule for rule in {each.rule for each in SNIPPETS} if not right[rule]]
    assert len(SNIPPETS) >= 40


def is_to_be_found(file: str) -> bool:
    """Tell whether a file of this book shares a client with a process."""
    twin = file.endswith("_broken") and file.startswith(ABOUT_PROCESSES)
    return file in ON_PURPOSE | ALSO_SHARED or (twin and file not in OTHER_FAULTS)


@pytest.mark.parametrize("file", BOOK.files())
def test_recipes_of_this_book(file: str) -> None:
    """Nothing is found in a recipe, and something in each twin that shares a client."""
    found = found_in([ROOT / "recipes" / f"{file}.py"])

    assert is_to_be_found(file) == bool(found), found


def test_recipes_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """A look at all recipes at once finds what a look at each of them finds."""
    monkeypatch.chdir(ROOT)
    each = [found for file in BOOK.files() for found in found_in([Path(f"recipes/{file}.py")])]

    assert sorted(each) == sorted(found_in([Path("recipes")]))


# The command


def test_text(shared: Path) -> None:
    """A finding is one line: place, rule, what to do, the other place, the page."""
    done = run(shared)

    assert FINDING == done.stdout
    assert "1 finding in 1 file\n" == done.stderr
    assert 1 == done.returncode


def test_clean(tmp_path: Path) -> None:
    """A clean code base prints nothing on standard output and ends with 0."""
    (tmp_path / "clean.py").write_text("print()\n")
    done = run(tmp_path)

    assert ("", "0 findings in 1 file\n", 0) == (done.stdout, done.stderr, done.returncode)


@pytest.mark.parametrize(
    "broken",
    [b"def broken(:\n", b"# coding: latin-99\n", b"x = '\xff'\n", b"\x00\n", b"(" * 5_000 + b"\n"],
    ids=["syntax", "encoding", "not UTF-8", "null", "nested"],
)
def test_broken_file(shared: Path, broken: bytes) -> None:
    """A file that is no Python is one line and exit code 2; the others are checked."""
    (shared / "broken.py").write_bytes(broken)
    done = run(shared)
    lines = done.stderr.splitlines()

    assert FINDING == done.stdout
    assert 2 == len(lines)
    assert re.match(r"broken\.py:\d+:\d+: error: \w", lines[0])
    assert 2 == done.returncode


def test_deeply_nested_code_is_checked(shared: Path) -> None:
    """Code that a generator wrote is no error because it is deep."""
    (shared / "deep.py").write_text("x = " + " + ".join(["f(1)"] * 900) + "\n")
    done = run(shared)

    assert (FINDING, 1) == (done.stdout, done.returncode)


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


def test_folders_that_are_left_out(tmp_path: Path) -> None:
    """Environments and caches are left out, unless they are what is asked for."""
    for name in (".venv/lib", "node_modules", "build", "app/__pycache__"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "shared.py").write_text(SHARED)

    assert 0 == run(tmp_path).returncode
    assert 1 == run(tmp_path, ".venv/lib").returncode
    assert 1 == run(tmp_path, "build/shared.py").returncode


def test_file_that_is_given_twice(shared: Path) -> None:
    """A file is checked once, also where it is given by more than one path."""
    done = run(shared, ".", "shared.py", shared / "shared.py")

    assert (FINDING, "1 finding in 1 file\n") == (done.stdout, done.stderr)


def test_suppression_of_a_rule_that_is_off_is_not_unused(shared: Path) -> None:
    """A comment for a rule is kept while the rule is off, and the comments' own rule can be off."""
    text = SHARED.replace("Client()", "Client()  # shared-client: ignore[client-at-import]")
    (shared / "shared.py").write_text(
        text.replace("import os\n", "import os  # shared-client: ignore\n")
    )
    off = run(shared, "--ignore", "client-at-import").stdout
    silent = run(shared, "--ignore", "unused-suppression")

    assert ["shared.py:1:12: unused-suppression"] == [" ".join(off.split()[:2])[:-1]]
    assert ("", 0) == (silent.stdout, silent.returncode)


# The other formats


def sarif(folder: Path, *arguments: object) -> dict[str, Any]:
    done = run(folder, "--format", "sarif", *arguments)
    log: dict[str, Any] = json.loads(done.stdout)
    validator = Draft4Validator(json.loads(SCHEMA.read_text("utf-8")))
    assert [] == [error.message for error in validator.iter_errors(log)]
    assert "" == done.stderr
    return log


def test_sarif(shared: Path) -> None:
    """The log is valid SARIF 2.1.0, and a result has its rule, its place and the other place."""
    (run_,) = sarif(shared)["runs"]
    (result,) = run_["results"]
    rule = run_["tool"]["driver"]["rules"][result["ruleIndex"]]
    place = result["locations"][0]["physicalLocation"]
    other = result["relatedLocations"][0]["physicalLocation"]

    assert "client-at-import" == result["ruleId"] == rule["id"]
    assert "shared.py" == place["artifactLocation"]["uri"]
    assert {"startLine": 5, "startColumn": 10, "endLine": 5, "endColumn": 34} == place["region"]
    assert 9 == other["region"]["startLine"]
    assert f"{BOOK}processes/fork-directly.html" in result["message"]["text"]
    assert [*RULES] == [each["id"] for each in run_["tool"]["driver"]["rules"]]
    assert run_["invocations"][0]["executionSuccessful"]


def test_sarif_tells_what_was_suppressed_and_what_is_broken(tmp_path: Path) -> None:
    """Paths are quoted, columns count characters, suppressed results and errors are in the log."""
    folder = tmp_path / "söme dir"
    folder.mkdir()
    text = SHARED.replace("client = ", "n = 'ünïcode €'; client = ")
    (folder / "shared.py").write_text(text, "utf-8")
    (folder / "quiet.py").write_text(
        SHARED.replace("Client()", "Client()  # shared-client: ignore")
    )
    (folder / "broken.py").write_text("(\n")
    (run_,) = sarif(tmp_path)["runs"]
    quiet, loud = run_["results"]
    place = loud["locations"][0]["physicalLocation"]

    assert [{"kind": "inSource"}] == quiet["suppressions"]
    assert "suppressions" not in loud
    assert "s%C3%B6me%20dir/shared.py" == place["artifactLocation"]["uri"]
    assert 10 + len("n = 'ünïcode €'; ") == place["region"]["startColumn"]
    assert not run_["invocations"][0]["executionSuccessful"]
    assert 1 == len(run_["invocations"][0]["toolExecutionNotifications"])


def test_sarif_fingerprint_stays(shared: Path) -> None:
    """A line that is added above a finding does not make it a new one."""
    before = sarif(shared)["runs"][0]["results"][0]
    (shared / "shared.py").write_text("# a line\n" + SHARED)
    after = sarif(shared)["runs"][0]["results"][0]

    assert before["partialFingerprints"] == after["partialFingerprints"]
    assert before["locations"] != after["locations"]


def test_github(tmp_path: Path) -> None:
    """Each finding and each error is a command that GitHub Actions understands."""
    (tmp_path / "a,b:c%.py").write_text(SHARED)
    (tmp_path / "broken.py").write_text("(\n")
    done = run(tmp_path, "--format", "github")
    finding, error = done.stdout.splitlines()

    assert finding.startswith(
        "::error file=a%2Cb%3Ac%25.py,line=5,col=10,endLine=5,endColumn=34,"
        "title=find-shared-clients%3A client-at-import::Create this IAMClient in the child: "
    )
    assert error.startswith("::error file=broken.py,line=1,")
    assert 2 == done.returncode


# How it is started


@pytest.mark.parametrize(
    "command",
    [("find_shared_clients/__main__.py",), ("find_shared_clients",), ("-m", "find_shared_clients")],
    ids=" ".join,
)
def test_copied_folder_runs(shared: Path, command: tuple[str, ...]) -> None:
    """A copy of the folder runs by its file, its name and as a module, without the project."""
    shutil.copytree(FOLDER, shared / FOLDER.name)
    done = subprocess.run(
        [sys.executable, *command, "shared.py"],
        cwd=shared,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert (FINDING, 1) == (done.stdout, done.returncode), done.stderr


def test_inline_metadata_names_what_it_imports() -> None:
    """`uv run` installs what the files import beside the standard library."""
    metadata = re.search(
        r"# /// script\n(.*?)# ///", (FOLDER / "__main__.py").read_text(), re.DOTALL
    )
    assert metadata
    wanted = tomllib.loads(metadata[1].replace("# ", ""))
    names = {re.split(r"[><=;]", each)[0] for each in wanted["dependencies"]}
    text = "\n".join(path.read_text("utf-8") for path in FOLDER.glob("*.py"))
    imported = set(re.findall(r"^ *(?:import|from) (\w+)", text, re.MULTILINE))

    assert names == imported - {*sys.stdlib_module_names} - {"__future__"}


# The page


def test_page_lists_the_rules() -> None:
    """The table of the page says of each rule what it finds and what it does not see."""
    cells = {
        row[1].strip("`"): row
        for line in PAGE.read_text("utf-8").splitlines()
        if len(row := [cell.strip() for cell in line.split("|")]) == 6
    }

    for rule in RULES.values():
        _, _, finds, misses, link, _ = cells[rule.id]
        here = rule.page == "safeguards/find-shared-clients"
        assert (rule.finds, rule.misses) == (finds, misses)
        assert link == "this page" if here else link.endswith(f"](../{rule.page}.md)")


def test_pages_that_findings_name_exist() -> None:
    """Each page that a rule or a message sends the reader to is one of this book."""
    texts = [path.read_text("utf-8") for path in FOLDER.glob("*.py")]
    named = {
        page for text in texts for page in re.findall(r'"((?:processes|safeguards)/[\w-]+)"', text)
    }

    assert {rule.page for rule in RULES.values()} <= named
    assert set() == {page for page in named if not (ROOT / f"docs/{page}.md").is_file()}


def test_page_names_what_is_not_found_in_this_book() -> None:
    """The page names each twin in which nothing is found, and each recipe in which something is."""
    text = PAGE.read_text("utf-8")
    files = {file.partition("/")[2] for file in OTHER_FAULTS | ON_PURPOSE}

    assert set() == {file for file in files if f"`{file}`" not in text}
