"""The workflows' commands: sessions that there are, with options that they take."""

import re
import shlex
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

import noxfile
from tests.evidence import compare, measure, merge
from tests.evidence.record.environment import Wanted
from tests.evidence.plan import AXES

WORKFLOWS = Path(__file__).resolve().parents[1] / ".github" / "workflows"
SHARDED = ("evidence", "weekly")
TAKEN: dict[str, click.Command] = {
    "compare": compare.main,
    "evidence": measure.main,
    "merge": merge.main,
}
"""What parses the options of a session."""
EXPRESSION = re.compile(r"\$\{\{ (\w+)\.(\w+) \}\}|\$(\w+)")


def read(name: str) -> dict[Any, Any]:
    """Return a workflow; YAML takes its key `on` for a truth value."""
    loaded: dict[Any, Any] = yaml.safe_load((WORKFLOWS / f"{name}.yml").read_text("utf-8"))
    return loaded


def inputs(workflow: dict[Any, Any]) -> dict[str, str]:
    """Choose the first option or the default of whatever a person is asked for."""
    asked = (workflow[True].get("workflow_dispatch") or {}).get("inputs", {})
    return {name: its.get("options", [its.get("default")])[0] for name, its in asked.items()}


def commands(name: str) -> Iterator[list[str]]:
    """Yield the arguments of each `python3 noxfile.py` of a workflow, for all of its matrix."""
    workflow = read(name)
    for job in workflow["jobs"].values():
        matrix = job.get("strategy", {}).get("matrix", {})
        for values in product(*matrix.values()):
            known = {"matrix": dict(zip(matrix, values, strict=True)), "inputs": inputs(workflow)}
            for step in job["steps"]:
                yield from typed(step, known)


def typed(step: dict[str, Any], known: dict[str, dict[str, Any]]) -> Iterator[list[str]]:
    """Yield what a shell makes of a step's commands."""

    def value(found: re.Match[str]) -> str:
        of, key, variable = found.groups()
        if stated := step.get("env", {}).get(variable):
            return EXPRESSION.sub(value, str(stated))
        return str(known[of][key]) if of in known else found[0]

    for line in EXPRESSION.sub(value, step.get("run", "")).splitlines():
        if line.startswith("python3 noxfile.py"):
            yield shlex.split(line)[2:]


@pytest.mark.parametrize("name", [path.stem for path in sorted(WORKFLOWS.glob("*.yml"))])
def test_commands_are_taken(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each names a session, and options of evidence, merge and compare that these have."""
    found = list(commands(name))
    for folder in ("shards/*", "merged"):
        (tmp_path / folder).mkdir(parents=True)
    monkeypatch.chdir(tmp_path)

    assert found
    for session, *arguments in filter(None, found):
        assert callable(getattr(noxfile, session))
        if session in TAKEN:
            TAKEN[session].make_context(session, arguments[1:])


@pytest.mark.parametrize("name", SHARDED)
def test_shards_make_a_whole(name: str) -> None:
    """The machines together try every cell, and none of them twice."""
    found = [
        arguments for session, *arguments in filter(None, commands(name)) if session == "evidence"
    ]
    shards = [its.pop(its.index("--shard") + 1).split("/") for its in found]
    choices = {tuple(its) for its in found}
    (total,) = {int(parts) for _, parts in shards}

    assert sorted([*range(1, total + 1)] * len(choices)) == sorted(int(k) for k, _ in shards)


def test_weekly_tries_every_python_of_the_plan() -> None:
    """A release of Python that joins the plan joins the workflow."""
    tried = {
        arguments[arguments.index("--python") + 1]
        for session, *arguments in filter(None, commands("weekly"))
        if session == "evidence"
    }

    assert {*AXES["python"]} == {Wanted(version) for version in tried}
