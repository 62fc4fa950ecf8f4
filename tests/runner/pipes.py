"""What a run reads and writes: its standard input, both outputs, and its report.

The supervisor holds one end of each and the run the other; both must let go of the end that is
not theirs, or nobody would ever see an end of file.
"""

import os
from collections.abc import Iterator

from tests.runner.output import Output
from tests.runner.protocol import Request
from tests.runner.source import Source

KEPT = 1 << 19  # bytes kept of the beginning and of the end of each output
KEPT_OF_REPORT = 1 << 22


class Pipes:
    """The pipes of one run, made before it is forked."""

    def __init__(self, request: Request) -> None:
        self.source = Source(request["stdin"], request["ahead"])
        self.out = Output(KEPT)
        self.err = Output(KEPT)
        self.report = Output(KEPT_OF_REPORT)

    def __iter__(self) -> Iterator[Output]:
        return iter((self.out, self.err, self.report))

    def become_standard(self) -> int:
        """In the run: make them the descriptors 0, 1 and 2; return the report's."""
        self.source.close()
        standard = self.source.descriptor, self.out.sink, self.err.sink
        for number, descriptor in enumerate(standard):
            os.dup2(descriptor, number)
            os.close(descriptor)
        for output in self:
            os.close(output.source)
        return self.report.sink

    def leave_to_run(self) -> None:
        """In the supervisor: close the ends of the run."""
        os.close(self.source.descriptor)
        for output in self:
            os.close(output.sink)

    def answer(self) -> None:
        """Send what may be read after what has been written."""
        self.source.answered(self.out.lines + self.err.lines)

    def close(self) -> None:
        """In the supervisor: read what is left, and close its own ends."""
        self.source.close()
        for output in self:
            output.drain()
            os.close(output.source)
