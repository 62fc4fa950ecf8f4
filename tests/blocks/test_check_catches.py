"""The check of the pages notices what it must; each page here is wrong in one way."""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import dedent
from typing import Any

import psutil
import pytest
from pytest_examples import EvalExample

from tests.blocks.blocks import Page
from tests.blocks.check import Checker
from tests.book import ROOT, START_METHODS
from tests.runner import ForkRunner, InterpreterRunner, Runner

Check = Callable[..., list[str]]
"""Checks each block of the text of a page; returns the outcomes, or fails like a page's test.

Options are those of the checker.
"""

GUARDED_POOL = """
```python start="{method}"
from concurrent.futures import ProcessPoolExecutor


def square(number: int) -> int:
    return number * number


if __name__ == "__main__":
    with ProcessPoolExecutor(2) as pool:
        print(list(pool.map(square, [1, 2, 3])))
        #> [1, 4, 9]
```
"""


@pytest.fixture(scope="module", params=[ForkRunner, InterpreterRunner])
def runner(request: pytest.FixtureRequest) -> Iterator[Runner]:
    """Run with both runners."""
    with request.param(environment={"PYTHONPATH": str(ROOT)}) as runner:
        yield runner


@pytest.fixture
def check(runner: Runner, tmp_path: Path, eval_example: EvalExample) -> Iterator[Check]:
    """Check pages, and demand afterwards that nothing of them is running."""
    page = tmp_path / "page.md"

    def check(text: str, **options: Any) -> list[str]:
        page.write_text(text, "utf-8")
        blocks = Page.read(page).blocks
        assert blocks
        checker = Checker(runner, eval_example, {}, tmp_path, **options)
        return [str(checker.check(block)) for block in blocks]

    yield check
    assert [] == [each for each in psutil.process_iter() if runs_in(each, tmp_path)]


def runs_in(process: psutil.Process, folder: Path) -> bool:
    """Say whether a process, which is not this one, works in the folder of a block."""
    try:
        return process.cwd() == str(folder) and process.pid != os.getpid()
    except psutil.Error:
        return False


def fails(check: Check, text: str, message: str, **options: Any) -> str:
    """Return what the check says against a page, which must match."""
    with pytest.raises(pytest.fail.Exception, match=message) as failure:
        check(text, **options)
    return str(failure.value)


def python(source: str, settings: str = "") -> str:
    return f"# Page\n\n```python{settings}\n{dedent(source).strip()}\n```\n"


