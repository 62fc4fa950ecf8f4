"""Findings as text, as SARIF, as annotations of GitHub.

What is shown is plain data without trees, so that it can be compared, sorted and marked as
suppressed. Lines and columns are those of an editor.
"""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from .findings import Rule, url

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
NAME = "find-shared-clients"


@dataclass(frozen=True)
class Place:
    """Where something stands; lines and columns start at 1."""

    path: str
    line: int
    column: int
    end_line: int
    end_column: int


@dataclass(frozen=True)
class Reported:
    """A finding, or with `rule` empty an error, as it is shown."""

    rule: str
    place: Place
    message: str
    url: str
    beside: Place | None = None
    suppressed: bool = False


def as_text(reported: Reported) -> str:
    place = reported.place
    rest = f" ({reported.url})" if reported.url else ""
    rule = reported.rule or "error"
    return (
        f"{place.path}:{place.line}:{place.column}: {rule}: {reported.message}{see(reported)}{rest}"
    )


def as_github(reported: Reported) -> str:
    """Return a command that GitHub Actions turns into an annotation of the line."""
    place = reported.place
    properties = {
        "file": place.path,
        "line": place.line,
        "col": place.column,
        "endLine": place.end_line,
        "endColumn": place.end_column,
        "title": f"{NAME}: {reported.rule or 'error'}",
    }
    listed = ",".join(f"{name}={property_of(value)}" for name, value in properties.items())
    address = f" {reported.url}" if reported.url else ""
    return f"::error {listed}::{escaped(reported.message + see(reported) + address)}"


def see(reported: Reported) -> str:
    return f" See {reported.beside.path}:{reported.beside.line}." if reported.beside else ""


def escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def property_of(value: object) -> str:
    return escaped(str(value)).replace(":", "%3A").replace(",", "%2C")


def as_sarif(
    findings: Iterable[Reported], errors: Sequence[Reported], rules: Iterable[Rule]
) -> str:
    """Return a log in the Static Analysis Results Interchange Format, version 2.1.0."""
    listed = [*rules]
    order = {rule.id: index for index, rule in enumerate(listed)}
    driver = {
        "name": NAME,
        "informationUri": url("safeguards/find-shared-clients"),
        "rules": [described(rule) for rule in listed],
    }
    invocation = {
        "executionSuccessful": not errors,
        "toolExecutionNotifications": [notification(error) for error in errors],
    }
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "invocations": [invocation],
        "results": [result(finding, order[finding.rule]) for finding in findings],
    }
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2)


def described(rule: Rule) -> dict[str, Any]:
    return {
        "id": rule.id,
        "shortDescription": {"text": f"Finds {plain(rule.finds)}."},
        "help": {"text": f"It does not see {plain(rule.misses)}."},
        "helpUri": url(rule.page),
        "defaultConfiguration": {"level": "error"},
    }


def notification(error: Reported) -> dict[str, Any]:
    return {
        "level": "error",
        "message": {"text": error.message},
        "locations": [location(error.place)],
    }


def result(finding: Reported, index: int) -> dict[str, Any]:
    made: dict[str, Any] = {
        "ruleId": finding.rule,
        "ruleIndex": index,
        "level": "error",
        "message": {"text": f"{finding.message} [What to do instead]({finding.url})"},
        "locations": [location(finding.place)],
        "partialFingerprints": {"sharedClient/v1": fingerprint(finding)},
    }
    if finding.beside:
        made["relatedLocations"] = [{"id": 1, **location(finding.beside)}]
    if finding.suppressed:
        made["suppressions"] = [{"kind": "inSource"}]
    return made


def location(place: Place) -> dict[str, Any]:
    return {
        "physicalLocation": {
            "artifactLocation": {"uri": quote(place.path)},
            "region": {
                "startLine": place.line,
                "startColumn": place.column,
                "endLine": place.end_line,
                "endColumn": place.end_column,
            },
        }
    }


def fingerprint(finding: Reported) -> str:
    """Name a finding by what stays when lines are added above it."""
    parts = (finding.rule, finding.place.path, finding.message)
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]


def plain(text: str) -> str:
    return text.replace("`", "")
