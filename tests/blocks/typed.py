"""Finds the versions, frequencies and dates that somebody typed into the prose of a page.

Prose is what MyST's parser reads as text: of paragraphs, headings, list items and cells. Code,
addresses, the arguments and options of directives and what a role draws are none.
"""

import re
from collections.abc import Iterator

from markdown_it.token import Token

from tests.blocks.blocks import DIRECTIVE, PARSER

NOT_TYPED = re.compile(r"https?://\S+|\bHTTP/\d(?:\.\d)?|\b127\.0\.0\.1\b")
"""Names with numbers in them, which no data can change: addresses, and a protocol."""
CODE, DRAWN = "\ufffc", "\ufffd"
"""What stands in prose for inline code, and for what a role draws."""
OPTIONS = re.compile(r"\A(?::[\w-]+:.*\n)+")
PROSELESS = {"raw", "toctree"}

MONTH = r"(?:January|February|March|April|May|June|July|August|September|October|November|December)"
DATE = (
    r"\b\d{4}-\d\d(?:-\d\d)?\b",
    rf"\b(?:\d\d?\.? )?{MONTH} (?:\d\d?, )?\d{{4}}\b",
    rf"\b\d\d?\.? {MONTH}\b|\b{MONTH} \d\d?\b",
    r"(?<![\d.,#])20[1-3]\d\b",
)
NUMBER = r"\d(?:[\d,.]*\d)?"
SEVERAL = (
    r"(?:two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|(?:thir|four|fif|six|seven|eigh"
    r"|nine)teen|(?:twen|thir|for|fif|six|seven|eigh|nine)ty|hundred|thousand|million)"
)
AMONG = r"\s+(?:(?:times|runs|trials)\s+)?(?:out\s+)?"
FREQUENCY = (
    rf"\b{NUMBER}\s*(?:%|per ?cent\b)",
    rf"\b{NUMBER}{AMONG}of\s+(?:{NUMBER}|{DRAWN})",
    rf"{DRAWN}{AMONG}of\s+{NUMBER}",
    rf"\b{NUMBER}\s+in\s+(?:every\s+|a\s+)?{NUMBER}",
    rf"\b{SEVERAL}{AMONG}of\s+{SEVERAL}\b",
    rf"\b(?:one|{SEVERAL})\s+in\s+(?:every\s+|a\s+)?{SEVERAL}\b",
    rf"\b{NUMBER}\s+(?:trials|runs|forks|times)\b",
)
SOFTWARE = r"(?:Python|CPython|grpcio|gRPC|google-[a-z-]+|versions?|releases?)"
DOTTED = r"\bv?\d+(?:\.\d+)+(?:(?:a|b|rc|\.dev|\.post)\d+)?(?:\.x)?\b"
VERSION = (
    rf"(?:{SOFTWARE}\s+)?{DOTTED}(?:\s+(?:to|and|or)\s+{DOTTED})*",
    rf"\b{SOFTWARE}\s+\d+\b",
)
TYPED = re.compile("|".join((*DATE, *FREQUENCY, *VERSION)), re.IGNORECASE)


def typed(text: str, offset: int = 0) -> Iterator[tuple[int, str]]:
    """Yield the line and the words of each version, frequency and date in the prose of Markdown."""
    for token in PARSER.parse(text):
        if token.map is None:
            continue
        line = offset + token.map[0] + 1
        directive = DIRECTIVE.match(token.info)
        if token.type == "inline":
            prose = NOT_TYPED.sub(CODE, "".join(map(_as_prose, token.children or ())))
            for found in TYPED.finditer(prose):
                words = found[0].replace(DRAWN, "{role}")
                yield line + prose.count("\n", 0, found.start()), " ".join(words.split())
        elif token.type == "colon_fence" and directive and directive[1] not in PROSELESS:
            yield from typed(OPTIONS.sub(_blank, token.content), line)


def _as_prose(token: Token) -> str:
    """Return what a reader reads of a part of a paragraph, with a sign for what is no prose."""
    if token.type in {"softbreak", "hardbreak"}:
        return "\n"
    if token.type in {"code_inline", "html_inline"}:
        return CODE
    if token.type == "myst_role":
        return DRAWN
    return token.content


def _blank(options: re.Match[str]) -> str:
    return "\n" * options[0].count("\n")
