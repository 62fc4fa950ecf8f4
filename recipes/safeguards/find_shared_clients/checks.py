"""From files to findings as they are shown: parse, gather the facts, ask the rules.

Rules that are off are not asked, as no rule needs another to have run. A file that cannot be
read is reported and the others are checked all the same.
"""

import ast
import sys
from collections.abc import Iterable
from pathlib import Path

from .facts import gather
from .files import shown
from .findings import Finding, Rule, url
from .reports import Place, Reported
from .rules import RULES
from .settings import Settings
from .source.code_base import CodeBase
from .source.module import Module, Spot
from .source.reader import parse
from .suppressions import suppressed


def read(files: Iterable[Path]) -> tuple[list[Module], list[Reported]]:
    """Parse files; one that cannot be parsed is an error, and the others go on."""
    modules: list[Module] = []
    errors: list[Reported] = []
    for file in files:
        try:
            modules.append(parse(file.resolve(), shown(file)))
        except SyntaxError as error:
            python = f"{sys.version_info.major}.{sys.version_info.minor}"
            text = f"this is no Python {python}: {error.msg}"
            errors.append(error_in(file, text, error.lineno or 1, max(error.offset or 1, 1)))
        except (OSError, ValueError, RecursionError, MemoryError) as error:
            errors.append(error_in(file, f"not read: {error}"))
    return modules, errors


def error_in(file: Path, text: str, line: int = 1, column: int = 1) -> Reported:
    where = Place(shown(file), line, column, line, column)
    return Reported("", where, " ".join(text.split()), "")


def check(modules: list[Module], settings: Settings) -> list[Reported]:
    """Return the findings of the rules that are on, suppressed ones included, in order."""
    code = CodeBase(modules)
    facts = gather(code, start_method=settings.start_method, clients=settings.clients)
    by_module: dict[Module, list[Reported]] = {module: [] for module in modules}
    for rule in RULES.values():
        if rule.id in settings.rules:
            for finding in rule.findings(facts):
                by_module[finding.spot.module].append(reported(finding, rule))
    found = [each for module in modules for each in suppressed(module, by_module[module], settings)]
    return sorted(
        found, key=lambda each: (each.place.path, each.place.line, each.place.column, each.rule)
    )


def reported(finding: Finding, rule: Rule) -> Reported:
    beside = place(finding.beside) if finding.beside else None
    page = url(finding.page or rule.page)
    return Reported(rule.id, place(finding.spot), finding.message, page, beside)


def place(spot: Spot) -> Place:
    module, node = spot.module, spot.node
    assert isinstance(node, ast.expr | ast.stmt)
    end_line = node.end_lineno or node.lineno
    end_column = module.column(end_line, node.end_col_offset or node.col_offset)
    return Place(
        module.shown, node.lineno, module.column(node.lineno, node.col_offset), end_line, end_column
    )
