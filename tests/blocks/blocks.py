"""Finds the blocks of a page with MyST's own parser, so that none is overlooked.

Pages keep to one dialect, which every tool reads alike: code in fences of three backticks,
directives in fences of colons. `Page.faults` says what does not.
"""

import re
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from textwrap import indent

from markdown_it.token import Token
from myst_parser.config.main import MdParserConfig
from myst_parser.mdit_to_docutils.base import DocutilsRenderer
from myst_parser.parsers.mdit import create_md_parser

from tests.book import ROOT

PAGES = ROOT / "docs"
README = ROOT / "README.md"
SETTINGS = {
    "python": {"expect", "start"},
    "bash": {"check"},
    "toml": set[str](),
    "yaml": set[str](),
    "json": set[str](),
    "ini": set[str](),
    "text": set[str](),
}
ALIASES = {
    "py": "python",
    "python3": "python",
    "pycon": "python",
    "pytb": "text",
    "console": "bash",
    "sh": "bash",
    "shell": "bash",
    "yml": "yaml",
}
CODE_DIRECTIVES = {"code", "code-block", "code-cell", "sourcecode", "eval-rst", "parsed-literal"}

PARSER = create_md_parser(
    MdParserConfig(enable_extensions={"attrs_block", "attrs_inline", "colon_fence", "deflist"}),
    DocutilsRenderer,
)
DIRECTIVE = re.compile(r"\{([\w:-]+)\}")
_SETTING = re.compile(r'(\w+)="([^"]*)"')
_INFO = re.compile(rf"\S+(\s+{_SETTING.pattern})*\s*")


class BlockError(Exception):
    """A block that a tool might read otherwise than its reader; the message says what to write."""


@dataclass(frozen=True)
class Block:
    """One fenced block: `line` is the opening fence's, from 1; its text is at `start:end`."""

    path: Path
    line: int
    info: str
    source: str
    indent: int
    start: int
    end: int

    @property
    def language(self) -> str:
        return self.info.split()[0] if self.info.split() else ""

    @property
    def settings(self) -> dict[str, str]:
        """Return the settings of the info string; BlockError if one is malformed or unknown."""
        if self.language not in SETTINGS:
            raise BlockError(_unknown_language(self.language))
        allowed = SETTINGS[self.language]
        found = _SETTING.findall(self.info)
        names = [name for name, _ in found]
        if (
            not _INFO.fullmatch(self.info)
            or not set(names) <= allowed
            or len(found) > len({*names})
        ):
            raise BlockError(
                f"the settings of {self.info!r} cannot be read; a {self.language} block may have "
                + (" and ".join(f'{name}="..."' for name in sorted(allowed)) or "none")
            )
        return dict(found)

    def __str__(self) -> str:
        return f"{name_of(self.path)}:{self.line}"


@dataclass
class Page:
    """A page's blocks in order, and what is wrong with it, each fault with its line."""

    path: Path
    blocks: list[Block] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    @classmethod
    def read(cls, path: Path) -> "Page":
        page = cls(path)
        page._walk(page.text, 0)
        for block in page.blocks:
            try:
                _ = block.settings
            except BlockError as error:
                page._fault(block.line, str(error))
        return page

    @cached_property
    def text(self) -> str:
        return self.path.read_text("utf-8")

    @cached_property
    def _starts(self) -> list[int]:
        """Where each line begins, and where the last one ends."""
        starts = [0]
        for line in self.text.splitlines(keepends=True):
            starts.append(starts[-1] + len(line))
        return starts

    def _walk(self, text: str, offset: int) -> None:
        """Look at Markdown that begins after `offset` lines of the page."""
        for token in PARSER.parse(text):
            if token.map is None:
                continue
            line = offset + token.map[0] + 1
            if token.type in {"fence", "colon_fence"}:
                self._fence(token, line)
            elif token.type == "code_block":
                self._fault(line, "code by indentation: write it in a fence of three backticks")
            elif token.type == "html_block" and re.search(r"```|~~~|<pre|<code", token.content):
                self._fault(line, "code in HTML: it is not shown or not checked; write a fence")

    def _fence(self, token: Token, line: int) -> None:
        assert token.map is not None
        directive = DIRECTIVE.match(token.info)
        if directive is None:
            self._code(token, line, token.map[1] - token.map[0])
        elif directive[1] in CODE_DIRECTIVES:
            self._fault(line, f"{{{directive[1]}}}: write a fence of three backticks instead")
        elif token.type == "fence":
            self._fault(line, f"{{{directive[1]}}} in {token.markup}: write directives with colons")
        else:
            self._walk(token.content, line)

    def _code(self, token: Token, line: int, height: int) -> None:
        if token.markup != "```":
            self._fault(line, f"a fence of {token.markup}: use exactly three backticks")
            return
        if token.attrs:
            self._fault(line, "settings in a line of their own: write them after the language")
        start, end = self._starts[line], self._starts[line + height - 2]
        raw = self.text[start:end]
        opening = self.text[self._starts[line - 1] : start]
        margin = len(opening) - len(opening.lstrip(" "))
        closing = self.text[end : self._starts[line + height - 1]].strip()
        if closing != "```" or _shape(indent(token.content, " " * margin)) != _shape(raw):
            self._fault(line, "a fence inside a quote, or never closed: write it plainly")
            return
        block = Block(self.path, line, token.info.strip(), token.content, margin, start, end)
        self.blocks.append(block)

    def _fault(self, line: int, message: str) -> None:
        self.faults.append(f"{name_of(self.path)}:{line}: {message}")


@cache
def find_pages(folder: Path = PAGES) -> tuple[Page, ...]:
    """Read every page under a folder once, in a stable order."""
    return tuple(Page.read(path) for path in sorted(folder.rglob("*.md")))


def name_of(path: Path) -> str:
    """Return a page's path as a reader of the repository writes it."""
    return path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else str(path)


def _shape(text: str) -> str:
    return re.sub(r"^[ \t]+$", "", text, flags=re.MULTILINE)


def _unknown_language(language: str) -> str:
    if language in ALIASES:
        return f"a block in {language!r}: write {ALIASES[language]!r}"
    known = ", ".join(SETTINGS)
    return (
        f"a block in {language or 'no language'!r}, which nothing checks: write one of {known} "
        "(text is for output), or teach tests/blocks/check.py the tool that its reader would use"
    )
