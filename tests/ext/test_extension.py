"""The extension as a whole."""

import subprocess
import sys
from pathlib import Path

import _ext
from tests.book import ROOT

LOADED = """
import sys
sys.path[:0] = {path!r}
from importlib import import_module
for module in {modules!r}:
    import_module(f"_ext.{{module}}")
print(*sorted(sys.modules), sep="\\n")
"""
FORBIDDEN = ("tests.evidence.measure", "tests.evidence.fork_matrix.measure", "tests.runner")
"""What runs programs: a page is drawn from what is stored."""


def test_site_is_built_without_what_measures() -> None:
    """All modules of the extension load nothing that starts a trial."""
    path = [str(ROOT), str(ROOT / "docs")]
    program = LOADED.format(path=path, modules=_ext.MODULES)
    command = [sys.executable, "-c", program]
    run = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    loaded = run.stdout.split()

    assert "tests.evidence.record.store" in loaded
    assert [] == [
        name
        for name in loaded
        if any(name == each or name.startswith(f"{each}.") for each in FORBIDDEN)
    ]


def test_every_module_that_registers_something_is_set_up() -> None:
    """None is forgotten, and none is named that registers nothing."""
    modules = Path(_ext.__file__).parent.glob("[a-z]*.py")
    registering = [path.stem for path in modules if "\ndef setup(" in path.read_text("utf-8")]

    assert sorted(registering) == [*_ext.MODULES]
