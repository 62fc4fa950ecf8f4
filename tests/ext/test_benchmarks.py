"""The figures of benchmarks."""

from pathlib import Path

import pytest

from _ext.benchmarks import benchmark
from tests.benchmarks import results

NAME = "a_benchmark"
ROWS: list[results.Row] = [{"way": "threads", "seconds": 1.5}, {"way": "loop", "seconds": 2}]


def test_figures_of_a_benchmark_are_those_that_were_stored(tmp_path: Path) -> None:
    """Table and figures come from the stored result; what was not measured is an error."""
    stored = results.store(NAME, ROWS, {"calls": 12345}, tmp_path)

    assert stored == results.read(NAME, tmp_path)
    assert "12,345" == results.figure(NAME, "calls", tmp_path)
    with pytest.raises(LookupError, match="it has calls"):
        results.figure(NAME, "seconds", tmp_path)
    with pytest.raises(LookupError, match=r"noxfile\.py bench -- another"):
        results.read("another", tmp_path)


def test_table_of_a_benchmark_has_its_rows() -> None:
    """All of them, and how to measure again, or those alone that are chosen."""
    result = results.Result(ROWS)
    chosen = benchmark(NAME, result, "way = loop").splitlines()

    assert "| threads | 1.5 |" in benchmark(NAME, result).splitlines()
    assert f"noxfile.py bench -- {NAME}" in benchmark(NAME, result)
    assert ["| seconds |", "| --- |", "| 2 |"] == [" ".join(line.split()) for line in chosen]
    with pytest.raises(LookupError, match="no row has processes in the column way"):
        benchmark(NAME, result, "way = processes")
