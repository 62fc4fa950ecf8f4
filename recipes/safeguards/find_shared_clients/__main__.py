# /// script
# requires-python = ">=3.10"
# dependencies = ["click>=8", "tomli>=2; python_version < '3.11'"]
# ///
"""Find clients that processes would share: `uv run find_shared_clients/__main__.py PATHS`.

`python -m find_shared_clients PATHS` and `python find_shared_clients PATHS` do the same.
"""

import sys
from pathlib import Path
from runpy import run_module

if __package__:
    from .command_line import main

    main(prog_name="find-shared-clients")
elif __name__ == "__main__":  # started as a file or as a folder: its parent has the package
    folder = Path(__file__).resolve().parent
    sys.path[0] = str(folder.parent)
    run_module(folder.name, run_name="__main__", alter_sys=True)
