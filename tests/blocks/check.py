"""Checks one block as its reader would use it: runs it, and compares with what its page says."""

import ast
import configparser
import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from uuid import NAMESPACE_URL, uuid5

import pytest
import yaml
from pytest_examples import CodeExample, EvalExample
from pytest_examples.config import ExamplesConfig
from pytest_examples.run_code import (
    Arg,
    InsertPrintStatements,
    PrintStatement,
    find_print_location,
)

from tests.blocks import run_bash
from tests.blocks.blocks import Block, BlockError, name_of
from tests.book import ROOT, START_METHODS
from tests.runner import Command, Outcome, Run, Runner, RunnerError
from tests.support import first_signature

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib  # type: ignore[import-not-found, unused-ignore]

DEADLINE = 60.0
BASH_DEADLINE = 180.0
TOOLS = Path(sys.executable).parent
ENVIRONMENT = ROOT / ".venv"


@dataclass
class PagesConfig(ExamplesConfig):
    """Lint of blocks: Black's style, Ruff's default rules, sorted imports."""

    line_length: int = 88
    quotes: Literal["single", "double", "either"] = "double"
    target_version: Literal["py37", "py38", "py39", "py310", "py311"] = "py310"
    isort: bool = True

    def ruff_config(self) -> tuple[str, ...]:
        own = 'lint.isort.known-first-party=["recipes"]'
        return (*super().ruff_config(), "--isolated", "--config", own)


def documented(settings: Mapping[str, str]) -> tuple[Outcome, float | None]:
    """Return the outcome that a block documents, and the seconds after which it is a hang."""
    text = settings.get("expect", "ok")
    hang = re.fullmatch(r"hang (\d+(?:\.\d+)?)", text)
    if hang and float(hang[1]) > 0:
        return Outcome("hang"), float(hang[1])
    if "expect" not in settings or re.fullmatch(r"raises \w+|crash SIG\w+", text):
        return Outcome.parse(text), None
    raise BlockError(
        f'expect="{text}" is not understood; write expect="raises TYPE", "hang SECONDS" or '
        '"crash SIGNAL", or leave it out'
    )


def start_method(settings: Mapping[str, str]) -> str | None:
    """Return the start method that a block asks for."""
    method = settings.get("start")
    if method not in (None, *START_METHODS):
        raise BlockError(f'start="{method}" is not one of {", ".join(START_METHODS)}')
    return method


@dataclass(frozen=True)
class Checker:
    """What a block is checked with: a runner, its environment, a folder, and limits.

    With `update`, results that a block shows are written anew instead of compared.
    `deadline` is in seconds, of a block that documents no hang; `prefix` is the environment that
    the tests run in.
    """

    runner: Runner
    eval_example: EvalExample
    environment: Mapping[str, str]
    folder: Path
    update: bool = False
    deadline: float = DEADLINE
    prefix: Path = Path(sys.prefix)

    def check(self, block: Block) -> Outcome:
        """Check a block with the tool its reader would use; fail with the page and its line."""
        try:
            settings = block.settings
            if block.language == "python":
                return self._python(block, settings)
            if block.language == "bash":
                self._bash(block, settings)
            else:
                check_data(block)
            return Outcome("ok")
        except (BlockError, RunnerError) as error:
            failure = pytest.fail.Exception(f"{block}: {error}", pytrace=False)
        raise failure

    def _python(self, block: Block, settings: Mapping[str, str]) -> Outcome:
        """Lint, run and print-check a block; return the outcome, which is the documented one."""
        expected, limit = documented(settings)
        method = start_method(settings)
        self.eval_example.config = PagesConfig()
        example = example_of(block)
        lint(block, example, self.eval_example)
        command = Command(
            self._script(block, "block.py"),
            deadline=self.deadline if limit is None else limit,
            start_method=method,
            environment=self.environment,
            cwd=self.folder,
            record_prints=True,
        )
        run = first_signature.tried(lambda: self.runner.run(command), lambda run: run)
        compare(block, run, expected)
        if expected == Outcome("ok") and not run.printed and not asserts(block.source):
            raise BlockError(
                "this block proves nothing: let it assert or print, or document a failure"
            )
        check_prints(block, run, example, self.eval_example, update=self.update)
        return run.outcome

    def _bash(self, block: Block, settings: Mapping[str, str]) -> None:
        """Parse a block with Bash and ShellCheck, and run it at the repository's root."""
        if settings.get("check", "parse") != "parse":
            raise BlockError(f'check="{settings["check"]}" is not understood; write check="parse"')
        script = self._script(block, "block.sh")
        parse_bash(block, script)
        if "check" in settings:
            return
        refuse_to_renew_environment(block, self.prefix)
        own = {"PATH": f"{TOOLS}:{os.environ['PATH']}", "PYTHONPATH": ""}
        command = Command(
            Path(run_bash.__file__),
            [str(script)],
            deadline=BASH_DEADLINE,
            environment={**self.environment, **own},
            cwd=ROOT,
        )
        compare(block, self.runner.run(command), Outcome("ok"))

    def _script(self, block: Block, name: str) -> Path:
        """Write a block to a file whose lines are those of the page."""
        script = self.folder / name
        script.write_text("\n" * block.line + block.source, "utf-8")
        return script


