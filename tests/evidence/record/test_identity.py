"""What makes two trials trials of the same program."""

import json
import os
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

from tests.book import BOOK
from tests.evidence.record import identity
from tests.evidence.record.identity import program_of

PROGRAM = '''\
"""Print what is given."""

import sys


class Greeter:
    """Greets."""

    async def wait(self) -> None:
        """Do nothing."""
        await self.later()

    def greet(self, name: str, times: int = 2) -> str:
        """Return the greeting."""
        return f"hello {name!r:>{times}}" * times  # often


print(Greeter().greet(sys.argv[1]))
'''
ALIKE = {
    "comment": ("  # often", "  # as often as is wanted"),
    "comment added": ("import sys\n", "# why\nimport sys  # for its arguments\n"),
    "docstring of the module": ("Print what is given.", "Print a greeting."),
    "docstring of a class": ("Greets.", "Greets whoever is named."),
    "docstring of a function": ("Return the greeting.", "Return it."),
    "docstring of a coroutine": ("Do nothing.", "Wait."),
    "quotes": ("""f"hello {name!r:>{times}}\"""", """f'hello {name!r:>{times}}'"""),
    "blank lines": ("\n\n\n", "\n\n"),
    "line broken": ("greet(sys.argv[1])", "greet(\n    sys.argv[1],\n)"),
    "parentheses": ("await self.later()", "await (self.later())"),
    "concatenated": ('"hello {name', '"" f"hello {name'),
}
OTHER = {
    "constant": ("times: int = 2", "times: int = 3"),
    "type of a constant": ("times: int = 2", "times: int = 2.0"),
    "truth for one": ("times: int = 2", "times: int = True"),
    "text": ("hello", "Hello"),
    "bytes": ("name!r:>{times}", "name!s:>{times}"),
    "format": ("!r:>{times}", "!r:<{times}"),
    "name": ("greet", "salute"),
    "annotation": ("-> str", "-> object"),
    "annotation that is gone": (" -> str", ""),
    "order": ("name: str, times: int = 2", "times: str, name: int = 2"),
    "keyword only": ("name: str, times", "name: str, *, times"),
    "operator": ("* times", "+ times"),
    "coroutine": ("async def wait", "def wait"),
    "base class": ("class Greeter:", "class Greeter(dict):"),
    "import under another name": ("import sys\n", "import sys as sys\n"),
    "statement added": ("import sys\n", "import sys\n\npass\n"),
    "statement moved into a block": ("\n\nprint", "\n    print"),
    "text that is no docstring": ("import sys\n", 'import sys\n\n"""Why."""\n'),
}


def digits(folder: Path, text: str) -> str:
    """Return what names a program."""
    program = folder / "program.py"
    program.write_text(text, "utf-8")
    return program_of(program)


@pytest.mark.parametrize("change", ALIKE)
def test_edit_of_prose_costs_no_trial(tmp_path: Path, change: str) -> None:
    """Comments, docstrings and formatting are not the program."""
    old, new = ALIKE[change]
    assert old in PROGRAM

    assert digits(tmp_path, PROGRAM) == digits(tmp_path, PROGRAM.replace(old, new))


def test_docstrings_may_come_and_go(tmp_path: Path) -> None:
    """A program without any is the same."""
    bare = "\n".join(line for line in PROGRAM.splitlines() if '"""' not in line)

    assert digits(tmp_path, PROGRAM) == digits(tmp_path, bare)


@pytest.mark.parametrize("change", OTHER)
def test_edit_of_code_makes_another_program(tmp_path: Path, change: str) -> None:
    """Its trials are counted anew."""
    old, new = OTHER[change]
    edited = PROGRAM.replace(old, new)
    assert edited != PROGRAM

    assert digits(tmp_path, PROGRAM) != digits(tmp_path, edited)


def test_every_program_of_the_book_has_digits_of_its_own() -> None:
    """No two files are the same program: a twin differs from its recipe in more than its prose."""
    programs = {file: program_of(BOOK.path(file)) for file in BOOK.files()}

    assert len(programs) == len({*programs.values()})


def test_what_is_no_program_is_an_error(tmp_path: Path) -> None:
    """It has no name that a trial could be stored by."""
    with pytest.raises(SyntaxError):
        digits(tmp_path, "def broken(:\n")


def interpreters() -> list[Path]:
    """List those of this machine that a recipe runs with: this one, and a version manager's."""
    versions = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"), "versions")
    minors = range(10, 16)
    found = [path for minor in minors for path in versions.glob(f"3.{minor}.*/bin/python")]
    return [Path(sys.executable), *found]


NAMES_PROGRAMS = dedent("""
    import importlib.util
    import json
    import sys
    from pathlib import Path

    spec = importlib.util.spec_from_file_location("identity", sys.argv[1])
    identity = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(identity)
    print(json.dumps({each: identity.program_of(Path(each)) for each in sys.argv[2:]}))
""")
"""A program that needs nothing but `identity` and the standard library."""


@pytest.mark.parametrize("python", interpreters(), ids=str)
def test_digits_are_the_same_under_each_python(tmp_path: Path, python: Path) -> None:
    """A trial that one of them made has its say on all."""
    here = tmp_path / "program.py"
    here.write_text(PROGRAM + 'print("café\\u1234 \\U0001fae8")\n', "utf-8")
    programs = [here, *(BOOK.path(file) for file in BOOK.files())]
    answer = subprocess.check_output(
        [python, "-I", "-c", NAMES_PROGRAMS, identity.__file__, *programs], cwd=tmp_path, text=True
    )

    assert {str(path): program_of(path) for path in programs} == json.loads(answer)
