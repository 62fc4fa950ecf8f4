"""What a run writes to a pipe, read as it comes and bounded in memory.

A run may print without end, and what is told of it is its beginning, where it says what it does,
and its end, where it says why it failed.
"""

import contextlib
import os


class Output:
    """A pipe that is never full: all is read; `kept` bytes of the beginning and of the end stay."""

    def __init__(self, kept: int) -> None:
        self.source, self.sink = os.pipe()
        os.set_blocking(self.source, False)
        self.size = self.lines = 0
        self._kept = kept
        self._head = bytearray()
        self._tail = bytearray()

    def drain(self) -> bool:
        """Read what is there now; return False at the end."""
        with contextlib.suppress(BlockingIOError):
            while data := os.read(self.source, 1 << 16):
                self._keep(data)
            return False
        return True

    def text(self) -> str:
        """Return what was kept, with a line in between that says how much was left out."""
        left_out = self.size - len(self._head) - len(self._tail)
        gap = f"\n[{left_out} bytes left out]\n".encode() if left_out else b""
        return (self._head + gap + self._tail).decode(errors="replace")

    def _keep(self, data: bytes) -> None:
        self.size += len(data)
        self.lines += data.count(b"\n")
        room = self._kept - len(self._head)
        self._head += data[:room]
        self._tail += data[room:]
        del self._tail[: -self._kept]