def pytest_of(page: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "tests/blocks/test_pages.py", f"--page={page}"]
    variables = {name: value for name, value in os.environ.items() if "PYTEST" not in name}
    return subprocess.run(
        [*command, "-p", "no:cacheprovider", *options],
        cwd=ROOT,
        env=variables,
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_good_block_passes(check: Check) -> None:
    """What a block prints is what its page shows."""
    assert ["ok"] == check(python('print("a", 1)\n#> a 1'))


def test_wrong_printed_result(check: Check) -> None:
    """A result on the page that the block does not print is a failure that shows both."""
    said = fails(check, python("print(1 + 1)\n#> 3"), "Print output changed code")

    assert "-#> 3\n" in said
    assert "+#> 2\n" in said


def test_result_that_is_never_printed(check: Check) -> None:
    """A result under a print that the main process did not reach is a failure."""
    source = "if not __name__:\n    print(1)\n    #> 1\nprint(2)\n#> 2"

    fails(check, python(source), "line 6 shows a result that the main process never printed")


def test_result_that_is_missing(check: Check) -> None:
    """A print without its result on the page is a failure."""
    fails(check, python("print(1)"), "Print output changed code")


def test_block_that_raises(check: Check) -> None:
    """A block that raises fails with a traceback that names the page and its line."""
    text = "Text.\n\n" + python("assert 1 + 1 == 3")

    assert 'page.md", line 6, in <module>\n' in fails(check, text, "raises AssertionError")


@pytest.mark.parametrize("number", [9, 19])
def test_block_that_attacks_the_process_that_runs_it(check: Check, number: int) -> None:
    """A block that kills or stops its parent is named by its page and line."""
    said = fails(check, python(f"import os\n\nos.kill(os.getppid(), {number})"), r"page\.md:3")

    assert "it was killed by SIGKILL" in said or "it was stopped by SIGSTOP" in said


def test_block_that_raises_in_a_worker(check: Check) -> None:
    """A traceback from a worker names the page and its line too, with each start method."""
    source = """
        from concurrent.futures import ProcessPoolExecutor


        def work(number: int) -> None:
            raise ValueError(number)


        if __name__ == "__main__":
            with ProcessPoolExecutor(1) as pool:
                pool.submit(work, 1).result()
        """
    for method in START_METHODS:
        text = python(source, f' start="{method}"')

        assert 'page.md", line 8, in work\n' in fails(check, text, "raises ValueError")


def test_block_that_hangs(check: Check) -> None:
    """A block that does not end is killed at the deadline, and its stack is shown."""
    source = "import threading\n\nthreading.Event().wait()"

    said = fails(check, python(source), "'hang' after 3 s", deadline=3)

    assert 'page.md", line 6 in <module>' in said


@pytest.mark.parametrize("method", START_METHODS)
def test_block_whose_worker_hangs(check: Check, method: str) -> None:
    """A worker that does not end is killed with its block, and its stack is shown."""
    source = """
        import threading
        from concurrent.futures import ProcessPoolExecutor


        def work() -> None:
            threading.Event().wait()


        if __name__ == "__main__":
            with ProcessPoolExecutor(1) as pool:
                pool.submit(work).result()
        """

    said = fails(check, python(source, f' start="{method}"'), "'hang' after 6 s", deadline=6)

    assert 'page.md", line 9 in work' in said
    assert 'page.md", line 14 in <module>' in said


def test_block_that_kills_itself(check: Check) -> None:
    """A block that dies by a signal is a crash of that name."""
    source = "import os\nimport signal\n\nos.kill(os.getpid(), signal.SIGKILL)"

    fails(check, python(source), "documents 'ok', the run was 'crash SIGKILL'")


def test_block_that_leaves_a_child_behind(check: Check) -> None:
    """A child that outlives its block is a failure that shows its command line."""
    source = """
        import subprocess

        assert subprocess.Popen(["sleep", "1000"]).pid
        """

    fails(check, python(source), "left processes behind:\nsleep 1000")


def test_block_that_leaves_a_daemon_behind(check: Check) -> None:
    """A process that left the session and the family of its block is found and killed too."""
    source = """
        import os
        import time

        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                time.sleep(1000)
            os._exit(0)
        assert os.wait()
        """

    fails(check, python(source), r"left processes behind:\npython\S* .*block.py")


def test_block_that_proves_nothing(check: Check) -> None:
    """A block that neither asserts nor prints shows that it can be run, and nothing else."""
    fails(check, python("answer = 42"), "proves nothing")


@pytest.mark.parametrize(
    ("expect", "source"),
    [
        ("raises ValueError", 'print("before")\n#> before\nint("a")'),
        ("raises SystemExit", 'raise SystemExit("enough")'),
        ("hang 2", "import threading\n\nthreading.Event().wait()"),
        ("crash SIGKILL", "import os\n\nos.kill(os.getpid(), 9)"),
    ],
)
def test_documented_failure(check: Check, expect: str, source: str) -> None:
    """A failure that the page documents must happen, and what came before it is print-checked."""
    text = python(source, f' expect="{expect}"')

    assert [re.sub(r" [\d.]+$", "", expect)] == check(text)
    fails(check, python("assert True", f' expect="{expect}"'), "the run was 'ok'")


def test_wrong_result_before_a_documented_failure(check: Check) -> None:
    """A documented failure does not hide a wrong result."""
    text = python('print("before")\n#> after\nint("a")', ' expect="raises ValueError"')

    fails(check, text, "Print output changed code")


@pytest.mark.parametrize("method", START_METHODS)
def test_guarded_pool_passes(check: Check, method: str) -> None:
    """A correct program with a pool passes with each start method."""
    assert ["ok"] == check(GUARDED_POOL.format(method=method))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ('expct="raises ValueError"', r'a python block may have expect="..." and start="..."'),
        ('expect="raise ValueError"', 'write expect="raises TYPE"'),
        ('expect="hang"', '"hang SECONDS"'),
        ('expect="hang 0"', '"hang SECONDS"'),
        ('expect="lost"', "is not understood"),
        ("expect=raises", "cannot be read"),
        ('expect="raises ValueError" expect="hang 1"', "cannot be read"),
        ('{expect="raises ValueError"}', "cannot be read"),
        ('start="thread"', "is not one of fork, spawn, forkserver"),
    ],
)
def test_misspelt_setting(check: Check, settings: str, message: str) -> None:
    """A setting that is not understood is an error with page, line and what is allowed."""
    said = fails(check, python('int("a")', " " + settings), message)

    assert "page.md:3: " in said


