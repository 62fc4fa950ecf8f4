"""Comparing the ways to make many calls."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from recipes.testing.local_iam import LocalIAM
from tests.benchmarks import compare_ways, results
from tests.benchmarks.compare_ways import ALONE, BOTH, EACH, IN_TURN, PROCESSES, SHARED, Memory
from tests.benchmarks.programs import recipe_and_bare, ways_to_call
from tests.benchmarks.programs.ways_to_call import AT_ONCE, CLIENTS, WAYS, WORKERS
from tests.book import ROOT

CALLS = 3 * AT_ONCE
LATENCY = 0.1
CONNECTIONS = dict.fromkeys(WAYS, range(1, 2)) | {
    IN_TURN: range(CLIENTS, CLIENTS + 1),
    EACH: range(2, 2 * AT_ONCE),
    PROCESSES: range(2, 2 * AT_ONCE),
    BOTH: range(1, 2 * WORKERS),
}
"""How many a way may have. Who is late finds no call left to make; with many clients, a loaded
machine may let one connect twice.
"""


def run(local_iam: LocalIAM, program: str, *arguments: str) -> str:
    return subprocess.run(
        [sys.executable, "-m", program, *arguments],
        cwd=ROOT,
        env={**os.environ, **local_iam.environment},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    ).stdout


@pytest.mark.parametrize("way", WAYS)
def test_way_makes_each_call_once(local_iam: LocalIAM, way: str) -> None:
    """Each way makes its calls, no more and no less, and over the connections that it names."""
    local_iam.slow(LATENCY)
    report = json.loads(run(local_iam, ways_to_call.__name__, way, str(CALLS)))
    seen = local_iam.observe()

    assert CALLS == report["answers"] == seen.calls["ListServiceAccountKeys"]
    assert {"ListServiceAccountKeys"} == {*seen.calls}
    assert 0 < report["first"] < report["seconds"]
    assert report["call"] > LATENCY
    assert report["cpu"] > 0
    assert seen.connections in CONNECTIONS[way]
    assert (way == ALONE) == (seen.most_in_flight == 1)


def test_recipe_and_bare_loops_make_the_same_calls(local_iam: LocalIAM) -> None:
    """What is compared lists the same accounts and the keys of each, turn by turn."""
    (turn,) = json.loads(run(local_iam, recipe_and_bare.__name__, "1"))
    seen = local_iam.observe()
    runs = 1 + len(turn)  # one to begin with, then one of each

    assert [True, True, True] == [seconds > 0 for seconds in turn]
    assert runs * len(local_iam.service_accounts) == seen.calls["ListServiceAccountKeys"]
    assert runs == seen.connections


def test_memory_is_that_of_all_processes() -> None:
    """A process and its child are seen together, their shared pages once."""
    program = "import os, signal; os.fork(); print('ready', flush=True); signal.pause()"
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as process:
        assert process.stdout
        process.stdout.readline()
        process.stdout.readline()
        memory = Memory(process.pid)
        memory.look()
        children = memory.process.children()
        alone = memory.process.memory_info().rss
        for child in children:
            child.kill()
        process.kill()

    assert 1 == len(children)
    assert memory.resident > 1.5 * alone
    assert memory.proportional < memory.resident


def test_what_was_measured_is_kept(tmp_path: Path) -> None:
    """A run that was interrupted measures what is missing, and that alone."""
    cache = tmp_path / "cache" / "kept.jsonl"
    measured = []

    def measure() -> compare_ways.Report:
        measured.append("once")
        return {"seconds": 1.5}

    first = compare_ways.once({"way": ALONE, "calls": 10}, measure, cache)
    again = compare_ways.once({"way": ALONE, "calls": 10}, measure, cache)
    compare_ways.once({"way": ALONE, "calls": 20}, measure, cache)

    assert 1.5 == first["seconds"]
    assert first == again
    assert ["once", "once"] == measured


def test_targets_are_computed_from_the_rows() -> None:
    """The limit is that of the latency; the ratios are the medians of the turns."""
    column, latency = "calls a second", compare_ways.TARGET_LATENCY
    rows: dict[tuple[int, str], results.Row] = {
        (latency, SHARED): {column: 760},
        (latency, ALONE): {column: 49.0},
    }
    reached = compare_ways.targets(rows, [[1, 1, 2], [1.2, 1, 1], [3, 1, 1]])

    assert 800 == reached["limit"]
    assert (95.0, 98.0) == (reached["shared_percent"], reached["alone_percent"])
    assert (1.2, 1.2) == (reached["recipe_ratio"], reached["recipe_ratio_in_threads"])
    assert (2.4, 2.0) == (reached["recipe_ms"], reached["loop_ms"])
