"""What a program wrote when it failed: that of a broken twin is kept for its page.

A trial stores an outcome and no text; a rare failure may not come again, so what a recipe wrote is
said while it is measured.
"""

import re
import sysconfig
from pathlib import Path
from textwrap import shorten

from tests.book import ROOT, is_twin
from tests.evidence.record.cells import NOT_OFFERED
from tests.evidence.record.environment import is_pinned
from tests.evidence.record.trials import Trial
from tests.runner import Run

SAID = 1000
"""Characters of what a recipe that failed wrote."""


def keep_output(trial: Trial, run: Run, outputs: Path) -> None:
    """Keep what a broken twin wrote when it failed, for its page."""
    failed = is_twin(trial.file) and trial.outcome != "ok"
    if not (failed and trial.process == "new" and is_pinned(trial.environment)):
        return
    variant = trial.environment.start_method
    if trial.environment.fork_support != "unset":
        variant += f".{trial.environment.fork_support}"
    output = outputs / f"{trial.file}.{variant}.txt"
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(telling(trial, run), "utf-8")


def failure_of_recipe(trial: Trial, run: Run) -> str | None:
    """Say what a recipe that failed wrote, which its trial does not store.

    Returns None where a release does not offer what it uses, and for a broken twin, which is to
    fail.
    """
    if trial.outcome in {"ok", *NOT_OFFERED} or is_twin(trial.file):
        return None
    where = trial.environment
    releases = (
        f"grpcio {where.grpcio}, google-cloud-iam {where.google_cloud_iam}, Python {where.python}"
    )
    said = shorten(telling(trial, run), SAID, placeholder=" ...")
    return f"{trial.file} was {trial.outcome} with {releases}: {said}"


def telling(trial: Trial, run: Run) -> str:
    """Return what a run wrote to its standard error; of a hang, one stack of all."""
    text = stack_of_a_hang(run.stderr) if trial.outcome == "hang" else run.stderr
    return without_this_machine(text)


def stack_of_a_hang(text: str) -> str:
    """Return what came before the stacks of a hang, and one of a main thread that waits.

    One that waits in gRPC comes first, then one that waits in a recipe, then any.
    """
    before, *stacks = re.split(r"^(?=(?:Current thread|Thread) 0x)", text, flags=re.MULTILINE)
    main = [stack for stack in stacks if stack.startswith("Current")]
    preferred = [
        stack for frame in ("grpc/_channel.py", "recipes/", "") for stack in main if frame in stack
    ]
    return before + "".join(preferred[:1])


def without_this_machine(text: str) -> str:
    """Shorten the paths of a traceback to those that each reader has, without the runner's."""
    paths = sysconfig.get_paths()
    for folder in (paths["purelib"], paths["platlib"], paths["stdlib"], str(ROOT)):
        text = text.replace(f"{folder}/", "")
    return re.sub(r'^ *File "tests/runner/.*\n', "", text, flags=re.MULTILINE)