def test_lint(check: Check) -> None:
    """An unused import, unsorted imports and bad layout fail with the page's line."""
    assert "page.md:4:8" in fails(check, python("import os\n\nprint(1)\n#> 1"), "F401")
    assert "page.md:4:1" in fails(check, python("import sys\nimport os\n\nassert os, sys"), "I001")
    fails(check, python("assert  1"), "black failed")


@pytest.mark.parametrize(
    ("block", "message"),
    [
        ("```json\n{1}\n```", "no valid json"),
        ("```toml\na\n```", "no valid toml"),
        ("```yaml\na: [\n```", "no valid yaml"),
        ("```ini\na\n```", "no valid ini"),
        ('```bash check="parse"\nif\n```', "syntax error"),
        ('```bash check="parse"\nrm $1/*\n```', "SC2115|SC2086"),
        ('```bash check="parsed"\nls\n```', 'write check="parse"'),
        ("```bash\nfalse | true\n```", "documents 'ok', the run was 'raises SystemExit'"),
        ("```bash\nsleep 1000 &\n```", "left processes behind:\nsleep 1000"),
    ],
)
def test_other_languages(check: Check, block: str, message: str) -> None:
    """A block that is not Python is parsed or run by the tool of its language."""
    fails(check, block, message)


def test_commands_run_at_the_root(check: Check) -> None:
    """Commands see the files of the repository and the tools of its environment."""
    assert ["ok"] == check('```bash\ntest -d docs\ntest "$(command -v pytest)"\n```')


def test_environment_of_the_checkout_is_not_replaced(check: Check, tmp_path: Path) -> None:
    """From another environment, a command that would make `.venv` anew is not started."""
    started = tmp_path / "started"
    text = f"```bash\ntouch {started} # noxfile.py\n```"

    fails(check, text, "would replace .venv", prefix=Path("/another/environment"))
    assert not started.exists()


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("```py\n1\n```", "write 'python'"),
        ("```pycon\n>>> 1\n```", "write 'python'"),
        ("```pytb\nTraceback\n```", "write 'text'"),
        ("```rust\n1\n```", "which nothing checks"),
        ("```\n1\n```", "no language"),
        ("```{code-block} python\n1\n```", "write a fence of three backticks"),
        ("```{code-block} python\n:caption: x\n\n1\n```", "write a fence of three backticks"),
        (":::{code-block} python\n1\n:::", "write a fence of three backticks"),
        ("````python\n1\n````", "use exactly three backticks"),
        ("~~~python\n1\n~~~", "use exactly three backticks"),
        (":::python\n1\n:::", "use exactly three backticks"),
        ("````{note}\n```python\n1\n```\n````", "write directives with colons"),
        ("````markdown\n```python\n1\n```\n````", "use exactly three backticks"),
        ('{expect="x"}\n```python\n1\n```', "write them after the language"),
        ("<!--\n```python\n1\n```\n-->", "code in HTML"),
        ("<pre>1</pre>", "code in HTML"),
        ("Text.\n\n    code", "code by indentation"),
        ("> ```python\n> 1\n> ```", "inside a quote"),
        ("```python\n1", "never closed"),
        ('```{.python test="skip"}\n1\n```', "which nothing checks"),
        ("```{eval-rst}\n.. code:: python\n\n   1\n```", "write a fence of three backticks"),
        (":::{note}\n```py\n1\n```\n:::", "page.md:2: a block in 'py'"),
    ],
)
def test_fence_that_a_tool_could_overlook(tmp_path: Path, text: str, fault: str) -> None:
    """Code outside the dialect is a fault of its page."""
    page = tmp_path / "page.md"
    page.write_text(text, "utf-8")

    assert 1 == len(Page.read(page).faults)
    assert fault in Page.read(page).faults[0]


