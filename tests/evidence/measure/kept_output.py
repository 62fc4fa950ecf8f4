"""What a program wrote when it failed: that of a broken twin is kept for its page."""

import re
import sysconfig

from tests.evidence.trials import OUTPUTS, ROOT, Trial
from tests.evidence.verdicts import is_pinned
from tests.runner import Run


def keep_output(trial: Trial, run: Run) -> None:
    """Keep what a broken twin wrote when it failed, for its page."""
    twin = trial.file.endswith("_broken") and trial.outcome != "ok"
    if not (twin and trial.process == "new" and is_pinned(trial.environment)):
        return
    variant = trial.environment.start_method
    if trial.environment.fork_support != "unset":
        variant += f".{trial.environment.fork_support}"
    output = OUTPUTS / f"{trial.file}.{variant}.txt"
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(telling(trial, run), "utf-8")


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
