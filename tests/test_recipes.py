"""Rules that each recipe and each broken twin keeps, read from its syntax tree."""

import ast
from collections.abc import Iterator

import pytest

from tests.book import BOOK, ROOT, is_twin
from tests.support.longest_call import unsaid
from tests.support.opened import left_open
from tests.support.waits import endless

ADMIN = "from google.cloud import iam_admin_v1 as admin\n"
WITHOUT = "threads/set_deadlines_and_retries_broken"
"""The twin that is about the deadline, and has none."""
CREDENTIALS = "from google.cloud import iam_credentials_v1\n"

END_OF_PARENT = "parent.join()"
"""Of a thread in a worker that ends it with its parent, and keeps nobody waiting."""
OF_WORKERS = [
    file
    for file in BOOK.files()
    if not is_twin(file)
    and (file.startswith("processes/") or END_OF_PARENT in BOOK.path(file).read_text("utf-8"))
]
DONE = {
    "processes/create_in_process": ["reader.recv()"],
    "processes/create_rest_client": ["reader.recv()"],
    "processes/stop_pool": ["future.result()"],
    "processes/stream_results": ["future.exception()", "future.result()"],
    "processes/survive_worker_death": ["future.exception()", "future.result()"],
    "safeguards/refuse_inherited_client": ["warm.wait()"],
}
"""Waits for what is done by then: `wait` gave it, `done()` said so, or a callback was called.

A barrier of threads whose calls have deadlines is one, too.
"""


@pytest.mark.parametrize("file", BOOK.files())
def test_call_has_an_end_and_says_when(file: str) -> None:
    """`timeout=` bounds an attempt: what bounds the call is passed, too, or said beside it."""
    found = unsaid(BOOK.path(file).read_text("utf-8"))

    assert (file == WITHOUT) == bool(found), found


@pytest.mark.parametrize(
    "call",
    [
        CREDENTIALS + "client.sign_blob(name=name, timeout=10)  # at most 70 s",
        CREDENTIALS + "# at most 70 s a page\nclient.sign_blob(\n    name=name, timeout=10\n)",
        CREDENTIALS + "client.sign_blob(\n    timeout=10,  # at most 70 s\n)",
        CREDENTIALS + "client.sign_blob(name=name, timeout=10, retry=None)",
        CREDENTIALS + "program.communicate(timeout=10)",
        ADMIN + "client.sign_blob(name=name, timeout=10)  # at most 10 s",
    ],
)
def test_bound_is_passed_or_said(call: str) -> None:
    """A comment counts at the call, or in the line before; how often a client tries is its own."""
    assert [] == unsaid(call)


@pytest.mark.parametrize(
    "call",
    [
        "client.sign_blob(name=name, timeout=10)",
        "client.sign_blob(name=name, timeout=10)  # at most 60 s",
        "client.sign_blob(name=name, timeout=10)\n# at most 70 s",
        "# at most 70 s\n\nclient.sign_blob(name=name, timeout=10)",
        "await client().sign_blob(name=name, timeout=10)",
    ],
)
def test_bound_that_is_wrong_or_missing_is_found(call: str) -> None:
    """The line and the bound that holds are named."""
    number = 1 + next(n for n, line in enumerate(call.splitlines(), 1) if "sign_blob" in line)

    assert [f"line {number}: sign_blob takes at most 70 s"] == unsaid(CREDENTIALS + call)


def test_call_by_rest_has_no_bound_to_say() -> None:
    """Its comment says how long each wait for the network may take."""
    client = CREDENTIALS + 'client = Client(transport="rest")\nclient.sign_blob(timeout=10)'

    assert [] == unsaid(f"{client}  # 10 s a wait")
    assert ["line 3: sign_blob bounds each wait, not the call"] == unsaid(
        f"{client}  # at most 70 s"
    )


@pytest.mark.parametrize("passed", ["", ", retry=None", ", timeout=None"])
def test_call_without_a_deadline_is_found(passed: str) -> None:
    """A retry alone ends nothing that hangs."""
    call = f"{CREDENTIALS}client.sign_blob(name=name{passed})  # at most 70 s"

    assert ["line 2: sign_blob has no timeout"] == unsaid(call)


@pytest.mark.parametrize("file", OF_WORKERS)
def test_wait_for_a_worker_has_a_limit(file: str) -> None:
    """A worker that died or hangs is not waited for: a task of it may never be answered."""
    found = {*endless(BOOK.path(file).read_text("utf-8"))} - {END_OF_PARENT}

    assert DONE.get(file, []) == sorted(found)


@pytest.mark.parametrize(
    "wait",
    [
        "future.result()",
        "queue.get()",
        "process.join()",
        "reader.recv()",
        "wait(futures)",
        "wait(futures, return_when=FIRST_COMPLETED)",
        "as_completed(futures)",
        "workers.map(mint, emails)",
        "program.communicate()",
        "free.acquire()",
        "answers.next()",
    ],
)
def test_wait_without_a_limit_is_found(wait: str) -> None:
    """It is named as it stands there."""
    assert [wait] == endless(f"for each in {wait}:\n    pass")


