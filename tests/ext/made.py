"""Trials, verdicts, books and records that a test makes, and a build of a small site."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from tests.book import BOOK, ROOT, Book, Chapter, recipe_of
from tests.evidence.record.environment import Environment
from tests.evidence.record.store import Record
from tests.evidence.record.trials import Trial
from tests.evidence.record.verdicts import Verdict

ENVIRONMENT = Environment("3.10.13", "1.62.3", "2.27.0", "fork", "unset", "Linux")
TRIAL = Trial(
    file="threads/share_one_client",
    program="0" * 12,
    job="0" * 12,
    environment=ENVIRONMENT,
    process="new",
    outcome="ok",
    seconds=1.5,
    load=None,
    date="2026-11-26T16:24:48.123Z",
)


def made(
    file: str = TRIAL.file, environment: Environment = ENVIRONMENT, **outcomes: int
) -> Verdict:
    """Make a verdict of so many trials of each outcome; `raises_X` stands for `raises X`."""
    names = [name.replace("_", " ") for name, count in outcomes.items() for _ in range(count)]
    trial = replace(TRIAL, file=file, environment=environment)
    return Verdict(file, tuple(replace(trial, outcome=name) for name in names))


def store(record: Record, *verdicts: Verdict) -> None:
    """Keep the trials of verdicts as trials of today's program and job."""
    for verdict in verdicts:
        identity = record.identity(verdict.file)
        record.append(
            replace(trial, program=identity.program, job=identity.job) for trial in verdict.trials
        )


def book_of(folder: Path, recipes: Iterable[str]) -> Book:
    """Make a book of some recipes and their twins, with their pages, in a folder."""
    chapters: dict[str, Chapter] = {}
    book = Book(folder)
    for file in BOOK.files():
        if recipe_of(file) in recipes:
            chapter = BOOK.chapter(file)
            chapters[chapter.name] = chapter
            copy(BOOK.path(file), book.path(file))
            copy(BOOK.page(recipe_of(file)), book.page(recipe_of(file)))
    return Book(folder, tuple(chapters.values()))


def copy(source: Path, to: Path) -> None:
    """Copy a file, and make the folders that it lies in."""
    to.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, to)


def build(folder: Path, *options: str) -> "subprocess.CompletedProcess[str]":
    """Let Sphinx read the pages of a folder, which has a conf.py, and keep their doctrees there."""
    command = [sys.executable, "-m", "sphinx", "-q", "-W", *options, "-d", str(folder)]
    return subprocess.run(
        [*command, str(folder), str(folder / "out")],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'docs'}"},
        capture_output=True,
        text=True,
        timeout=120,
    )
