"""What a run reports about itself, beside its outputs: what it printed where, what it raised.

The descriptor of the report is open in the run, whose code can write anything to it.
So each line is judged: one that is no message is counted, and never trusted.
"""

import contextlib
import json
from dataclasses import dataclass, field
from typing import Any

Line = tuple[int, str, list[tuple[str, bool]]]


@dataclass
class Report:
    """The messages of a run; `foreign` counts lines that are none."""

    raised: str | None = None
    printed: list[Line] = field(default_factory=list)
    foreign: int = 0

    def note(self) -> str:
        """Say what was not understood, as a line to be read after what the run wrote."""
        if not self.foreign:
            return ""
        return f"[the run wrote {self.foreign} lines to its report that are no messages]\n"


def read_report(text: str) -> Report:
    """Read lines of JSON, of which the last may be cut off."""
    report = Report()
    for line in text.split("\n"):
        if not line:
            continue
        message = _message(line)
        if "line" in message:
            report.printed.append((message["line"], message["sep"], message["args"]))
        elif "raised" in message:
            report.raised = report.raised or message["raised"]
        else:
            report.foreign += 1
    return report


def _message(line: str) -> dict[str, Any]:
    """Return the message of a line, or none of its fields."""
    with contextlib.suppress(ValueError, RecursionError, TypeError):
        message: dict[str, Any] = json.loads(line)
        match message:
            case {"raised": None | str()}:
                return message
            case {"line": int(), "sep": str(), "args": list(args)}:
                if all(_is_value(*each) for each in args):
                    return message
    return {}


def _is_value(text: object, is_str: object) -> bool:
    return isinstance(text, str) and isinstance(is_str, bool)
