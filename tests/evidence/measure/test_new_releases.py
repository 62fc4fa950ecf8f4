"""What newer releases change."""

from pathlib import Path

import pytest

from tests.evidence.measure.new_releases import (
    Change,
    Sentence,
    changes,
    fallen,
    pins,
    sentences,
    written,
)

OLD = """\
google-auth==2.62.2 \\
    --hash=sha256:00
grpcio==1.85.1 ; python_version < "4" \\
    --hash=sha256:00
    # via google-api-core
furo==1.0
"""
REPORT = """\
<testsuites><testsuite>
<testcase name="test_block[docs/a.md:3]"><failure message="the page documents 'ok',\n  the run"/>
</testcase>
<testcase name="test_verdict_stands[threads/a-fork]"/>
</testsuite></testsuites>
"""


def test_newer_releases_are_those_of_packages_that_the_book_speaks_of() -> None:
    """A newer theme changes no verdict."""
    new = OLD.replace("2.62.2", "2.63.0").replace("furo==1.0", "furo==2.0")

    assert [Change("google-auth", "2.62.2", "2.63.0")] == changes(pins(OLD), pins(new))
    assert [] == changes(pins(OLD), pins(OLD))


def test_sentence_that_speaks_of_a_package_is_named() -> None:
    """It is found by its page and line, also where it draws the release; code is no sentence."""
    found = list(sentences(["google-auth"]))

    assert any("look up the *allowed locations*" in text for _, text in found)
    assert any("{pinned}`google-auth`" in text for _, text in found)
    assert all("google-auth" in text and place.startswith("docs/") for place, text in found)
    assert [] == [text for _, text in sentences(["grpcio"]) if text.startswith("python3 noxfile")]
    assert [] == list(sentences(["google-auth-no-such-package"]))


def test_failures_are_read_from_the_report(tmp_path: Path) -> None:
    """Each is named with what it said, in one line."""
    report = tmp_path / "report.xml"
    report.write_text(REPORT, "utf-8")

    assert ["`test_block[docs/a.md:3]`: the page documents 'ok', the run"] == list(fallen(report))


@pytest.mark.parametrize("failed", [["`a`: b"], []])
def test_report_names_all_that_changes(failed: list[str]) -> None:
    """Releases, verdicts and blocks, sentences; nothing is said to be nothing."""
    change = Change("grpcio", "1.85.1", "1.85.3")
    text = written([change], failed, [Sentence("docs/a.md:1", "About grpcio.")])

    assert text.startswith("# grpcio 1.85.1 → 1.85.3\n")
    assert "- `docs/a.md:1`: About grpcio.\n" in text
    assert ("None." in text) == (not failed)
