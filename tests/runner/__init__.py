"""Runs one Python file as a real `__main__` in a process of its own, and says its outcome."""

from tests.runner.outcome import Argument, Outcome, Printed, Run, answers, outcome_of_recipe
from tests.runner.runner import (
    Command,
    ForkRunner,
    InterpreterRunner,
    Runner,
    RunnerError,
)

__all__ = [
    "Argument",
    "Command",
    "ForkRunner",
    "InterpreterRunner",
    "Outcome",
    "Printed",
    "Run",
    "Runner",
    "RunnerError",
    "answers",
    "outcome_of_recipe",
]
