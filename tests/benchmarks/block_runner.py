"""CPU time of a block: forked from a process that has imported the client, or a new interpreter.

Run it with `python -m tests.benchmarks.block_runner`; `--help` lists the options.
"""

import sys
import tempfile
import time
from pathlib import Path

import click
import psutil
from rich.console import Console
from rich.progress import track
from rich.table import Table

from tests.runner import Command, ForkRunner, InterpreterRunner, Outcome, Runner

TARGET = 8.0
BLOCK = """\
from google.cloud import iam_credentials_v1

account = "ci-{number}@example.iam.gserviceaccount.com"
request = iam_credentials_v1.SignBlobRequest(name=f"projects/-/serviceAccounts/{{account}}")
assert request.name.endswith(account)
assert iam_credentials_v1.IAMCredentialsClient
"""


class Meter:
    """Counts the blocks that a runner runs, and the CPU time of all that takes part in it."""

    def __init__(self, runner: Runner) -> None:
        self.runner = runner
        self.blocks = 0
        self._here = 0.0
        self._supervisor: psutil.Process | None = None

    def run(self, script: Path) -> None:
        others = psutil.Process().children() if self._supervisor is None else []
        before = time.process_time()
        outcome = self.runner.run(Command(script, deadline=60)).outcome
        self._here += time.process_time() - before
        self.blocks += 1
        assert outcome == Outcome("ok"), outcome
        if self._supervisor is None:
            (guard,) = set(psutil.Process().children()) - set(others)
            (self._supervisor,) = guard.children()

    @property
    def seconds(self) -> float:
        """CPU seconds, user and system, of this process, the supervisor and all its runs."""
        assert self._supervisor is not None
        times = self._supervisor.cpu_times()
        return self._here + float(
            times.user + times.system + times.children_user + times.children_system
        )

    @property
    def each(self) -> float:
        return self.seconds / self.blocks


def table_of(fork: Meter, interpreter: Meter) -> Table:
    """Show what each way costs, the imports of the process that forks included."""
    shown = Table("a block runs in", "blocks", "CPU seconds", "CPU ms a block", "times less")
    ratio = interpreter.each / fork.each
    for name, meter, times in (
        ("a new interpreter", interpreter, ""),
        ("a fork of one that has imported the client", fork, f"{ratio:.1f}"),
    ):
        shown.add_row(
            name, str(meter.blocks), f"{meter.seconds:.2f}", f"{meter.each * 1000:.0f}", times
        )
    return shown


@click.command()
@click.option("--blocks", default=200, show_default=True, help="Blocks that import the client.")
@click.option("--sample", default=40, show_default=True, help="Of these, in a new interpreter too.")
def main(blocks: int, sample: int) -> None:
    """Compare the two runners on the same blocks, interleaved; fail below the target."""
    console = Console()
    with (
        tempfile.TemporaryDirectory() as folder,
        ForkRunner() as forking,
        InterpreterRunner() as starting,
    ):
        fork, interpreter = Meter(forking), Meter(starting)
        script = Path(folder) / "block.py"
        for number in track(range(blocks), "running blocks", console=console):
            script.write_text(BLOCK.format(number=number), "utf-8")
            fork.run(script)
            if number * sample // blocks != (number + 1) * sample // blocks:
                interpreter.run(script)
        console.print(table_of(fork, interpreter))
        ratio = interpreter.each / fork.each
    console.print(f"A new interpreter was started for a sample of {interpreter.blocks} blocks.")
    if ratio < TARGET:
        sys.exit(f"the fork saves {ratio:.1f} times, which is less than {TARGET:.0f}")


if __name__ == "__main__":
    main()
