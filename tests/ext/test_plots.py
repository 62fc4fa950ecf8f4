"""The pictures of the pages."""

import re
from pathlib import Path

import pytest

from _ext.plots import Panel, draw, panels
from tests.benchmarks import results
from tests.ext.made import build

ROWS: list[results.Row] = [
    {"latency [ms]": 0, "way": "one <thread>", "calls a second": 812, "memory [MB]": 40.5},
    {"latency [ms]": 0, "way": "processes", "calls a second": 1624, "memory [MB]": 310},
    {"latency [ms]": 20, "way": "one <thread>", "calls a second": 50, "memory [MB]": 41},
]
PANELS = panels(ROWS, "way", ["calls a second"], "latency [ms]")
CONF = """
extensions = ["myst_parser", "_ext.plots"]
myst_enable_extensions = ["colon_fence"]
"""


def texts(svg: str) -> list[str]:
    return re.findall(r"<text [^>]*>([^<]*)</text>", svg)


def widths(svg: str) -> list[float]:
    """Return how wide the bars are: the paths that are filled."""
    filled = re.findall(r'd="([^"]*)" style="fill: var', svg)
    points = [re.findall(r"[ML] ([\d.]+)", path) for path in filled]
    return [max(map(float, of_path)) - min(map(float, of_path)) for of_path in points]


def test_panels_hold_the_stored_rows() -> None:
    """Each value of a column, and each column of values, has a panel of the rows that have it."""
    by_latency = [
        Panel("calls a second, latency 0 ms", {"one <thread>": 812, "processes": 1624}),
        Panel("calls a second, latency 20 ms", {"one <thread>": 50}),
    ]
    by_column = [
        Panel("calls a second", {"one <thread>": 812, "processes": 1624}),
        Panel("memory [MB]", {"one <thread>": 40.5, "processes": 310}),
    ]
    of_first = results.chosen(ROWS, "latency [ms] = 0")

    assert by_latency == PANELS
    assert by_column == panels(of_first, "way", ["calls a second", "memory [MB]"])


def test_picture_is_drawn_from_the_data() -> None:
    """Bars are as long as the values are large, and have them in figures beside their labels."""
    svg = draw(PANELS, "Bars & bars", "processes")
    one, other, alone = widths(svg)

    assert 2 == pytest.approx(other / one)
    assert alone == other
    assert ["one &lt;thread&gt;", "processes", "812", "1,624"] == texts(svg)[:4]
    assert "<title>Bars &amp; bars</title>" in svg


def test_same_data_give_the_same_picture() -> None:
    """A build writes the same bytes as the one before it."""
    assert draw(PANELS, "alt") == draw(PANELS, "alt")
    assert draw(PANELS, "alt") != draw(PANELS[1:], "alt")


def test_picture_takes_its_looks_from_the_page() -> None:
    """Colours are the theme's, so they change with it; one bar of each panel stands out."""
    svg = draw(PANELS, "alt", "one <thread>")

    assert [] == re.findall("#[0-9a-f]{3,6}", svg)
    assert len(PANELS) == svg.count("var(--color-brand-content")
    assert [] == re.findall('<style|font-family| id="', svg)


@pytest.mark.parametrize(
    ("rows", "value", "said"),
    [
        (None, "seconds", "no column seconds; there are"),
        (None, "way", "'one <thread>' in the column way is no number"),
        ("latency [ms] = 5", "memory [MB]", "no row has 5"),
        ("delay = 20", "memory [MB]", "no column delay; there are"),
    ],
)
def test_what_was_not_measured_is_not_drawn(rows: str | None, value: str, said: str) -> None:
    """A column or row that is not in the stored result is an error."""
    with pytest.raises(LookupError, match=re.escape(said)):
        panels(results.chosen(ROWS, rows), "way", [value])


def test_build_fails_without_the_data(tmp_path: Path) -> None:
    """The build of the site names each picture whose result, column, bar or words are missing."""
    (tmp_path / "conf.py").write_text(CONF)
    options = ":label: processes\n:alt: words\n"
    named = {
        f"no_such_result\n{options}:value: connections": "run: python3 noxfile.py bench",
        f"threads_in_workers\n{options}:value: minutes": "no column minutes; there are processes",
        f"threads_in_workers\n{options}:value: connections\n:mark: 5": "no bar 5 to mark",
        "threads_in_workers\n:label: processes\n:value: connections": "needs the options alt",
    }
    page = "\n\n".join(f":::{{plot}} {directive}\n:::" for directive in named)
    (tmp_path / "index.md").write_text(f"# Title\n\n{page}\n", "utf-8")
    built = build(tmp_path, "--keep-going")

    assert 0 != built.returncode
    assert [] == [said for said in named.values() if said not in built.stderr]
