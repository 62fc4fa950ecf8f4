"""The formats of the check for shared clients that other programs read."""

import json
from pathlib import Path
from typing import Any

from jsonschema import Draft4Validator

from recipes.safeguards.find_shared_clients.findings import BOOK
from recipes.safeguards.find_shared_clients.rules import RULES
from tests.support.finder import SHARED, run

SCHEMA = Path(__file__).with_name("sarif-2.1.0-rtm.5.json")
"""The schema of the standard, as the npm package @microsoft/jest-sarif 1.0.0-beta.0 ships it."""


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
