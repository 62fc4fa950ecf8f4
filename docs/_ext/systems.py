"""The systems that a recipe runs on, by what it uses.

Trials are made on Linux alone. What a recipe uses of Python that another system does not have is
seen in its syntax tree; the documentation of Python's modules says which names those are.
"""

import ast
from collections.abc import Iterator

NOT_ON_WINDOWS = {
    "fcntl",
    "pwd",
    "resource",
    "termios",
    *("os.fork", "os.killpg", "os.register_at_fork", "os.waitid", "os.WNOHANG"),
    *("select.epoll", "select.poll", "select.select"),
    *("signal.SIGALRM", "signal.SIGKILL", "signal.SIGUSR1", "signal.SIGUSR2", "signal.alarm"),
    *("signal.pthread_kill", "signal.pthread_sigmask", "signal.setitimer", "signal.sigwait"),
}
"""Names of the standard library; `select.select` takes no pipe there."""
LINUX_ALONE = {"select.epoll"}
START_METHODS_OF_UNIX = {"fork", "forkserver"}
PROC = "/proc/"


def systems(text: str) -> str:
    """Say what a recipe uses that macOS or Windows does not have, one name of it, or nothing."""
    used = sorted({*_used(ast.parse(text))})
    for name in used:
        if name in LINUX_ALONE or name.startswith(PROC):
            return f"uses `{name}`, which macOS and Windows do not have"
    for name in used:
        return f"uses `{name}`, which Windows does not have"
    return "uses nothing that macOS or Windows does not have"


def _used(tree: ast.Module) -> Iterator[str]:
    """Yield what a recipe uses that not every system has."""
    for node in ast.walk(tree):
        for name in _names(node):
            if name in NOT_ON_WINDOWS:
                yield name
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            if node.value.startswith(PROC):
                yield node.value
            elif node.value in START_METHODS_OF_UNIX:
                yield f'get_context("{node.value}")'


def _names(node: ast.AST) -> list[str]:
    """Return the names of the standard library that one node may mean."""
    if isinstance(node, ast.Attribute):
        return [ast.unparse(node)]
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        return [str(node.module), *(f"{node.module}.{alias.name}" for alias in node.names)]
    return []
