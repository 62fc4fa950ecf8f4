"""Meets releases that are newer than those that the book is tested with.

The book's blocks, recipes and twins are run in an environment with them, and what differs is
named: each verdict and each block that no longer stands, and each sentence that speaks of a package
whose release has changed. A person reads these, and pins the releases.
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

import click

from tests.blocks.blocks import find_pages, name_of
from tests.book import ROOT
from tests.evidence.measure.interpreters import FOLDER, UV

WATCHED = ("google-api-core", "google-auth", "google-cloud-iam", "grpcio", "protobuf")
"""Packages whose releases the book speaks of."""
RUN = ("-m", "pytest", "-q", "-m", "book and not commands", "-p", "no:cacheprovider")


class Change(NamedTuple):
    """A package, the release that is pinned, and the newer one."""

    package: str
    old: str
    new: str

    def __str__(self) -> str:
        return f"{self.package} {self.old} → {self.new}"


class Sentence(NamedTuple):
    """A line of a page's prose, at `page:line`."""

    place: str
    text: str


def pins(text: str) -> dict[str, str]:
    """Return the release of each package that requirements pin."""
    return dict(re.findall(r"^([a-z0-9._-]+)==([^\s;\\]+)", text, re.MULTILINE))


def changes(old: Mapping[str, str], new: Mapping[str, str]) -> list[Change]:
    """Return what is newer of the packages that the book speaks of."""
    return [
        Change(package, old[package], new[package])
        for package in WATCHED
        if package in old and package in new and old[package] != new[package]
    ]


def sentences(packages: Iterable[str]) -> Iterator[Sentence]:
    """Yield each line of a page's prose that names one of the packages, or draws its release."""
    named = re.compile("|".join(rf"(?<![\w-]){re.escape(each)}(?![\w-])" for each in packages))
    for page in find_pages():
        code = {
            number
            for block in page.blocks
            for number in range(block.line, block.line + block.source.count("\n") + 2)
        }
        for number, line in enumerate(page.text.splitlines(), 1):
            if number not in code and named.search(line):
                yield Sentence(f"{name_of(page.path)}:{number}", line.strip())


def fallen(report: Path) -> Iterator[str]:
    """Yield each test of pytest's report that failed, with what it said in one line."""
    for case in ElementTree.parse(report).iter("testcase"):  # noqa: S314 - pytest wrote it
        for failure in (*case.iter("failure"), *case.iter("error")):
            said = " ".join((failure.get("message") or failure.text or "").split())
            yield f"`{case.get('name')}`: {said[:500]}"


def compiled(wanted: Iterable[str], folder: Path) -> str:
    """Return requirements with the newest releases, or with those that are wanted.

    Raises SystemExit where they do not go together or no index answers.
    """
    output = folder / "requirements.txt"
    shutil.copy(ROOT / "requirements.txt", output)
    chosen = [f"--upgrade-package={each}" for each in wanted] or [
        f"--upgrade-package={each}" for each in WATCHED
    ]
    options = ("--universal", "--generate-hashes", "--python-version", "3.10", "--quiet")
    command = [str(UV), "pip", "compile", *options, *chosen, "requirements.in", "-o", str(output)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"these releases cannot be had: {done.stderr.strip()}")
    return output.read_text("utf-8")


def environment(requirements: str) -> Path:
    """Return an interpreter that has all of the requirements, made where there is none."""
    digits = hashlib.sha256((sys.version + requirements).encode()).hexdigest()[:8]
    folder = FOLDER / f"releases-{digits}"
    if not folder.exists():
        building = folder.with_name(f"{folder.name}.{os.getpid()}.building")
        made = building / "requirements.txt"
        python = building / "bin" / "python"
        subprocess.check_call([UV, "venv", "--quiet", "--python", sys.executable, building])
        made.write_text(requirements, "utf-8")
        install = ("pip", "install", "--quiet", "--compile-bytecode", "--require-hashes")
        subprocess.check_call([UV, *install, "--python", python, "-r", made])
        building.rename(folder)
    return folder / "bin" / "python"


def written(found: list[Change], failed: list[str], named: list[Sentence]) -> str:
    """Return the report."""
    lines = [f"# {', '.join(map(str, found))}", "", "## Verdicts and blocks that do not stand", ""]
    lines += [f"- {each}" for each in failed] or ["None."]
    lines += ["", "## Sentences that speak of them", ""]
    lines += [f"- `{place}`: {text}" for place, text in named] or ["None."]
    return "\n".join(lines) + "\n"


@click.command()
@click.argument("wanted", nargs=-1)
@click.option("--report", default="releases.md", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--workers", default=4, show_default=True, help="Tests at a time.")
def main(wanted: tuple[str, ...], report: Path, workers: int) -> None:
    """Try the newest releases, or those WANTED (grpcio==1.85.3 ...), and report what changes.

    Exits with 1 where a verdict or a block does not stand.
    """
    building = FOLDER / f"releases.{os.getpid()}"
    building.mkdir(parents=True)
    try:
        requirements = compiled(wanted, building)
        found = changes(pins((ROOT / "requirements.txt").read_text("utf-8")), pins(requirements))
        if not found:
            click.echo("the pinned releases are the newest")
            return
        click.echo(", ".join(map(str, found)))
        results = building / "results.xml"
        run = (*RUN, f"--numprocesses={workers}", f"--junit-xml={results}", "tests")
        code = subprocess.call([environment(requirements), *run], cwd=ROOT)
        if code > 1:
            sys.exit("the tests could not be run: see the lines above")
        failed = list(fallen(results))
    finally:
        shutil.rmtree(building)
    named = list(sentences(change.package for change in found))
    report.write_text(written(found, failed, named), "utf-8")
    said = f"{len(failed)} verdicts and blocks do not stand, {len(named)} sentences: see {report}"
    click.echo(said)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
