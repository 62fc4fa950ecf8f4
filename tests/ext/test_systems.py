"""Where a recipe runs follows from what it uses."""

import pytest

from _ext.systems import systems


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("import os\nos.getpid()", "uses nothing that macOS or Windows does not have"),
        ("import os\nos.fork()", "uses `os.fork`, which Windows does not have"),
        ("from os import fork", "uses `os.fork`, which Windows does not have"),
        ("import fcntl", "uses `fcntl`, which Windows does not have"),
        (
            'get_context("forkserver")',
            'uses `get_context("forkserver")`, which Windows does not have',
        ),
        ('METHOD = "fork"', 'uses `get_context("fork")`, which Windows does not have'),
        (
            'os.fork()\nPath("/proc/self/fd")',
            "uses `/proc/self/fd`, which macOS and Windows do not have",
        ),
        (
            "from select import epoll",
            "uses `select.epoll`, which macOS and Windows do not have",
        ),
    ],
)
def test_one_name_is_said_that_another_system_lacks(text: str, said: str) -> None:
    """What macOS lacks comes first, because Windows lacks it, too."""
    assert said == systems(text)