def example_of(block: Block) -> CodeExample:
    """Return the block as pytest-examples has it; those of one page belong to one group."""
    example: CodeExample = CodeExample.create(
        block.source,
        path=block.path,
        start_line=block.line,
        start_index=block.start,
        end_index=block.end,
        prefix=block.info,
        indent=block.indent,
    )
    example.group = uuid5(NAMESPACE_URL, str(block.path))
    return example


def lint(block: Block, example: CodeExample, eval_example: EvalExample) -> None:
    """Demand Black's style and a clean Ruff; name the page's lines where Ruff names the block's."""
    try:
        eval_example.lint(example)
    except pytest.fail.Exception as failure:
        raise BlockError(_with_lines_of_page(str(failure), block)) from None


def _with_lines_of_page(message: str, block: Block) -> str:
    def margin(match: re.Match[str]) -> str:
        return f"{int(match[1]) + block.line:>{len(match[0]) - 2}} |"

    def place(match: re.Match[str]) -> str:
        return f"--> {name_of(block.path)}:{int(match[1]) + block.line}:"

    message = re.sub(r"^ *(\d+) \|", margin, message, flags=re.MULTILINE)
    return re.sub(r"--> -:(\d+):", place, message)


def compare(block: Block, run: Run, expected: Outcome) -> None:
    """Demand the documented outcome, and that nothing was left running."""
    if run.outcome != expected:
        limit = f" after {run.seconds:.0f} s" if run.outcome.kind == "hang" else ""
        raise BlockError(
            f"the page documents {str(expected)!r}, the run was {str(run.outcome)!r}{limit}\n"
            + output_of(run, block)
        )
    if run.left_behind:
        raise BlockError("the run left processes behind:\n" + "\n".join(run.left_behind))


def output_of(run: Run, block: Block) -> str:
    """Show what a run wrote, with the page's name for the block's file."""
    shown = ""
    for name, text in (("standard output", run.stdout), ("standard error", run.stderr)):
        if text:
            shown += f"--- {name}\n{text.replace(str(run.script), name_of(block.path))}"
    return shown


def asserts(source: str) -> bool:
    return any(isinstance(node, ast.Assert) for node in ast.walk(ast.parse(source)))


def check_prints(
    block: Block, run: Run, example: CodeExample, eval_example: EvalExample, *, update: bool
) -> None:
    """Compare what was printed with the results that the block shows, or update those."""
    insert = InsertPrintStatements(block.path, eval_example.config, True, None, None)
    assert insert.print_func is not None
    for line, sep, args in run.printed:
        statement = PrintStatement(line - block.line, sep, [Arg(arg.text) for arg in args])
        for formatted, arg in zip(statement.args, args, strict=True):
            formatted.is_str = arg.is_str
        insert.print_func.statements.append(statement)
    if update:
        _update(insert, example, eval_example)
        return
    insert.check_print_statements(example)
    _demand_prints(block, example, insert.print_func.statements)


def _update(insert: InsertPrintStatements, example: CodeExample, eval_example: EvalExample) -> None:
    source = insert.updated_print_statements(example)
    if source is not None:
        example.source = source
        eval_example.to_update.append(example)


def _demand_prints(block: Block, example: CodeExample, printed: list[PrintStatement]) -> None:
    """Demand that each result that is shown belongs to a print that was reached."""
    reached = {find_print_location(example, statement.line_no)[0] for statement in printed}
    before = 0
    for number, line in enumerate(block.source.splitlines(), 1):
        if not re.match(r" *#> ", line):
            before = number
        elif before not in reached:
            raise BlockError(
                f"line {block.line + number} shows a result that the main process never printed"
            )


def parse_bash(block: Block, script: Path) -> None:
    """Demand that Bash and ShellCheck find nothing wrong."""
    for command in (["bash", "-n"], [str(TOOLS / "shellcheck"), "--shell=bash", "-e", "SC2164"]):
        parsed = subprocess.run([*command, str(script)], capture_output=True, text=True)
        if parsed.returncode != 0:
            message = parsed.stdout + parsed.stderr
            raise BlockError(message.replace(str(script), name_of(block.path)))


def refuse_to_renew_environment(block: Block, prefix: Path) -> None:
    """Demand the environment of noxfile.py, which it makes anew when started from another."""
    if "noxfile.py" in block.source and prefix != ENVIRONMENT:
        raise BlockError(
            "this block is not run from here, because noxfile.py would replace .venv; "
            "start the tests with: python3 noxfile.py tests"
        )


def check_data(block: Block) -> None:
    """Parse a block of data in its language; output is text, which nothing can parse."""
    parsers = {
        "toml": tomllib.loads,
        "yaml": yaml.safe_load,
        "json": json.loads,
        "ini": configparser.ConfigParser().read_string,
        "text": str,
    }
    try:
        parsers[block.language](block.source)
    except (ValueError, yaml.YAMLError, configparser.Error) as error:
        raise BlockError(f"no valid {block.language}: {error}") from None
