"""No page has a version, a frequency or a date in its prose that is not drawn from data."""

import pytest

from tests.blocks.blocks import Page, find_pages, name_of
from tests.blocks.typed import typed


@pytest.mark.parametrize("page", list(find_pages()), ids=lambda page: name_of(page.path))
def test_nothing_is_typed(page: Page) -> None:
    """Each such words of a page come from a role or a directive (see tests/evidence/roles.py)."""
    place = name_of(page.path)

    assert "" == "\n".join(f"{place}:{line}: {words}" for line, words in typed(page.text))


@pytest.mark.parametrize(
    ("prose", "words"),
    [
        ("It works from Python 3.12 on.", "Python 3.12"),
        ("From grpcio 1.80 on it works.", "grpcio 1.80"),
        ("Since 3.14 it is the default.", "3.14"),
        ("Releases before 1.85.1 hang.", "1.85.1"),
        ("It holds with google-cloud-iam 2.27.0.", "google-cloud-iam 2.27.0"),
        ("| Linux | 3.10 to 3.13 |\n| --- | --- |", "3.10 to 3.13"),
        ("By Python 3.13\nand 3.12.", "Python 3.13 and 3.12"),
        ("With v1.62.0rc1 it fails.", "v1.62.0rc1"),
        ("Python 3 does so.", "Python 3"),
        ("It hung 19 of 20 times.", "19 of 20"),
        ("It hung in 12 of 20 runs.", "12 of 20"),
        ("It hung 20 times out of 20.", "20 times out of 20"),
        ("It failed 0 in 22,500.", "0 in 22,500"),
        ("Twenty of twenty hung.", "Twenty of twenty"),
        ("One in a million fails.", "One in a million"),
        ("It hangs 95 % of the time.", "95 %"),
        ("It hangs in 99.9% of them.", "99.9%"),
        ("It was tried 200 times.", "200 times"),
        ("Of {figure}`a:b` of 20 runs.", "{role} of 20"),
        ("Measured on 2026-11-24.", "2026-11-24"),
        ("Measured on 24 November 2026.", "24 November 2026"),
        ("Since May 2025 it does.", "May 2025"),
        ("Since 2018 it does.", "2018"),
        ("| when |\n| --- |\n| 2018 |", "2018"),
        ("# Use Python 3.14", "Python 3.14"),
        ("- [from 3.11 on](https://docs.python.org/3/)", "3.11"),
        ("> Use **1.82** alone.", "1.82"),
        (":::{note}\n:class: plain\n\nIt needs 1.84.\n:::", "1.84"),
        ("![from 3.11 on](picture.svg)", "3.11"),
    ],
)
def test_typed_words_are_found(prose: str, words: str) -> None:
    """A finding has the words that are to be drawn, wherever in a page they are prose."""
    assert [words] == [found for _, found in typed(prose)]


@pytest.mark.parametrize(
    "prose",
    [
        "```python\nassert sys.version_info >= (3, 11), 'Python 3.11'\n```",
        "Install `grpcio==1.85.1`, or `python3.12`.",
        "[the source](https://github.com/grpc/grpc/blob/v1.85.1/setup.py), <https://a.org/1.2.3>",
        "It hung in {failures}`processes/a_broken:fork:hang` trials.",
        "From Python {documented}`forkserver-default` on, {figure}`name:percent_95` % of it.",
        ":::{fork-settings} 1.85.1 3.10\n:::",
        ":::{benchmark} name\n:rows: release = 1.85.1\n:::",
        ":::{toctree}\n:maxdepth: 1\n\nrelease-1.85.1\n:::",
        "The proxy speaks HTTP/1.1 alone, and listens at 127.0.0.1.",
        "One of two threads waits; one of 8 processes waits for two in the queue.",
        "The exit code is 143 for SIGTERM, and 1 where one of the calls fails.",
        "At 100 ms it makes 2000 calls; not less than 100 at once, [#14647](https://a.org).",
        "It starts three or four times, in two minutes.",
    ],
)
def test_other_numbers_are_not(prose: str) -> None:
    """Code, addresses, arguments, what a role draws, and plain numbers are left alone."""
    assert [] == list(typed(prose))


def test_finding_has_its_line() -> None:
    """Lines count from the top of the page, through breaks, tables and directives."""
    page = """\
# Title

One line,
then 1.80.

| a | b |
| --- | --- |
| c | 1.81 |

:::{note}
:class: plain

- one
- 1.82
:::
"""
    assert [(4, "1.80"), (8, "1.81"), (14, "1.82")] == list(typed(page))
