"""What the names of libraries mean: clients, workers, threads, containers.

Libraries are not read, only named, so this is the one place to extend for a new one. Names are
those under which a library offers something and, where it differs, under which it defines it.
"""

import ast
import re

from .kinds import Client

CLIENT = re.compile(r"google\.(?!auth\.|oauth2\.)[\w.]*\b[A-Z]\w*Client|google\.[\w.]+\.Client")
CHANNEL = re.compile(
    r"grpc\.(aio\.)?(insecure_channel|secure_channel|intercept_channel)"
    r"|google\.api_core\.grpc_helpers(_async)?\.create_channel"
    r"|google\.[\w.]+(Grpc|GrpcAsyncIO|Rest)Transport(\.create_channel)?"
    r"|firebase_admin\.firestore(_async)?\.client"
)
CONSTRUCTOR = re.compile(r"(?P<client>.+)\.(from_service_account_\w+|create_anonymous_client)")
TRANSPORT = {"transport", "_transport", "grpc_channel", "_grpc_channel"}
TEXTS = {"project", "api_endpoint", "universe_domain", "location", "host", "DEFAULT_ENDPOINT"}
"""Attributes of clients that are text."""
FORKS_LIKE_MULTIPROCESSING = re.compile(r"(billiard|multiprocess|torch\.multiprocessing)(?=\.|$)")

WORKERS = {
    "multiprocessing.Process": "process",
    "multiprocessing.context.Process": "process",
    "multiprocessing.process.BaseProcess": "process",
    "multiprocessing.Pool": "pool",
    "multiprocessing.pool.Pool": "pool",
    "multiprocessing.Manager": "manager",
    "concurrent.futures.ProcessPoolExecutor": "executor",
    "concurrent.futures.process.ProcessPoolExecutor": "executor",
}
CONTEXTS = {"executor": 1, "pool": 4}
"""Where among its positional arguments a constructor of workers takes its context."""
THREADS = {
    "threading.Thread",
    "threading.Timer",
    "concurrent.futures.ThreadPoolExecutor",
    "concurrent.futures.thread.ThreadPoolExecutor",
    "multiprocessing.pool.ThreadPool",
    "multiprocessing.dummy.Pool",
}
CACHES = re.compile(
    r"functools\.(cache|lru_cache|cached_property)|(cachetools|async_lru|methodtools)\.\w+"
    r"|django\.utils\.functional\.cached_property|asyncstdlib\.\w*cache\w*"
)
PASSED_ON = {
    *(f"builtins.{name}" for name in ("dict", "enumerate", "frozenset", "list", "zip")),
    *(f"builtins.{name}" for name in ("iter", "reversed", "set", "sorted", "tuple")),
    *(f"itertools.{name}" for name in ("chain", "cycle", "product", "repeat", "zip_longest")),
    "functools.partial",
    "types.SimpleNamespace",
}
SUBPROCESS = {
    f"subprocess.{name}" for name in ("Popen", "run", "call", "check_call", "check_output")
}
FORKING_OPTIONS = ("preexec_fn", "user", "group", "extra_groups")


def client_of(name: str) -> Client | None:
    """Return the client that a call of this name makes."""
    if constructor := CONSTRUCTOR.fullmatch(name):
        name = constructor["client"]
        return client_of(name) if CLIENT.fullmatch(name) else None
    if CLIENT.fullmatch(name) or CHANNEL.fullmatch(name):
        last = name.rpartition(".")[2]
        shown = last if last[0].isupper() else "channel" if "channel" in last else "client"
        is_async = "Async" in last or name.startswith("grpc.aio.") or "_async." in name
        return Client(shown, is_async)
    return None


def given_context(call: ast.Call, kind: str | None) -> ast.expr | None:
    """Return what a call that makes workers is given as their context, by name or position."""
    for keyword in call.keywords:
        if keyword.arg in ("mp_context", "context"):
            return keyword.value
    place = CONTEXTS.get(kind or "", len(call.args))
    return call.args[place] if place < len(call.args) else None


def forking_option(call: ast.Call) -> str | None:
    """Return the argument for which a subprocess is forked as the process itself is."""
    for keyword in call.keywords:
        if keyword.arg in FORKING_OPTIONS and not is_none(keyword.value):
            return keyword.arg
    return None


def is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None
