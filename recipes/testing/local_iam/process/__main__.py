"""The process that a local IAM lives in: started by `LocalIAM`, ended when its standard input ends.

It says on standard output, in one line of JSON, how it can be reached or why it could not start.
"""

import asyncio
import contextlib
import json
import os
import shutil
import signal
import sys
import tempfile
import types
import warnings
from importlib.util import find_spec
from pathlib import Path

from .event_loop import run

PARENT_POLL_SECONDS = 0.5
NEEDED = "google-cloud-iam h11 'pyjwt[crypto]' trustme"
SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def without_clients() -> None:
    """Let the message types be imported without the clients: that saves most of the start-up.

    The packages of the clients are replaced, in this process alone, by empty ones with the same
    path, so that `google.cloud.iam_admin_v1.types` is found and its siblings are not run.
    """
    for version in ("admin_v1", "credentials_v1", "v2", "v2beta", "v3", "v3beta"):
        name = f"google.cloud.iam_{version}"
        found = find_spec(name)
        if found is None or found.submodule_search_locations is None:
            if version.startswith("v"):
                continue
            raise ModuleNotFoundError(name=name)
        package = types.ModuleType(name)
        package.__path__ = list(found.submodule_search_locations)
        package.__spec__ = found
        sys.modules[name] = package


async def serve(settings_text: str, parent: int, directory: Path) -> None:
    """Serve until the parent ends or a signal comes."""
    without_clients()
    from .host import Host, Settings

    done = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in SIGNALS:
        loop.add_signal_handler(number, done.set)
    try:
        host = Host(Settings(**json.loads(settings_text)), directory)
        try:
            print(json.dumps(await host.open()), flush=True)
            watch = loop.create_task(watch_parent(parent, done))
            await done.wait()
            watch.cancel()
        finally:
            await host.close()
    finally:
        # Here a further signal only sets `done` again; after the loop it would end the process.
        shutil.rmtree(directory, ignore_errors=True)


async def watch_parent(parent: int, done: asyncio.Event) -> None:
    """Set `done` when standard input ends or the parent is gone.

    A fork of the parent keeps standard input open, so its end alone says too little.
    """
    loop = asyncio.get_running_loop()

    def read() -> None:
        if not os.read(sys.stdin.fileno(), 4096):
            done.set()

    loop.add_reader(sys.stdin.fileno(), read)
    while os.getppid() == parent:
        await asyncio.sleep(PARENT_POLL_SECONDS)
    done.set()


def end(number: int, _: types.FrameType | None) -> None:
    """End before the event loop runs, with the files removed."""
    sys.exit(0)


def reason(error: Exception) -> str:
    """Say in one line why there is no local IAM, and what to do where something is missing."""
    if isinstance(error, ModuleNotFoundError):
        return f"{error.name} is not installed: pip install {NEEDED}"
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def main() -> int:
    """Run the process with its settings and the id of its parent; return its exit code."""
    warnings.filterwarnings("ignore", "The RSA key is 1024 bits")  # IAM makes such keys
    for number in SIGNALS:
        signal.signal(number, end)
    # A signal that comes before the directory can be removed waits until it can.
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    directory = Path(tempfile.mkdtemp(prefix="local-iam-"))
    try:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
        run(serve(sys.argv[1], int(sys.argv[2]), directory))
    except (OSError, ModuleNotFoundError, ValueError) as error:
        with contextlib.suppress(BrokenPipeError):
            print(json.dumps({"error": reason(error)}), flush=True)
        return 1
    finally:
        for number in SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        shutil.rmtree(directory, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
