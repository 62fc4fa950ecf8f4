"""The standard input of a run: all of a text at once, or line by line as lines are answered.

A text at once is a file, which no script can be too slow to read. A script that is to read no more
than it can answer is shown to do so by a writer that waits, as one at the other end of a pipe does.
"""

import contextlib
import os
import tempfile


class Source:
    """A text to read from `descriptor`.

    With `ahead`, no more than so many lines are there that were not yet answered by a line.
    """

    def __init__(self, text: str, ahead: int | None) -> None:
        self._ahead = ahead
        self._sent = 0
        self._lines: list[bytes] = []
        self._sink: int | None = None
        if ahead is None:
            self.descriptor = _file_of(text)
        else:
            self.descriptor, self._sink = os.pipe()
            os.set_blocking(self._sink, False)
            self._lines = [f"{line}\n".encode() for line in text.splitlines()]

    def answered(self, lines: int) -> None:
        """Send what may be sent after so many lines of answers; end the input after its last."""
        if self._sink is None or self._ahead is None:
            return
        with contextlib.suppress(BrokenPipeError, BlockingIOError):
            while self._sent < min(lines + self._ahead, len(self._lines)):
                os.write(self._sink, self._lines[self._sent])
                self._sent += 1
        if self._sent == len(self._lines):
            self.close()

    def hold(self) -> None:
        """Send no more, and leave the input open."""
        self._ahead = None

    def close(self) -> None:
        """End the input."""
        if self._sink is not None:
            os.close(self._sink)
            self._sink = None


def _file_of(text: str) -> int:
    with tempfile.TemporaryFile() as file:
        file.write(text.encode())
        file.seek(0)
        return os.dup(file.fileno())
