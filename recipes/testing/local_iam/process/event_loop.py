"""The event loop of the process, which waits as long as it is told to.

Each latency and each distance that a test asks for is a wait of this loop; epoll would round it up.
"""

import asyncio
import select
import selectors
import sys
from collections.abc import Coroutine
from functools import partial


class ExactSelector(selectors.DefaultSelector):
    """Waits as long as it is told to: epoll itself rounds up to a whole millisecond."""

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Wait for the kernel's own descriptor of what is waited for, then ask what it is."""
        if timeout is not None and timeout > 0:
            select.select([self], [], [], timeout)
            timeout = 0
        return super().select(timeout)


def run(main: Coroutine[None, None, None]) -> None:
    """Run until it is done, where it can be with latencies that are not rounded."""
    if sys.version_info < (3, 11) or sys.platform != "linux":
        asyncio.run(main)
    else:
        factory = partial(asyncio.SelectorEventLoop, ExactSelector())
        with asyncio.Runner(loop_factory=factory) as runner:
            runner.run(main)
