"""Rules that each recipe and each broken twin keeps, read from its syntax tree."""

import pytest

from tests.book import BOOK
from tests.support.longest_call import unsaid

ADMIN = "from google.cloud import iam_admin_v1 as admin\n"
WITHOUT = "threads/set_deadlines_and_retries_broken"
"""The twin that is about the deadline, and has none."""
CREDENTIALS = "from google.cloud import iam_credentials_v1\n"


@pytest.mark.parametrize("file", BOOK.files())
def test_call_has_an_end_and_says_when(file: str) -> None:
    """`timeout=` bounds an attempt: what bounds the call is passed, too, or said beside it."""
    found = unsaid(BOOK.path(file).read_text("utf-8"))

    assert (file == WITHOUT) == bool(found), found


@pytest.mark.parametrize(
    "call",
    [
        CREDENTIALS + "client.sign_blob(name=name, timeout=10)  # at most 70 s",
        CREDENTIALS + "# at most 70 s a page\nclient.sign_blob(\n    name=name, timeout=10\n)",
        CREDENTIALS + "client.sign_blob(\n    timeout=10,  # at most 70 s\n)",
        CREDENTIALS + "client.sign_blob(name=name, timeout=10, retry=None)",
        CREDENTIALS + "program.communicate(timeout=10)",
        ADMIN + "client.sign_blob(name=name, timeout=10)  # at most 10 s",
    ],
)
def test_bound_is_passed_or_said(call: str) -> None:
    """A comment counts at the call, or in the line before; how often a client tries is its own."""
    assert [] == unsaid(call)


@pytest.mark.parametrize(
    "call",
    [
        "client.sign_blob(name=name, timeout=10)",
        "client.sign_blob(name=name, timeout=10)  # at most 60 s",
        "client.sign_blob(name=name, timeout=10)\n# at most 70 s",
        "# at most 70 s\n\nclient.sign_blob(name=name, timeout=10)",
        "await client().sign_blob(name=name, timeout=10)",
    ],
)
def test_bound_that_is_wrong_or_missing_is_found(call: str) -> None:
    """The line and the bound that holds are named."""
    number = 1 + next(n for n, line in enumerate(call.splitlines(), 1) if "sign_blob" in line)

    assert [f"line {number}: sign_blob takes at most 70 s"] == unsaid(CREDENTIALS + call)


@pytest.mark.parametrize("passed", ["", ", retry=None", ", timeout=None"])
def test_call_without_a_deadline_is_found(passed: str) -> None:
    """A retry alone ends nothing that hangs."""
    call = f"{CREDENTIALS}client.sign_blob(name=name{passed})  # at most 70 s"

    assert ["line 2: sign_blob has no timeout"] == unsaid(call)