@pytest.mark.parametrize(
    "wait",
    [
        "future.result(timeout=LIMIT)",
        "queue.get(timeout=1)",
        "process.join(1)",
        "wait(futures, 5)",
        "wait(futures, timeout=5)",
        "as_completed(futures, timeout=5)",
        "workers.map(mint, emails, timeout=5)",
        "threads.map(mint, emails)",
        "map(mint, emails)",
        "' '.join(words)",
        "names.get(name)",
        "free.acquire(timeout=LIMIT)",
    ],
)
def test_limit_is_seen(wait: str) -> None:
    """Threads end with their calls, which have deadlines; strings and mappings are no waits."""
    assert [] == endless(wait)


def machinery(name: str) -> Iterator[tuple[str, str]]:
    """Yield each recipe that has a function of this name, with the function's code."""
    for file in OF_WORKERS:
        for node in ast.parse(BOOK.path(file).read_text("utf-8")).body:
            if isinstance(node, ast.FunctionDef) and node.name == name:
                yield file, ast.unparse(node).replace("multiprocessing.", "")


@pytest.mark.parametrize(("name", "forms"), [("end_with_parent", 1), ("answer", 3)])
def test_machinery_is_alike_wherever_it_is(name: str, forms: int) -> None:
    """Who has understood it in one recipe knows it in all.

    `answer` has a form where each task was submitted, and one of a pool that is broken.
    """
    found = dict(machinery(name))

    assert len(found) > 5
    assert forms == len({*found.values()}), found


def narrow(text: str) -> list[str]:
    """List what a recipe catches of calls alone.

    Outside of functions an error of the list that gives the inputs ends the program.
    """
    caught = [
        ast.unparse(node.type)
        for function in ast.parse(text).body
        if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))
        for node in ast.walk(function)
        if isinstance(node, ast.ExceptHandler) and node.type is not None
    ]
    return [each for each in caught if "GoogleAPIError" in each or "Rpc" in each]


@pytest.mark.parametrize("file", BOOK.files())
def test_error_of_any_kind_becomes_an_answer(file: str) -> None:
    """What catches an error of a call catches each: the input may be what is wrong."""
    assert [] == narrow(BOOK.path(file).read_text("utf-8"))


def test_recipe_of_the_first_steps_keeps_the_rules() -> None:
    """Who follows CONTRIBUTING.md to the letter has a recipe that passes."""
    steps = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    recipe = steps.partition("\n```python\n")[2].partition("\n```\n")[0]

    assert recipe.startswith("# /// script")
    assert ([], []) == (unsaid(recipe), narrow(recipe))


KEPT = {
    "event_loops/share_one_loop": ["Client"],  # who asked the loop for it closes it in the end
    "event_loops/use_processes": ["Client"],  # created in the loop of a worker, and ends with that
    "processes/create_on_first_use": ["iam_admin_v1.IAMClient"],  # kept by its process's number
}
"""What a function of a recipe opens, and another closes or keeps as long as its process lives."""


@pytest.mark.parametrize("file", [rule.recipe for rule in BOOK.rules()])
def test_what_is_opened_is_closed(file: str) -> None:
    """On every path out of a recipe its clients and pools are closed."""
    found = left_open(BOOK.path(file).read_text("utf-8"))

    assert KEPT.get(file, []) == [opened.partition(": ")[2] for opened in found], found


@pytest.mark.parametrize(
    "block",
    [
        "with {} as client:\n    pass",
        "async with ThreadPoolExecutor(8), {} as client:\n    pass",
        "client = {}\nwith client:\n    pass",
        "clients = [stack.enter_context({}) for _ in range(4)]",
        "def use():\n    client = {}\n    try:\n        pass\n    finally:\n        client.close()",
        "def start():\n    global admin, client\n    admin, client = None, {}",
        "@cache\ndef client():\n    return {}",
        "with {}:\n    raise BrokenExecutor('no worker is left')",
    ],
)
def test_closing_is_seen(block: str) -> None:
    """A block that is left closes it, and what belongs to a process ends with the process."""
    assert [] == left_open(block.format("iam.IAMClient()"))


@pytest.mark.parametrize(
    "block",
    [
        "client = {}",
        "def client():\n    return {}",
        "def use():\n    client = {}\n    client.call()\n    client.close()",
        "try:\n    client = {}\nfinally:\n    other.close()",
        "def start():\n    global client\n    other = {}",
        "with other:\n    client = {}",
    ],
)
def test_what_may_stay_open_is_found(block: str) -> None:
    """An error before the last line would leave it open."""
    opened = block.format("iam.IAMClient()")
    number = 1 + next(n for n, line in enumerate(opened.splitlines()) if "IAMClient" in line)

    assert [f"line {number}: iam.IAMClient"] == left_open(opened)
