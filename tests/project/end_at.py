"""Start noxfile.py, and end it by a signal where a function of make_venv.py is called or returns.

Usage: python end_at.py SIGNAL call|return FUNCTION WHICH ARGUMENTS
"""

import os
import runpy
import signal
import sys
from pathlib import Path
from types import FrameType


def plant(number: signal.Signals, event: str, function: str, which: int) -> None:
    """Send this process the signal at the given event of a function, the first time or later."""
    left = [which]

    def look(frame: FrameType, happened: str, _: object) -> None:
        code = frame.f_code
        if (happened, code.co_name, Path(code.co_filename).stem) == (event, function, "make_venv"):
            left[0] -= 1
            if not left[0]:
                sys.setprofile(None)
                os.kill(os.getpid(), number)

    sys.setprofile(look)


if __name__ == "__main__":
    name, event, function, which, *arguments = sys.argv[1:]
    sys.argv = ["noxfile.py", *arguments]
    plant(signal.Signals[name], event, function, int(which))
    runpy.run_path("noxfile.py", run_name="__main__")
