"""The rules, a file each: its text, its page and its check.

A new rule is a file with a `RULE` and its name in the list below. Their order is that of the
table of the page and of the SARIF log, where a rule keeps its number.
"""

from importlib import import_module

from ..findings import Rule

FILES = (
    "client_at_import",
    "client_before_fork",
    "cached_client",
    "close_then_fork",
    "client_as_argument",
    "captured_client",
    "pickled_client",
    "fork_beside_client",
    "fork_beside_threads",
    "forking_subprocess",
    "preload_app",
    "preload_forkserver",
    "fork_support_in_code",
    "async_client_at_import",
    "unused_suppression",
)


def rule_of(file: str) -> Rule:
    rule: Rule = import_module(f".{file}", __package__).RULE
    return rule


RULES = {rule.id: rule for rule in map(rule_of, FILES)}
