"""Measure the fork matrix: releases of grpcio x states of the parent x uses in the child.

Usage: python -m tests.evidence.fork_matrix.measure --grpcio 1.85.1 --trials 20

Each release gets an environment of its own. Every trial is stored as it ends, and a command that
was interrupted goes on where it stopped.
"""

import contextlib
import json
import os
import platform
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from queue import SimpleQueue
from threading import Lock

import click

from recipes.testing.local_iam import LocalIAM
from tests.evidence import environments
from tests.evidence.environments import Interpreter, Wanted, build, today
from tests.evidence.fork_matrix.trials import (
    PROBE,
    ForkTrial,
    NotInstalled,
    Setting,
    append,
    probe_sha,
    read,
    read_trials,
)
from tests.evidence.measure import JOBS, LOOK, progress, wait_for_idle_processors
from tests.evidence.plan import TRIALS
from tests.evidence.trials import FORK_SUPPORT

RELEASES = (
    "1.48.2",
    "1.54.3",
    "1.60.2",
    "1.67.1",
    "1.71.2",
    "1.73.1",
    "1.76.0",
    "1.78.1",
    "1.78.2",
    "1.80.0",
    "1.80.1",
    "1.82.3",
    "1.85.1",
    "1.85.3",
)
CELLS = (
    ("imported", "fresh"),
    ("constructed", "fresh"),
    ("idle", "fresh"),
    ("idle", "reuse"),
    ("busy", "none"),
    ("busy", "fresh"),
    ("busy", "reuse"),
    ("closed", "fresh"),
    ("aio", "fresh"),
    ("aio", "fresh-aio"),
)
"""States of the parent, each with what its child does."""
PATIENCE = 180.0
"""Seconds, far beyond the limits of the probe."""


class NoForkError(Exception):
    """The parent ended, or was still not ready at the limit, before it forked."""


def missing(
    settings: Sequence[Setting], trials: int, stored: Iterable[ForkTrial]
) -> Iterator[Setting]:
    """Yield each trial that is not stored yet: first one of every setting, then another."""
    done = Counter(trial.setting for trial in stored)
    for number in range(trials):
        yield from (setting for setting in settings if done[setting] <= number)


def try_once(setting: Setting, interpreter: Interpreter, local_iam: LocalIAM) -> ForkTrial:
    """Run the probe once.

    Raises NoForkError with what it wrote where it came to no fork.
    """
    variables = {k: v for k, v in os.environ.items() if not k.startswith(("GRPC_", "PYTHON"))}
    if setting.fork_support != "unset":
        variables["GRPC_ENABLE_FORK_SUPPORT"] = setting.fork_support
    with subprocess.Popen(
        [interpreter.path, PROBE, setting.parent, setting.child],
        env={**variables, **local_iam.environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
    ) as probe:
        try:
            out, err = probe.communicate(timeout=PATIENCE)
        finally:
            probe.terminate()  # its answer to this is to kill what it started
    if probe.returncode:
        raise NoForkError(f"no fork with {setting}:\n{err[-2000:]}")
    return ForkTrial(**json.loads(out), system=platform.system(), probe=probe_sha(), date=today())


def at_a_time(
    jobs: int, todo: Sequence[Setting], interpreters: dict[tuple[str, str], Interpreter]
) -> Iterator[ForkTrial | NoForkError]:
    """Try the settings, so many at a time, each with a local IAM that no other trial uses."""
    with contextlib.ExitStack() as stack:
        idle: SimpleQueue[LocalIAM] = SimpleQueue()
        for _ in range(min(jobs, len(todo))):
            idle.put(stack.enter_context(LocalIAM()))
        starting = Lock()

        def try_with_an_idle_one(setting: Setting) -> ForkTrial | NoForkError:
            local_iam = idle.get()
            try:
                with starting:
                    wait_for_idle_processors(LOOK)
                return try_once(setting, interpreters[setting.python, setting.grpcio], local_iam)
            except NoForkError as error:
                return error
            finally:
                idle.put(local_iam)

        threads = stack.enter_context(ThreadPoolExecutor(jobs))
        stack.callback(threads.shutdown, cancel_futures=True)
        futures = [threads.submit(try_with_an_idle_one, setting) for setting in todo]
        for future in progress(as_completed(futures), len(todo), "forks"):
            yield future.result()


@click.command()
@click.option("--grpcio", multiple=True, default=RELEASES, help="Releases, such as 1.85.1.")
@click.option("--python", multiple=True, default=["3.10"], help="As `uv venv --python` takes it.")
@click.option("--trials", default=TRIALS, show_default=True, help="Trials of each setting.")
@click.option("--fork-support", multiple=True, type=click.Choice(FORK_SUPPORT), default=["unset"])
@click.option(
    "--cell",
    multiple=True,
    type=click.Choice([f"{parent}:{child}" for parent, child in CELLS]),
    help="A state of the parent with a use in the child; all if none is named.",
)
@click.option("--jobs", default=JOBS, show_default=True, help="Trials at a time.")
def main(
    grpcio: tuple[str, ...],
    python: tuple[str, ...],
    trials: int,
    fork_support: tuple[str, ...],
    cell: tuple[str, ...],
    jobs: int,
) -> None:
    """Fork, in environments of their own, and store what became of child and parent."""
    interpreters: dict[tuple[str, str], Interpreter] = {}
    for release in grpcio:
        for request in python:
            built = build(Wanted(request, release))
            if isinstance(built, environments.NotInstalled):
                if (release, request) not in {(it.grpcio, it.python) for it in read()}:
                    append(NotInstalled(request, release, built.reason, built.date))
                click.echo(f"grpcio {release} on Python {request}: {built.reason}")
            else:
                interpreters[built.python, built.grpcio] = built
    settings = [
        Setting(interpreter.python, interpreter.grpcio, support, parent, child)
        for interpreter in interpreters.values()
        for support in fork_support
        for parent, child in CELLS
        if not cell or f"{parent}:{child}" in cell
    ]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # trials under way end before
    failed = 0
    for trial in at_a_time(jobs, list(missing(settings, trials, read_trials())), interpreters):
        if isinstance(trial, NoForkError):
            failed += 1
            click.echo(trial, err=True)
        else:
            append(trial)
    sys.exit(f"{failed} without a fork; the same command tries them again" if failed else 0)


if __name__ == "__main__":
    main()
