"""Stores what the trials are made on: `python -m tests.evidence.measure.machine`.

How often a race is won depends on the machine, so a reader is told which one it was, without the
name that it has.
"""

import json
import platform
import re
from pathlib import Path

import psutil

from tests.evidence.record.environment import MACHINE


def this_machine() -> dict[str, str]:
    """Describe the machine that this runs on, without its name."""
    library, version = platform.libc_ver()
    return {
        "processor": processor(),
        "cores": str(psutil.cpu_count()),
        "memory": f"{psutil.virtual_memory().total / 1024**3:.0f} GiB",
        "system": platform.freedesktop_os_release()["PRETTY_NAME"],
        "kernel": f"{platform.system()} {platform.release()}",
        "C library": f"{library} {version}",
    }


def processor() -> str:
    """Return the processor's own name where the system says it, otherwise its architecture."""
    stated = Path("/proc/cpuinfo").read_text("utf-8")
    found = re.search(r"^model name\s*: (.*)$", stated, re.MULTILINE)
    return f"{found[1]}, {platform.machine()}" if found else platform.machine()


def store_machine(file: Path = MACHINE) -> None:
    """Store the description of this machine."""
    file.write_text(json.dumps(this_machine(), indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    store_machine()