@pytest.mark.parametrize(
    "template",
    [
        "{}",
        "- item\n\n{}",
        "1. item\n   - item\n\n{}",
        ":::{{note}}\n:class: x\n\n{}\n:::",
        "::::{{tab-set}}\n:::{{tab-item}} A\n{}\n:::\n::::",
        "Term\n: text\n\n{}",
        "```text\nx\n```\n\n{}",
        "[^1]\n\n[^1]: foot\n\n{}",
    ],
)
def test_fence_in_the_dialect(tmp_path: Path, template: str) -> None:
    """A fence is found with its line, its source and its place, wherever it stands."""
    depth = {"-": 2, "1": 5, "T": 2, "[": 4}.get(template[0], 0)
    fence = '```python expect="raises KeyError"\nif 1:\n\n    {}["A"]\n```'
    indented = "\n".join(" " * depth + line if line else line for line in fence.split("\n"))
    path = tmp_path / "page.md"
    path.write_text(template.format(indented) + "\n\nText.\n", "utf-8")
    page = Page.read(path)
    block = page.blocks[-1]
    lines = path.read_text("utf-8").split("\n")

    assert [] == page.faults
    assert 'if 1:\n\n    {}["A"]\n' == block.source
    assert {"expect": "raises KeyError"} == block.settings
    assert lines[block.line - 1].strip().startswith("```python")
    assert lines[block.line].strip() == "if 1:"
    assert page.text[: block.start].endswith('KeyError"\n')
    assert page.text[block.end :].lstrip(" ").startswith("```\n")


def test_zero_blocks(tmp_path: Path) -> None:
    """A run that would check nothing fails, and says so."""
    page = tmp_path / "page.md"
    page.write_text("# No code\n", "utf-8")
    run = pytest_of(page)

    assert 0 != run.returncode
    assert "there is no block in" in run.stdout + run.stderr


def test_update_in_place(tmp_path: Path) -> None:
    """The results of all blocks of a page are rewritten, and no other byte is."""
    page = tmp_path / "page.md"
    text = (
        "# Päge\n\n```python\nprint(1 + 1)\n#> {}\nprint('x\\ty')\n{}```\n\n- item\n\n"
        "  ```python\n  for number in range(2):\n      print(number)\n{}  ```\n\nText  \nlast"
    ).replace("'", '"')
    page.write_bytes(text.format(3, "", "      #> 7\n").encode())
    run = pytest_of(page, "--update-examples")

    assert 0 == run.returncode, run.stdout
    updated = text.format(2, "#> x\ty\n", "      #> 0\n      #> 1\n")
    assert updated.encode() == page.read_bytes()


def test_update_in_parallel_is_refused(tmp_path: Path) -> None:
    """Two processes that update one page would destroy it: the command says what to do instead."""
    page = tmp_path / "page.md"
    page.write_text("```python\nprint(1)\n```\n", "utf-8")
    run = pytest_of(page, "--update-examples", "-n", "2")

    assert 4 == run.returncode
    assert "run it without -n" in run.stderr
    assert "```python\nprint(1)\n```\n" == page.read_text("utf-8")
