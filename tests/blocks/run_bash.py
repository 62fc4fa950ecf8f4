"""Becomes Bash, so that a runner can run a block of commands like a script: `run_bash.py FILE`."""

import os
import signal
import sys

if __name__ == "__main__":
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    os.execvp("bash", ["bash", "-e", "-o", "pipefail", sys.argv[1]])  # noqa: S606
