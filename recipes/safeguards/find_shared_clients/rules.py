"""The rules: what each finds, what it cannot see, and the page that shows what to do instead."""

from dataclasses import dataclass

BOOK = "https://iam-concurrency-cookbook.readthedocs.io/en/latest/"


@dataclass(frozen=True)
class Rule:
    """`finds` completes the sentence "It finds"; `misses` says where the rule is silent."""

    id: str
    finds: str
    misses: str
    page: str


RULES = {
    rule.id: rule
    for rule in (
        Rule(
            "client-at-import",
            "a client that is created at import, in a module that forks afterwards, that a forking "
            "module imports, or that defines Celery tasks",
            "modules that are imported by a name that is computed",
            "processes/create-in-pool-worker",
        ),
        Rule(
            "client-before-fork",
            "a client that a function creates before the process forks",
            "an order that only a caller outside of the given paths knows",
            "processes/list-first-then-fork",
        ),
        Rule(
            "cached-client",
            "a cached factory that is used before the process forks, so that its client is "
            "inherited",
            "caches that are neither a decorator, a global nor a `cached_property`",
            "processes/create-on-first-use",
        ),
        Rule(
            "close-then-fork",
            "a client that is closed before the process forks",
            "clients that are closed in another object's method",
            "processes/close-then-fork",
        ),
        Rule(
            "client-as-argument",
            "a client, or a method of one, that is handed to a worker",
            "pools that are parameters without an annotation",
            "processes/send-settings",
        ),
        Rule(
            "captured-client",
            "a worker's function that uses a client of the process that started it",
            "functions that are looked up by name at run time",
            "processes/create-in-process",
        ),
        Rule(
            "pickled-client",
            "a client that is pickled or copied",
            "a pickler of another library than `pickle`, `dill`, `cloudpickle` and `joblib`",
            "processes/send-settings",
        ),
        Rule(
            "fork-beside-client",
            "fork as the chosen start method, or `os.fork`, beside a client that is created before "
            "it, or in no certain order",
            "in no certain order, clients of other modules",
            "processes/choose-start-method",
        ),
        Rule(
            "fork-beside-threads",
            "threads that run when the process forks, where fork is chosen or the threads use a "
            "client",
            "threads that a library starts",
            "processes/fork-before-threads",
        ),
        Rule(
            "forking-subprocess",
            "`preexec_fn=`, `user=`, `group=` or `extra_groups=` of a subprocess, beside a client",
            "arguments that are passed as `**options`",
            "processes/start-other-programs",
        ),
        Rule(
            "preload-app",
            "`preload_app` or `--preload` of gunicorn, where the application creates a client at "
            "import",
            "options in files that are not Python",
            "processes/create-on-first-use",
        ),
        Rule(
            "preload-forkserver",
            "`set_forkserver_preload` of a module that creates a client at import",
            "modules outside of the given paths",
            "processes/preload-forkserver",
        ),
        Rule(
            "fork-support-in-code",
            "`GRPC_ENABLE_FORK_SUPPORT` set by the program itself",
            "environments that are made for another program",
            "processes/fork-support",
        ),
        Rule(
            "async-client-at-import",
            "an async client that is created at import, before there is an event loop",
            "clients that a class creates at import by its metaclass",
            "processes/create-on-first-use",
        ),
        Rule(
            "unused-suppression",
            "a comment `shared-client: ignore` that suppresses nothing",
            "rules that are not selected",
            "safeguards/find-shared-clients",
        ),
    )
}


def url(page: str) -> str:
    """Return the published address of a page."""
    return f"{BOOK}{page}.html"
